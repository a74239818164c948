"""All checks of a translated sentence and of a summary."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import chain

from service.checks.base import Code, Finding, Passage
from service.checks.figures import figures, keys, units
from service.checks.names import added_names, index, names
from service.checks.repetition import repeated_sentences, repeated_words
from service.checks.wording import negations, negations_of_summary, quoted, verbatim
from service.domain import Span
from service.languages.wordlists import word_set

_LEAST_CHARS = 12
_STEPS = (20, 30, 45, 60, 90, 120, 160, 220)
_SHORTEST = (0.40, 0.48, 0.48, 0.48, 0.50, 0.55, 0.58, 0.62, 0.63)
_LONGEST = (2.30, 1.70, 1.55, 1.50, 1.45, 1.42, 1.38, 1.28, 1.24)
"""Of German news translated by people 99 in 100 sentences stay within, by the characters of the source."""


def length_ratio(source: str, output: str) -> Iterator[Finding]:
    """Whether ``output`` has far fewer or far more characters than a translation of ``source``.

    The shorter a source is, the wider is what passes; of fewer than twelve characters everything does.
    """
    chars = len(source.strip())
    if chars < _LEAST_CHARS or not output.strip():
        return
    step = bisect_right(_STEPS, chars)
    ratio = len(output.strip()) / chars
    span = Span(0, len(output))
    if ratio < _SHORTEST[step]:
        yield Finding(
            Code.OUTPUT_TOO_SHORT, f"{ratio:.0%} of the source's length: something may be left out", output=span
        )
    elif ratio > _LONGEST[step]:
        yield Finding(
            Code.OUTPUT_TOO_LONG, f"{ratio:.0%} of the source's length: something may be made up", output=span
        )


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


def check_sentence(source: str, output: str) -> list[Finding]:
    """The findings of one sentence by itself; spans begin at its own start. Costs a fraction of a millisecond."""
    if not any(char.isalnum() for char in output):
        return list(_emptied(source, output))
    german, english = Passage.of(source, "de"), Passage.of(output, "en")
    return list(
        chain(
            figures(german, english),
            units(german, english),
            names(german, english),
            quoted(source, output),
            negations(german, english),
            repeated_words(german, english),
            length_ratio(source, output),
            untranslated(german, english),
        )
    )


def _emptied(source: str, output: str) -> Iterator[Finding]:
    if any(char.isalpha() for char in source):
        yield Finding(Code.EMPTY_OUTPUT, "nothing was translated", Span(0, len(source)), Span(0, len(output)))


def check_summary(source: str, summary: str, sentences: Sequence[tuple[Span, Sequence[Span]]]) -> list[Finding]:
    """What an editor should know of ``summary``, sentence by sentence.

    ``sentences``: where each stands in ``summary`` and where the sentences that support it stand in ``source``. Numbers
    and negation are held against the support, names and quotations against the whole source. A number that only another
    place of the article has is a note. Spans are code points of ``source`` and ``summary``; a finding that is about
    something left out points to the first supporting sentence.
    """
    whole = Passage.of(source, "de")
    said, known = keys(whole), index(whole)
    outputs = [written.of(summary) for written, _ in sentences]
    backings = [" ".join(span.of(source) for span in support) for _, support in sentences]
    repeated = {number: [finding] for number, finding in repeated_sentences(backings, outputs)}
    found: list[Finding] = []
    for number, (written, support) in enumerate(sentences):
        sentence = Passage.of(outputs[number], "de")
        if not any(char.isalnum() for char in outputs[number]):
            own: Iterator[Finding] = iter(
                [Finding(Code.EMPTY_OUTPUT, "an empty sentence", output=Span(0, len(written.of(summary))))]
            )
        elif not support:
            message = "no sentence of the source stands behind this one"
            own = iter([Finding(Code.SENTENCE_UNSUPPORTED, message, output=Span(0, len(outputs[number])))])
        else:
            backing = Passage.of(backings[number], "de")
            own = chain(
                figures(backing, sentence, complete=False, elsewhere=said),
                units(backing, sentence),
                negations_of_summary(backing, sentence),
            )
        shared = chain(
            added_names(known, sentence),
            verbatim(source, outputs[number]),
            repeated_words(whole, sentence),
            repeated.get(number, ()),
        )
        found += [_placed(finding, written, support) for finding in chain(own, shared)]
    return found


def _placed(finding: Finding, written: Span, support: Sequence[Span]) -> Finding:
    """The finding with its place in the summary; its place in the joined support gives way to the first sentence."""
    output = None if finding.output is None else finding.output.shifted(written.start)
    source = support[0] if support and finding.source is not None else None
    return Finding(finding.code, finding.message, source, output, finding.severity)
