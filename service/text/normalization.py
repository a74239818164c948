"""The one form of a sentence that a model sees, and the check of what may be submitted at all."""

import re
import sys
import unicodedata
from functools import cache
from typing import Literal

from service.domain import Notice, Span
from service.errors import InvalidInput

NORMALISER_VERSION = "1"
"""Part of every cache key: raise it whenever :func:`for_model` gives another result for any sentence."""

# White space that Unicode files under control characters too, so that it is told apart before they are removed.
_WHITE_SPACE = re.compile(r"\s+")
# A word broken at the end of a line; "Ein- und\nAusfuhr" and "Ost-\nund Westdeutschland" are not broken words.
_BROKEN_WORD = re.compile(
    r"(?<=[^\W\d_])-[ \t]*(?:\r\n|\n|\r)[ \t]*(?=[a-zäöüß])(?!(?:und|oder|bzw|bis|sowie|als|wie)\b)"
)
_PLAIN = re.compile(r"[\x20-\x7e\xa1-\xac\xae-\xff„“”‚‘’–—…€]*")
"""What most sentences are made of: nothing invisible but the blank, and nothing that NFC would change."""
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_JOINER = "\u034f"
_MOST_MARKS = 30


def is_invisible(character: str) -> bool:
    """Whether a model never sees the character: white space, control and format characters."""
    return character.isspace() or unicodedata.category(character) in {"Cc", "Cf"}


def visible_span(text: str, span: Span) -> Span:
    """``span`` without what :func:`for_model` drops at its ends; empty, at its start, where nothing is left."""
    start, end = span
    while start < end and is_invisible(text[start]):
        start += 1
    while end > start and is_invisible(text[end - 1]):
        end -= 1
    return Span(start, end) if start < end else Span(span.start, span.start)


def for_model(sentence: str) -> str:
    """The sentence as models and cache keys see it: NFC, single spaces, nothing invisible. Idempotent.

    White space of every kind (no-break spaces, tabs, line ends) becomes one space; control characters, soft hyphens and
    zero-width characters go; a word broken by a hyphen at a line end is mended.
    """
    if _PLAIN.fullmatch(sentence):
        return " ".join(sentence.split())
    mended = _BROKEN_WORD.sub("", sentence)
    spaced = _WHITE_SPACE.sub(" ", mended)
    if not spaced.isascii() or not spaced.isprintable():
        spaced = _invisible().sub("", spaced)
        spaced = composed(spaced, "NFC")
    return " ".join(spaced.split())


def composed(text: str, form: Literal["NFC", "NFKC"]) -> str:
    """A Unicode normal form, in linear time: sorting a run of combining marks takes the square of its length.

    Longer runs than any language writes are parted by a joiner (the stream-safe format of UAX #15).
    """
    return unicodedata.normalize(form, _long_marks().sub(f"\\g<0>{_JOINER}", text))


@cache
def _invisible() -> re.Pattern[str]:
    """Control and format characters; white space has become blanks before."""
    ranges = (chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) in {"Cc", "Cf"})
    return re.compile(f"[{re.escape(''.join(ranges))}]+")


@cache
def _long_marks() -> re.Pattern[str]:
    marks = "".join(map(chr, (code for code in range(0x300, 0x10000) if unicodedata.combining(chr(code)))))
    return re.compile(f"[{marks}]{{{_MOST_MARKS}}}(?=[{marks}])")


def check_text(text: str) -> list[Notice]:
    """What is odd about a submitted text, as notices; offsets count code points.

    Raises:
        InvalidInput: ``text_not_unicode`` when the text holds half of a surrogate pair.
    """
    surrogate = _SURROGATE.search(text)
    if surrogate is not None:
        raise InvalidInput("text_not_unicode", f"The text holds a lone surrogate at offset {surrogate.start()}.")
    control = _CONTROL.search(text)
    if control is None:
        return []
    message = "The text holds control characters; they are kept out of what the model reads."
    return [Notice("control_characters", message, Span(*control.span()))]
