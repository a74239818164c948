"""Normalisation of sentences for models, and validation of submitted texts."""

import re
import sys
import unicodedata
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from functools import cache
from html import unescape
from itertools import accumulate, islice
from types import MappingProxyType
from typing import Literal, NamedTuple

from service.domain import Notice, Span
from service.errors import InvalidInput
from service.languages.base import Language

NORMALISER_VERSION = "2"
"""A part of every cache key. Increase it whenever `for_model` returns a different result for any sentence."""

_TWINS = str.maketrans({"\u2212": "-", "\u2010": "-", "\u2011": "-"})
"""Replacements for minus signs and hyphens that many models cannot read."""

# White space is replaced before control characters are removed, because some white-space characters are also control
# characters.
_WHITE_SPACE = re.compile(r"\s+")
_PLAIN = re.compile(r"[\x20-\x7e\xa1-\xac\xae-\xff„“”‚‘’–—…€]*")
"""The characters that most sentences consist of. Only the space is invisible, and NFC leaves all of them unchanged."""
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_CREDENTIALS = re.compile(r"\ufeff?[\ufe00-\ufe0f\U000e0100-\U000e01ef]{2,}")
"""Content credentials of C2PA, which are hidden in a text as a run of variation selectors (C2PA 2.3, A.7).

A single variation selector, for example after an emoji, is part of the text.
"""
REPLACEMENT = "\ufffd"
"""The character that decoders write for bytes that they cannot decode."""
_JOINER = "\u034f"
_MOST_MARKS = 30


def is_invisible(character: str) -> bool:
    """Return whether a character is white space, a control character or a format character.

    Such characters at the start and end of a sentence are not sent to a model.
    """
    return character.isspace() or unicodedata.category(character) in {"Cc", "Cf"}


def visible_span(text: str, span: Span) -> Span:
    """Return ``span`` without the invisible characters at both ends, or an empty span if no character is visible."""
    start, end = span
    while start < end and is_invisible(text[start]):
        start += 1
    while end > start and is_invisible(text[end - 1]):
        end -= 1
    return Span(start, end) if start < end else Span(span.start, span.start)


def for_model(sentence: str, language: Language) -> str:
    """Normalise a sentence for models and cache keys. A normalised sentence is returned unchanged.

    The result is in NFC. Each run of white space (including no-break spaces, tabs and line breaks) becomes one space,
    except at both ends, where it is removed. Control characters, format characters such as soft hyphens and zero-width
    characters, and content credentials are removed. Minus signs and special hyphens become "-". Words that are
    hyphenated across a line break are joined according to the rules of the language.
    """
    if _PLAIN.fullmatch(sentence):
        return " ".join(sentence.split())
    mended = language.sentences.broken_word.sub("", _CREDENTIALS.sub("", sentence))
    spaced = _WHITE_SPACE.sub(" ", mended)
    if not spaced.isascii() or not spaced.isprintable():
        spaced = _invisible().sub("", spaced).translate(_TWINS)
        spaced = normalize_unicode(spaced, "NFC")
    return " ".join(spaced.split())


def mask_credentials(text: str) -> str:
    """Replace content credentials with spaces. All offsets stay valid.

    Content credentials (C2PA) are hidden characters in a text that state its origin.
    """
    return _CREDENTIALS.sub(lambda found: " " * len(found[0]), text)


def remove_credentials(text: str, spans: Sequence[Span | None]) -> tuple[str, list[Span | None]]:
    """Remove content credentials from ``text``. Return the new text, and ``spans`` with their new offsets.

    Content credentials (C2PA) are hidden characters that state the origin of a text, and do not apply to its
    translation. A span that is None stays None. No span may overlap credentials.
    """
    removed = [Span(*found.span()) for found in _CREDENTIALS.finditer(text)]
    if not removed:
        return text, list(spans)
    ends = [one.end for one in removed]
    lengths = [0, *accumulate(one.end - one.start for one in removed)]
    moved = [None if span is None else span.shifted(-lengths[bisect_right(ends, span.start)]) for span in spans]
    return _CREDENTIALS.sub("", text), moved


def normalize_unicode(text: str, form: Literal["NFC", "NFKC"]) -> str:
    """Convert ``text`` to a Unicode normal form in linear time.

    The Unicode algorithm sorts each run of combining marks in quadratic time. Runs that are longer than in any language
    are therefore divided with a joiner character, as in the Stream-Safe Text Format of UAX #15.
    """
    return unicodedata.normalize(form, _long_marks().sub(f"\\g<0>{_JOINER}", text))


class Composed(NamedTuple):
    """A text in NFC, with the offset of each of its characters in the original text.

    This is the offset of the first character of the original sequence from which the character was composed. The last
    element of ``offsets`` is the length of the original text.
    """

    text: str
    offsets: Sequence[int]

    def span(self, span: Span) -> Span:
        """Convert a span of the composed text to a span of the original text."""
        return Span(self.offsets[span.start], self.offsets[span.end])


SOFT_HYPHEN = "\u00ad"


@cache
def _clusters() -> re.Pattern[str]:
    """Return a pattern for a character and the marks that NFC may combine with it, or for a run of Korean letters."""
    marks = "".join(char for char in map(chr, range(0x300, 0x20000)) if unicodedata.category(char) in {"Mn", "Mc"})
    return re.compile(f"[\u1100-\u11ff]+|[\\s\\S][{marks}]*")


def compose(text: str, fold: Mapping[str, str] = MappingProxyType({})) -> Composed:
    """Return ``text`` in NFC and without soft hyphens, with the offset of each character in the original text.

    ``fold`` maps further characters to their replacements, which may be empty strings. The running time is linear.
    """
    if unicodedata.is_normalized("NFC", text) and SOFT_HYPHEN not in text and fold.keys().isdisjoint(text):
        return Composed(text, range(len(text) + 1))
    parts: list[str] = []
    offsets: list[int] = []
    for match in _clusters().finditer(text):
        whole = match[0]
        part = whole if whole.isascii() else normalize_unicode(whole, "NFC").replace(SOFT_HYPHEN, "")
        part = "".join(fold.get(char, char) for char in part)
        parts.append(part)
        offsets += [match.start()] * len(part)
    return Composed("".join(parts), [*offsets, len(text)])


@cache
def _invisible() -> re.Pattern[str]:
    """Return a pattern for control and format characters.

    Some white space also matches this pattern, so replace white space before you use it.
    """
    ranges = (chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) in {"Cc", "Cf"})
    return re.compile(f"[{re.escape(''.join(ranges))}]+")


@cache
def _long_marks() -> re.Pattern[str]:
    marks = "".join(map(chr, (code for code in range(0x300, 0x10000) if unicodedata.combining(chr(code)))))
    return re.compile(f"[{marks}]{{{_MOST_MARKS}}}(?=[{marks}])")


def check_text(text: str) -> list[Notice]:
    """Return notices about control characters, content credentials and replacement characters in a submitted text.

    There is at most one notice of each kind.

    Raises:
        InvalidInput: the text contains a lone surrogate and is therefore not valid Unicode.
    """
    surrogate = _SURROGATE.search(text)
    if surrogate is not None:
        raise InvalidInput(
            "text_not_unicode", f"The text contains a lone surrogate at offset {surrogate.start()}. Send valid Unicode."
        )
    notices = []
    if (control := _CONTROL.search(text)) is not None:
        message = "The text contains control characters. They are removed before the text is sent to the model."
        notices.append(Notice("control_characters", message, Span(*control.span())))
    if (credentials := _CREDENTIALS.search(text)) is not None:
        message = (
            "The text contains content credentials (C2PA), which state its origin. They do not apply to the output, so "
            "they are removed from it."
        )
        notices.append(Notice("content_credentials", message, Span(*credentials.span()), review=False))
    place = text.find(REPLACEMENT)
    if place >= 0:
        message = (
            f"The text contains replacement characters (U+FFFD), {text.count(REPLACEMENT)} in total. They mark letters "
            "that were lost when the text was decoded."
        )
        notices.append(Notice("replacement_characters", message, Span(place, place + 1)))
    return notices


_TAGS = (
    r"(?:p|br|hr|div|h[1-6]|ul|ol|li|dl|dt|dd|strong|em|b|i|u|a|img|span|sup|sub|blockquote|figure|figcaption|section|article"
    r"|table|t[rdh]|tbody|thead|html|head|body|script|style|iframe|video)"
)
_TAG = re.compile(
    rf"</?{_TAGS}(?:\s[^<>]{{0,1000}})?/?>|&lt;/?{_TAGS}(?:\s(?:(?!&[lg]t;)[^<>]){{0,1000}})?/?&gt;", re.IGNORECASE
)
_REFERENCE = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,8});")
_LEAST_TAGS = 2  # a text about HTML can mention one tag


def markup_notice(text: str) -> Notice | None:
    """Return a notice if a text that was sent as plain text contains HTML, or None.

    HTML is recognised by two tags, which may be escaped, or by a character reference such as ``&nbsp;``.
    """
    tags = list(islice(_TAG.finditer(text), _LEAST_TAGS))
    named = (match for match in _REFERENCE.finditer(text) if unescape(match.group()) not in {match.group(), "<", ">"})
    reference = next(named, None)
    first = tags[0] if len(tags) == _LEAST_TAGS else reference
    if first is None:
        return None
    message = (
        "The text was sent as plain text, but it contains HTML tags or character references. They are processed as "
        "text. Send HTML with the format html."
    )
    return Notice("markup_in_text", message, Span(*first.span()))
