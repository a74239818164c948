"""Checks of the quotations, literal passages (such as addresses), symbols and markup in a translation or summary."""

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache

from service.checks.base import Code, Finding, Passage, Severity
from service.domain import Span
from service.languages.base import Language
from service.languages.page import NEVER
from service.text.literals import find_literals, find_signs, literal_pattern
from service.text.normalization import REPLACEMENT

_MARKS = ("„", "“", "”", '"', "«", "»", "``", "''")
_MARK = re.compile("|".join(_MARKS))
_SINGLE = re.compile(r"(?:(?<=[\s(:,„“\"])|^)['‘‚‹`´](?=[^\W\d])|(?<=[.,!?])['’›´](?=\s|$)|#\w")
"""Matches a hashtag, or a single quotation mark that opens a phrase or follows ".", ",", "!" or "?"."""
_SPACE = re.compile(r"\s+")
_MOST_SCARE_WORDS = 2
_LEAST_WHOLE = 0.7
"""The minimum ratio of the length of a translation to that of its source at which no quotation was left out."""
_MOST_CHARS = 4_000  # longer passages between two marks are not quotations


def quotations(text: str) -> list[Span]:
    """Return the spans between pairs of quotation marks, without the marks. Unpaired marks are ignored.

    A straight mark can open or close a quotation, and curly marks have different roles in German and English. The marks
    are therefore paired in sequence. The mark „ can only open a quotation, so it always starts a new pair. Any mark
    starts a new pair if more than 4,000 characters separate it from the opening mark.
    """
    found = []
    opened: int | None = None
    for mark in _MARK.finditer(text):
        if opened is None or mark.group() == "„" or mark.start() - opened > _MOST_CHARS:
            opened = mark.end()
        else:
            found.append(Span(opened, mark.start()))
            opened = None
    return found


def check_quotations(source: str, output: str, *, speech: re.Pattern[str] = NEVER) -> Iterator[Finding]:
    """Check that a translation keeps the quotations of its source sentence, adds none and contains no empty quotation.

    The check counts quotation marks, because a quotation may open in one sentence and close in another. Single marks
    can replace double marks, because English also uses single marks to distance the writer from a word (‘so-called’).
    If the source contains a quotation, the translation may contain more quotations, because a translation often
    interrupts a quotation to name its speaker.

    A title is a quotation that `_is_title` accepts. Lost marks have the severity ``note`` in these cases:

    - ``output`` has no marks, and all quotations of the source are titles.
    - ``output`` has fewer marks, but at least as many quotations that are no titles as the source.
    - ``output`` has no marks, is not much shorter than the source, and contains a word that matches ``speech`` and
      therefore names the speaker.
    - Only one mark is lost, because the quotation opens or closes in another sentence, and ``output`` quotes nothing
      but titles.

    Added marks have this severity if each quotation of ``output`` is a title or is copied from the source, or if only
    one mark is added.

    The span of the finding is the first quotation that is no title or, if there is none, the first quotation. Copied
    quotations of ``output`` are considered only if there are no others.
    """
    in_source, in_output = _count(source), _count(output)
    if not in_source and not in_output:
        return
    for span in quotations(output):
        if not any(char.isalnum() for char in span.of(output)):
            yield Finding(Code.QUOTATION_EMPTY, "the quotation contains no words", output=span)
    if in_source > in_output + 2 * len(_SINGLE.findall(output)):
        only_titles = all(_is_title(span.of(output)) for span in quotations(output))
        whole = len(output) >= _LEAST_WHOLE * len(source)
        attributed = whole and not in_output and speech.search(output) is not None
        if only_titles and (attributed or in_source - in_output == 1):
            severity = Severity.NOTE
        else:
            severity = _severity_of_missing(source, output) if in_output else _severity_of(quotations(source), source)
        message = f"the number of quotation marks differs: {in_source} in the source, {in_output} in the translation"
        yield Finding(Code.QUOTATION_MISSING, message, _place(quotations(source), source), severity=severity)
    if in_output and not in_source and not _SINGLE.search(source):
        added = quotations(output)
        new = [span for span in added if span.of(output) not in source]
        all_copied = bool(added) and not new
        severity = Severity.NOTE if all_copied or in_output == 1 else _severity_of(new, output)
        message = "the translation contains a quotation, but the source does not"
        yield Finding(Code.QUOTATION_ADDED, message, output=_place(new or added, output), severity=severity)


def _severity_of(places: list[Span], text: str) -> Severity:
    """Return ``note`` if all quotations at ``places`` are titles, or ``review`` if one is not or there are none."""
    return Severity.NOTE if places and all(_is_title(span.of(text)) for span in places) else Severity.REVIEW


def _place(places: list[Span], text: str) -> Span | None:
    """Return the first quotation that is no title, or else the first quotation, or None if there are none."""
    spoken = (span for span in places if not _is_title(span.of(text)))
    return next(spoken, places[0] if places else None)


def _severity_of_missing(source: str, output: str) -> Severity:
    """Return the severity of lost marks if ``output`` keeps some of the quotation marks of ``source``.

    The severity is ``note`` if ``output`` has at least as many quotations that are not titles (see `_is_title`) as
    ``source``. In this case, only titles have lost their marks.
    """
    spoken, kept = (sum(not _is_title(span.of(text)) for span in quotations(text)) for text in (source, output))
    return Severity.NOTE if kept >= spoken else Severity.REVIEW


def _is_title(words: str) -> bool:
    """Return whether the words of a quotation could be a title, a name or a short phrase.

    The words must not end with a full stop, comma, exclamation mark or question mark. There must be at most two words,
    or each word with more than three letters must begin with a capital letter. Such words may also be written without
    quotation marks.
    """
    if len(words.split()) <= _MOST_SCARE_WORDS and words[-1:] not in ".,!?":
        return True
    return words[-1:] not in ".,!?" and all(word[:1].isupper() or len(word) <= 3 for word in words.split())  # noqa: PLR2004 - articles and "of"


def _count(text: str) -> int:
    return sum(map(text.count, _MARKS))  # no character occurs in two of the marks, so no mark is counted twice


def check_verbatim(source: str, output: str) -> Iterator[Finding]:
    """Check that each quotation in a summary also occurs verbatim and in quotation marks in the source.

    The words may belong to a longer quotation in the source. Differences in white space, and the marks ".,!?…" at both
    ends of the quotation, are ignored. A quotation without words is also reported.
    """
    whole = _SPACE.sub(" ", source)
    spoken = [_SPACE.sub(" ", span.of(source)) for span in quotations(source)]
    for span in quotations(output):
        words = _SPACE.sub(" ", span.of(output)).strip(" .,!?…")
        if not any(char.isalnum() for char in words):
            yield Finding(Code.QUOTATION_EMPTY, "the quotation contains no words", output=span)
        elif words not in whole:
            yield Finding(Code.QUOTATION_ALTERED, "the quoted words do not appear in the source", output=span)
        elif not any(words in one for one in spoken):
            yield Finding(Code.QUOTATION_ADDED, "these words are not in quotation marks in the source", output=span)


_SHOWN_CHARS = 60
_MOST_SEARCHED = 100  # limits the running time, because each search reads the whole output
_MINUS = re.compile(r"(?<![\w.,)\]/–−-])[-−–](?=\d)")
_MARKUP = re.compile(
    r"</?[A-Za-z][\w-]{0,30}(?:\s[^<>]{0,200})?/?>|&(?:[a-z]{2,8}|#\d{2,5}|#x[0-9a-f]{2,5});|\*\*(?=\w)"
    r"|\]\(https?://",
    re.IGNORECASE,
)


def check_literals(source: Passage, output: Passage) -> Iterator[Finding]:
    """Check that each literal passage of ``source`` occurs unchanged in ``output``.

    Literal passages are addresses, placeholders, emoji, telephone numbers and codes with leading zeros (see
    `LiteralText`). A passage that occurs twice in the source must also occur twice in the output. The digits of a
    number may be grouped differently.
    """
    wanted = find_literals(source.text)
    if not wanted:
        return
    there = Counter(one.text for one in find_literals(output.text))
    lost = set(there)  # texts that occur too rarely, or not at all
    searched = 0
    for one in wanted:
        if there[one.text] > 0:
            there[one.text] -= 1
            continue
        if one.text not in lost and searched < _MOST_SEARCHED:
            searched += 1
            if literal_pattern(one).search(output.text) is not None:
                continue
        lost.add(one.text)
        code = Code.NUMBER_MISSING if one.kind == "number" else Code.LITERAL_MISSING
        shown = one.text[:_SHOWN_CHARS]
        yield Finding(code, f"“{shown}” does not appear unchanged in the translation", source=one.span)


def check_signs(source: Passage, output: Passage) -> Iterator[Finding]:
    """Check that each sign of ``source``, such as "§", occurs in ``output``.

    It must occur at least as often as in ``source``, or at least once in words. Minus signs before numbers are checked
    in both texts. Unit symbols are left to `check_units`, and emoji to `check_literals`.
    """
    reported: set[str] = set()
    skipped = {place for one in find_literals(source.text) for place in range(*one.span)}
    for span in find_signs(source.text):
        sign = span.of(source.text)
        kept = output.text.count(sign) >= source.text.count(sign)
        if sign == "−" or sign in reported or span.start in skipped or kept or _is_unit(sign, source):
            continue
        reported.add(sign)
        if not _in_words(sign, output):
            yield Finding(Code.SIGN_MISSING, f"the sign “{sign}” does not appear in the translation", source=span)
    yield from _check_minus(source, output)


def _is_unit(sign: str, passage: Passage) -> bool:
    units = passage.language.units
    return units is not None and any(sign in forms for forms in units.forms.values())


def _in_words(sign: str, passage: Passage) -> bool:
    return _words(sign, passage.language).search(passage.lower) is not None


@cache
def _words(sign: str, language: Language) -> re.Pattern[str]:
    forms = language.sign_forms(sign)
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, forms))})(?!\w)") if forms else NEVER


def _check_minus(source: Passage, output: Passage) -> Iterator[Finding]:
    """Check that minus signs before numbers occur in both texts or in neither. A sign may be expressed in words."""
    in_source, in_output = _MINUS.search(source.text), _MINUS.search(output.text)
    if in_source and not in_output and not _in_words("-", output):
        span = Span(in_source.start(), in_source.end() + 1)
        yield Finding(Code.SIGN_MISSING, "the minus sign does not appear in the translation", source=span)
    if in_output and not in_source and not _in_words("-", source):
        span = Span(in_output.start(), in_output.end() + 1)
        yield Finding(Code.NUMBER_UNSUPPORTED, "the number is not negative in the source", output=span)


def check_markup(source: Passage, output: Passage) -> Iterator[Finding]:
    """Check that ``output`` contains no HTML or Markdown markup, no character reference and no U+FFFD.

    Only the first markup and the first U+FFFD are reported. The replacement character U+FFFD is not reported if
    ``source`` contains one as well.
    """
    found = _MARKUP.search(output.text)
    if found is not None:
        yield Finding(Code.MARKUP_LEFT, "the translation contains markup", output=Span(*found.span()))
    place = output.text.find(REPLACEMENT)
    if place >= 0 and REPLACEMENT not in source.text:
        message = "the translation contains a character that could not be decoded"
        yield Finding(Code.CHARACTER_BROKEN, message, output=Span(place, place + 1))
