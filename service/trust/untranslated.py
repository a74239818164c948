"""Finds German that was left in an English output: words no English text has, and a source that came back as it was."""

import re
from collections.abc import Iterator, Sequence

from service.trust.findings import Code, Finding
from service.trust.lexicon import word_set
from service.trust.passage import Passage
from service.types import Span

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_RUN_WORDS = 4
_SHOWN_WORDS = 5
_LEAST_SHARE = 0.11
_LEAST_WORDS = 3
_LEAST_COPIED_CHARS = 5
_LEAST_COPIED = 2
_APART = re.compile(
    r"(?<!\S)\S{0,200}(?:@|://|www\.|\.\w{2,4}/)\S*|[„“”\"»«'‚‘(\[][^„“”\"»«'’‚‘()\[\]]{1,80}[“”\"«»'’‘)\]]"
)
_ENGLISH_ENDS = ("s", "es", "ed", "d", "ing", "er", "ers", "ly", "al", "ness", "less", "able")


def untranslated(source: Passage, output: Passage) -> Iterator[Finding]:
    """At most one finding, at the German words: a run of them, a third of the sentence, or words copied unchanged.

    Quoted words and addresses may stay German; capitalised words may be names.
    """
    words, written = _words(source), _words(output)
    if _is_copy(words, written):
        yield Finding(Code.UNTRANSLATED, "the source came back as it was", output=Span(0, len(output.text)))
        return
    if not _may_have_german(words, written):
        return
    found = list(_WORD.finditer(_APART.sub(lambda match: " " * len(match[0]), output.text)))
    left = _german(found) or _copied(found, words) or _run(found, words)
    if left:
        span = Span(left[0].start(), left[-1].end())
        yield Finding(Code.UNTRANSLATED, f"German: {' '.join(match[0] for match in left[:_SHOWN_WORDS])}", output=span)


def _words(passage: Passage) -> list[str]:
    """The passage's words, but "don't" is one."""
    return _WORD.findall(passage.text) if "'" in passage.text or "’" in passage.text else passage.words


def _may_have_german(source: Sequence[str], output: Sequence[str]) -> bool:
    """Whether any rule below may hold: a German word, or one of the source that is not English; most have neither."""
    if not word_set("german_only").isdisjoint(output):
        return True
    return any(word.islower() and _is_foreign(word) for word in {*source}.intersection(output))


def _german(found: Sequence[re.Match[str]]) -> list[re.Match[str]]:
    """Frequent German words, where they are three and a ninth of the sentence."""
    german = [match for match in found if _is_german(match[0])]
    return german if len(german) >= _LEAST_WORDS and len(german) >= _LEAST_SHARE * len(found) else []


def _copied(found: Sequence[re.Match[str]], source: Sequence[str]) -> list[re.Match[str]]:
    """Two different words in lower case that are the source's and no English ones."""
    there = set(source)
    copied = [match for match in found if match[0] in there and match[0].islower() and _is_foreign(match[0])]
    return copied if len({match[0] for match in copied}) >= _LEAST_COPIED else []


def _run(found: Sequence[re.Match[str]], source: Sequence[str]) -> list[re.Match[str]]:
    """The first four words in a row that the source has in a row too, with a German one among them."""
    there = {tuple(source[place : place + _RUN_WORDS]) for place in range(len(source) - _RUN_WORDS + 1)}
    for place in range(len(found) - _RUN_WORDS + 1):
        run = found[place : place + _RUN_WORDS]
        words = tuple(match[0] for match in run)
        if words in there and any(_is_german(word) or (word.islower() and _is_foreign(word)) for word in words):
            return list(run)
    return []


def _is_copy(words: Sequence[str], others: Sequence[str]) -> bool:
    if len(words) != len(others) or any(one.lower() != other.lower() for one, other in zip(words, others, strict=True)):
        return False
    foreign = sum(_is_german(word) or (word.islower() and _is_foreign(word)) for word in words)
    return len(words) >= _LEAST_WORDS and foreign > 0


def _is_german(word: str) -> bool:
    return word in word_set("german_only")


def _is_foreign(word: str) -> bool:
    """Whether no English word is like it."""
    if len(word) < _LEAST_COPIED_CHARS:
        return False
    listed = word_set("english_words")
    stems = {word, *(word.removesuffix(end) for end in _ENGLISH_ENDS)}
    return stems.isdisjoint(listed)
