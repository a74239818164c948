"""Character references of HTML: text to characters with their places, and characters to text."""

import html
import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from service.types import Span

_PIECE = re.compile(
    r"(?P<space>[\t\n\f\r ]+)"
    r"|(?P<reference>&(?:#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[a-zA-Z][a-zA-Z0-9]{1,31};?))"
    r"|[^\t\n\f\r &]+|&"
)
_LONGEST_NUMBER_CHARS = 100  # int() refuses thousands of digits; what is longer than this is no character anyway
_NO_CHARACTER = "\ufffd"
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_QUOTED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})


class Piece(NamedTuple):
    """Characters and the range of the HTML that they came from: white space, one reference, or plain text."""

    kind: Literal["space", "reference", "plain"]
    text: str
    span: Span


def pieces(markup: str, span: Span) -> Iterator[Piece]:
    """The text in a range of HTML without tags, in order and without gaps; linear in its length."""
    for found in _PIECE.finditer(markup, *span):
        if found["space"] is not None:
            yield Piece("space", " ", Span(*found.span()))
        elif found["reference"] is not None:
            text = _character(found["reference"])
            kind: Literal["reference", "plain"] = "plain" if text == found["reference"] else "reference"
            yield Piece(kind, text, Span(*found.span()))
        else:
            yield Piece("plain", found[0], Span(*found.span()))


def escaped(text: str) -> str:
    """``text`` as it may stand between tags."""
    return text.translate(_ESCAPES)


def quoted(text: str) -> str:
    """``text`` as it may stand in an attribute, between quotation marks of either kind."""
    return text.translate(_QUOTED)


def _character(reference: str) -> str:
    """What a reference stands for; itself where that is nothing."""
    if reference[1] == "#" and len(reference) > _LONGEST_NUMBER_CHARS:
        return _NO_CHARACTER
    return html.unescape(reference)
