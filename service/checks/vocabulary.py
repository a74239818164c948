"""Checks that a translation contains no words of the source language and no invented words."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice

from service.checks.base import Code, Finding, Passage, Severity
from service.checks.copied import quotations
from service.checks.names import Index, are_capitals, opens_sentence, plain
from service.domain import Span
from service.languages.base import Language
from service.text.literals import find_literals

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_RUN_WORDS = 4
_SHOWN_WORDS = 5
_LEAST_SHARE = 0.11
_LEAST_WORDS = 3
_LEAST_COPIED_CHARS = 5
_LEAST_COPIED = 2
_NAME_PARTICLES = frozenset(
    "von zu zum zur vom van der den de del della di da dal do dos das du des la le lo las los el al bin ibn ben".split()
)
_MOST_QUOTED = 80
_ADDRESS = r"(?<!\S)\S{0,200}(?:@|://|www\.|\.\w{2,4}/)\S*"
_ENCLOSED = re.compile(rf"{_ADDRESS}|(?:(?<!\w)['‚‘]|[(\[])[^„“”\"»«'’‚‘()\[\]]{{1,{_MOST_QUOTED}}}['’‘)\]]")
_APART = re.compile(rf"{_ENCLOSED.pattern}|[„“”\"»«][^„“”\"»«'’‚‘()\[\]]{{1,{_MOST_QUOTED}}}[“”\"»«]")


def check_untranslated(source: Passage, output: Passage) -> Iterator[Finding]:
    """Check that ``output`` does not contain text in the source language.

    The check looks for words that are frequent in the source language, and for words and sequences of words that are
    copied from ``source``. It also reports an output that consists of the same words as ``source``, if there are at
    least three. It yields at most one finding. Passages of up to 80 characters in quotation marks or brackets,
    addresses and other literal passages need not be translated. Nor do words with a capital letter, which may be names.
    """
    words, foreign = _WORD.findall(source.text), _Foreign(source.language, output.language)
    if _is_copy(words, _WORD.findall(output.text), foreign):
        yield Finding(Code.UNTRANSLATED, "the words are the same as in the source", output=Span(0, len(output.text)))
        return
    literal = {place for one in find_literals(output.text) for place in range(*one.span)}
    apart = _APART.sub(lambda match: " " * len(match[0]), output.text)
    found = [match for match in _WORD.finditer(apart) if match.start() not in literal]
    left = _frequent(found, source.language) or _copied(found, words, foreign) or _run(found, words, foreign)
    if left:
        span = Span(left[0].start(), left[-1].end())
        shown = " ".join(match[0] for match in left[:_SHOWN_WORDS])
        yield Finding(Code.UNTRANSLATED, f"some words are still in {source.language.name}: {shown}", output=span)


class _Foreign:
    """A classifier that recognises words that do not belong to the target language."""

    def __init__(self, source: Language, target: Language) -> None:
        self._frequent = source.frequent_words
        self._knows = target.knows

    def unknown(self, word: str) -> bool:
        """Return whether the word is in lower case, has at least five letters, and is unknown in the target language.

        The result is False if the target language has no word list.
        """
        return len(word) >= _LEAST_COPIED_CHARS and word.islower() and self._knows is not None and not self._knows(word)

    def untranslated(self, word: str) -> bool:
        """Return whether the word is frequent in the source language or `unknown` in the target language."""
        return word in self._frequent or self.unknown(word)


def _frequent(found: Sequence[re.Match[str]], source: Language) -> list[re.Match[str]]:
    """Return the words in ``found`` that are frequent in the source language.

    The list is empty unless there are at least three such words and they make up at least 11% of ``found``.
    """
    frequent = [match for match in found if match[0] in source.frequent_words]
    return frequent if len(frequent) >= _LEAST_WORDS and len(frequent) >= _LEAST_SHARE * len(found) else []


def _copied(found: Sequence[re.Match[str]], source: Sequence[str], foreign: _Foreign) -> list[re.Match[str]]:
    """Return the words in ``found`` that are copied from the source and unknown in the target language.

    The list is empty unless it contains at least two different words.
    """
    source_words = set(source)
    copied = [match for match in found if match[0] in source_words and foreign.unknown(match[0])]
    return copied if len({match[0] for match in copied}) >= _LEAST_COPIED else []


def _run(found: Sequence[re.Match[str]], source: Sequence[str], foreign: _Foreign) -> list[re.Match[str]]:
    """Return the first four consecutive words that are copied from the source and include an untranslated word.

    Four words that can be one name do not count. The list is empty if there are no such words. ``found`` contains the
    words of the output.
    """
    source_runs = {tuple(source[place : place + _RUN_WORDS]) for place in range(len(source) - _RUN_WORDS + 1)}
    for place in range(len(found) - _RUN_WORDS + 1):
        run = found[place : place + _RUN_WORDS]
        words = tuple(match[0] for match in run)
        if words in source_runs and any(map(foreign.untranslated, words)) and not _is_long_name(words):
            return list(run)
    return []


def _is_long_name(words: Sequence[str]) -> bool:
    """Return whether the words can be one name, such as "Alexander van der Bellen".

    The last word must begin with a capital letter. Each other word must begin with a capital letter, contain an
    apostrophe or be a particle such as "van".
    """
    return words[-1][0].isupper() and all(
        word[0].isupper() or word in _NAME_PARTICLES or "'" in word or "’" in word for word in words
    )


def _is_copy(words: Sequence[str], others: Sequence[str], foreign: _Foreign) -> bool:
    if len(words) != len(others) or any(one.lower() != other.lower() for one, other in zip(words, others, strict=True)):
        return False
    return len(words) >= _LEAST_WORDS and any(map(foreign.untranslated, words))


def check_genitives(source: Passage, output: Passage) -> Iterator[Finding]:
    """Check that ``output`` does not copy a name with a genitive ending of the source language ("Bidens first year").

    In the source, an adjective or a common noun must follow the name. In ``output``, a word in lower case must follow
    it. The "s" may also be part of the name. The finding therefore has the severity ``note`` if the name without "s" is
    in neither of the texts, and not in the list of names that both languages spell the same. Words of the target
    language, and listed names that end in "s", are not reported. Nothing is reported if the source language has no name
    grammar or the target language has no word list.
    """
    names, kept = source.language.names, source.language.kept_names.get(output.language.code, frozenset())
    knows = output.language.knows
    if names is None or knows is None:
        return
    checked: set[str] = set()
    for match in islice(names.genitive.finditer(source.text), _MOST_CHECKED):
        if match["name"] in checked:
            continue
        checked.add(match["name"])
        name, bare = match["name"], match["name"].removesuffix("s")
        noun = match["adjective"] is not None or names.is_common(match["noun"], False)  # noqa: FBT003 - opens no sentence
        if name in kept or knows(name.lower()) or not noun:
            continue
        copied = re.search(rf"(?<![\w-]){re.escape(name)}(?=\s[a-z])", output.text)
        if copied is not None:
            known = bare in kept or bare in source.words or bare in output.words
            message = f"“{name}” has a {source.language.name} genitive ending"
            severity = Severity.REVIEW if known else Severity.NOTE
            yield Finding(
                Code.UNTRANSLATED, message, Span(*match.span("name")), Span(*copied.span()), severity=severity
            )


_COMPOUND = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)+")


def check_compounds(source: Passage, output: Passage) -> Iterator[Finding]:
    """Check that no part of a hyphenated compound of ``output`` is a word of the source text ("deutsch-russian").

    The word of the source may have an inflectional ending that the part lacks. Only parts in lower case that have at
    least four letters and are not in the dictionary of the target language are checked. A compound is not checked if it
    is quoted, belongs to a literal passage, or is copied as a whole.
    """
    spells = output.language.spells
    found = [] if spells is None else list(islice(_COMPOUND.finditer(output.text), _MOST_CHECKED))
    if spells is None or not found:
        return
    forms = frozenset(word.lower() for word in _PART.findall(source.text))
    compounds = frozenset(word.lower() for word in _COMPOUND.findall(source.text))
    literal = {place for one in find_literals(output.text) for place in range(*one.span)}
    for match in found:
        parts = [part for part in match[0].split("-") if part.islower() and len(part) >= _LEAST_CHECKED_CHARS]
        whole = match[0].lower() in compounds  # a name that is copied as a whole (e-tron)
        left = (
            None
            if whole
            else next((one for one in parts if not spells(one) and any(one + end in forms for end in _ENDINGS)), None)
        )
        if left is not None and match.start() not in literal and not _is_quoted(output.text, Span(*match.span())):
            message = f"“{left}” in “{match[0]}” is still in {source.language.name}"
            yield Finding(Code.UNTRANSLATED, message, output=Span(*match.span()))


_PART = re.compile(r"[^\W\d_]+")
_LEAST_CHECKED_CHARS = 4
_MOST_CHECKED = 400  # limits the running time for long texts without sentence boundaries
_ENDINGS = ("", "e", "en", "er", "es", "em", "n", "r", "s", "m")
_INTERNATIONAL = re.compile(r"(?:ive|able|ible|al|ant|ent|ar|or|um|us|ion|oid|ix|ex)$")
"""Endings of English words that can also be German words with an inflectional ending ("intuitive")."""
_TOUCHING = re.compile(r"[\w@#&/.:_-]")


def check_words(source: Passage, output: Passage) -> Iterator[Finding]:
    """Check each word of ``output`` that is not in the dictionary of the target language, or that is rare and copied.

    A copied word occurs in the source text. An untranslated word of the source text results in a finding with the code
    ``untranslated`` (see `_is_left`). Any other word in lower case that the source does not contain, not even with an
    inflectional ending, results in a finding with the code ``word_unknown``. A capitalised word also results in this
    finding if `check_names` does not examine it and it resembles no word of the source. Each word is reported at most
    once. Words with fewer than four letters or with an apostrophe are not checked.
    """
    spells = output.language.spells
    if spells is None:
        return
    index: Index | None = None
    forms: frozenset[str] | None = None
    capitals = are_capitals(output.words)
    copied = frozenset(one for one in source.words if one.islower() and len(one) >= _LEAST_COPIED_CHARS)
    nouns = frozenset(one.lower() for one in source.words if one[0].isupper() and len(one) >= _LEAST_COPIED_CHARS)
    knows = output.language.knows

    def known(word: str) -> bool:
        # A rare word of the dictionary that the source contains is probably a word of the source language ("Herbst").
        lower, dates = word.lower(), output.language.dates
        if dates is not None and lower in dates.months:
            return True
        rare = lower in (copied if word.islower() else nouns) and knows is not None and not knows(lower)
        return spells(lower) and not (rare and not _INTERNATIONAL.search(lower))

    for match in _unknown(output, known):
        word = match[0]
        if index is None or forms is None:
            index = Index(source, output.language)
            forms = frozenset(one.lower() for one in source.words)
        span = Span(*match.span())
        if _is_left(word, source, forms, output.language, listed=not word.islower() and spells(word.lower())):
            if not _is_quoted(output.text, span) and not _is_in_name(span, output.text, source.text):
                message = f"“{word}” is still in {source.language.name}"
                yield Finding(Code.UNTRANSLATED, message, output=span)
        elif word in index.words or any(word.lower() + ending in forms for ending in _ENDINGS):
            continue
        elif word.islower() or ((capitals or _is_unnamed(output, span)) and not index.supports(word)):
            message = f"“{word}” is neither in the {output.language.name} dictionary nor in the source"
            yield Finding(Code.WORD_UNKNOWN, message, output=span)


def _unknown(output: Passage, spells: Callable[[str], bool]) -> Iterator[re.Match[str]]:
    """Yield the first occurrence of each word of ``output`` that is not in the dictionary.

    ``spells`` returns whether the dictionary contains a word, in lower case or with a capital letter. Words with fewer
    than four letters or with an apostrophe are left out. So are words whose first occurrence is part of a literal
    passage, such as an address, or of a hyphenated compound. Only the first 400 words of ``output`` are examined.
    """
    text, seen = output.text, set[str]()
    literal: set[int] | None = None
    for match in islice(_WORD.finditer(text), _MOST_CHECKED):
        word = match[0]
        if word in seen or len(word) < _LEAST_CHECKED_CHARS or "'" in word or "’" in word or spells(word):
            continue
        seen.add(word)
        if literal is None:
            literal = {place for one in find_literals(text) for place in range(*one.span)}
        if match.start() in literal:
            continue
        before, after = text[max(0, match.start() - 1) : match.start()], text[match.end() : match.end() + 2]
        numbered = after[:1].isdigit()  # "Hayabusa2"
        if not numbered and not _TOUCHING.fullmatch(before) and not (_TOUCHING.match(after) and after[1:2].isalnum()):
            yield match


def _is_unnamed(passage: Passage, span: Span) -> bool:
    """Return whether the word at ``span`` opens a sentence and counts as a common word there.

    `check_names` does not examine such words.
    """
    names = passage.language.names
    if names is None or not opens_sentence(passage.text, span.start):
        return False
    return names.is_common(span.of(passage.text), True)  # noqa: FBT003 - opens a sentence


def _is_left(word: str, source: Passage, forms: frozenset[str], target: Language, *, listed: bool) -> bool:
    """Return whether ``word``, which is rare or unknown in ``target``, is an untranslated word of the source text.

    ``forms`` contains the words of the source text in lower case. ``listed`` is True if ``word`` is capitalised and the
    dictionary of ``target`` contains it. Such a word is not compared with the exonyms.
    """
    lower = word.lower()
    if word.islower():
        return any(lower + ending in forms for ending in _ENDINGS) and not _is_shared(word, source)
    if word not in source.words:
        word = word.removesuffix("s")  # a German noun with the English plural ("Vermieters")
    if word not in source.words:
        return False
    places = [match.span() for match in re.finditer(rf"(?<!\w){re.escape(word)}(?!\w)", source.text)]
    if any(_NAME_AFTER.match(source.text, end) or _is_quoted(source.text, Span(start, end)) for start, end in places):
        return False
    exonym = not listed and _is_exonym(plain(word), source.language, target)
    return exonym or _is_common_noun(word, places, source, target)


def _is_shared(word: str, source: Passage) -> bool:
    """Return whether ``source`` capitalises a word that is in lower case here and is not a common noun ("fentanyl").

    Such a word belongs to both languages.
    """
    noun, names = word.capitalize(), source.language.names
    return names is not None and noun in source.words and not names.is_common(noun, False)  # noqa: FBT003 - opens no sentence


def _is_in_name(span: Span, output: str, source: str) -> bool:
    """Return whether the word at ``span`` is in a name of several words that is copied from ``source`` ("Der Spiegel").

    The name is the capitalised word with the capitalised word before it. A short word in lower case may be between them
    ("Bild am Sonntag").
    """
    if not output[span.start].isupper():
        return False
    before = _NAME_BEFORE.search(output, max(0, span.start - _BEFORE_NOUN_CHARS), span.start)
    return before is not None and before[0] + span.of(output) in source


def _is_exonym(name: str, source: Language, target: Language) -> bool:
    """Return whether a name in the source language has another spelling in the target language (Genf, Geneva)."""
    exonyms = source.exonyms.get(target.code, {})
    others = exonyms.get(name) or (_COUNTRY_ENDING.search(name) and _longest_prefix(name, exonyms)) or ()
    return bool(others) and not any(name.startswith(other) for other in others)


def _longest_prefix(name: str, exonyms: Mapping[str, frozenset[str]]) -> frozenset[str]:
    ends = range(len(name), _LEAST_CHECKED_CHARS - 1, -1)
    return next((exonyms[name[:end]] for end in ends if name[:end] in exonyms), frozenset())


_COUNTRY_ENDING = re.compile(r"(?:ien|pten|ei|land|reich)$")


def _is_common_noun(word: str, places: Sequence[tuple[int, int]], source: Passage, target: Language) -> bool:
    """Return whether a capitalised word is a common noun at all its ``places`` in ``source``.

    ``places`` contains the start and end offsets of the word. The word is a common noun if it follows an indefinite
    article at all places. Otherwise, it must be a common word of the language, and must be neither a listed name nor
    the name of a street or building. In addition, at each place, it must follow an article, a preposition with an
    article, or an adjective, or it must open a sentence before a plural verb or a participle, but not after a hyphen. A
    word in capitals is not a common noun.
    """
    names = source.language.names
    if names is None or word.isupper():
        return False
    if all(names.indefinite.search(source.text, max(0, start - _BEFORE_NOUN_CHARS), start) for start, _ in places):
        return True
    if not names.is_common(word, False):  # noqa: FBT003 - opens no sentence
        return False
    if word in source.language.kept_names.get(target.code, ()) or names.place.search(word):
        return False
    return all(
        names.before_noun.search(source.text, max(0, start - _BEFORE_NOUN_CHARS), start) is not None
        or (
            opens_sentence(source.text, start)
            and not source.text[:start].endswith("- ")  # "Kronach - Nordhalben"
            and names.after_noun.match(source.text, end) is not None
        )
        for start, end in places
    )


_BEFORE_NOUN_CHARS = 40
_NAME_AFTER = re.compile(r"[ -][A-ZÄÖÜ]")
_NAME_BEFORE = re.compile(r"(?<!\w)[A-ZÄÖÜ]\w+\s(?:[a-zäöüß]{2,4}\s)?$")


def _is_quoted(text: str, span: Span) -> bool:
    if any(
        one.start <= span.start and span.end <= one.end for one in quotations(text) if len(one.of(text)) <= _MOST_QUOTED
    ):
        return True
    return any(match.start() < span.start and span.end < match.end() for match in _ENCLOSED.finditer(text))
