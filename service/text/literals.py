"""Search for passages that a translation copies, such as addresses and telephone numbers, and for signs."""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import Literal, NamedTuple

from service.domain import Span

LiteralKind = Literal["address", "placeholder", "number", "emoji"]


class LiteralText(NamedTuple):
    """A passage that must be copied unchanged. ``text`` is the passage at ``span``.

    An ``address`` is an email address, a URL, a domain, a handle or a hashtag. A ``number`` is a telephone number or a
    code that begins with a zero. A ``placeholder`` is a marker that software replaces, such as "{name}". An ``emoji``
    may consist of several characters.
    """

    kind: LiteralKind
    span: Span
    text: str


_TOP_LEVEL = (
    "de|at|ch|li|lu|com|org|net|eu|info|biz|edu|gov|int|io|co|tv|me|uk|fr|nl|pl|dk|cz|news|online|app|dev|blog|shop|"
    "berlin|hamburg|koeln|cologne|bayern|nrw|ruhr|saarland|tirol|wien|swiss|example|test"
)
_ADDRESS = re.compile(
    rf"""(?P<email>(?<![\w.+-])[\w+-]+(?:\.[\w+-]+)*@[\w-]+(?:\.[\w-]+)+)
      | (?P<url>(?:https?://|ftp://|www\.)[^\s<>"„“”»«]+)
      | (?P<domain>(?<![\w@.-])(?:[\w-]{{2,63}}\.){{1,9}}(?:{_TOP_LEVEL})(?:[/?#][^\s<>"„“”»«]*)?(?![\w-]))
      | (?P<handle>(?<![\w@/.])@\w+(?:[.-]\w+)*(?:@[\w-]+(?:\.[\w-]+)+)?)
      | (?P<hashtag>(?<![\w&#/])\#\w*[^\W\d_]\w*)""",
    re.VERBOSE,
)
_PLACEHOLDER = re.compile(
    r"""\{\{[^{}\n]{1,200}\}\}
      | \{%[^{}\n]{1,200}%\}
      | \$\{[^{}\n]{1,200}\}
      | \{[\w.:-]{0,60}\}
      | (?<![\w$])\$[^\W\d]\w{1,60}
      | (?<![\w%])%[A-Z][A-Z_]{1,40}%(?!\w)
      | %\(\w{1,60}\)[sdif](?!\w)
      | (?<![\w%])(?<!\d\s)%(?:\d\$)?[sd](?!\w)
      | \[/[a-z][\w-]{0,60}\]
      | \[[a-z][\w-]{0,60}(?:\s+[\w-]{1,60}=(?:"[^"\n]{0,200}"|'[^'\n]{0,200}'|[^\s\]"']{1,200})){1,20}\s*/?\]
      | (?<![\w:]):[a-z][a-z0-9_+-]{1,40}:(?![\w:])""",
    re.VERBOSE,
)
_NUMBER = re.compile(
    r"(?<![\w.,:/+-])(?:\+[1-9]\d{0,2}[ /-]?(?:\(0\)[ ]?)?\d{2,}|0\d{2,})(?:[ /-]\d{2,}){0,6}(?![\w]|[.,:]\d)"
)
_PHONE_SPACE = re.compile(r"[ /-]")
# Punctuation marks and closing brackets at the end of an address are not part of it.
_TRAILING = ".,;:!?)]}'’…"
_KINDS: tuple[tuple[LiteralKind, re.Pattern[str]], ...] = (
    ("placeholder", _PLACEHOLDER),
    ("address", _ADDRESS),
    ("number", _NUMBER),
)


def find_literals(text: str) -> list[LiteralText]:
    """Return the passages in ``text`` that must be copied unchanged, in order and without overlap."""
    found: list[LiteralText] = []
    taken: set[int] = set()
    for kind, pattern in (*_KINDS, ("emoji", _emoji())):
        for match in pattern.finditer(text):
            span = Span(match.start(), match.start() + _length(kind, match))
            if span.start < span.end and taken.isdisjoint(range(*span)):
                taken.update(range(*span))
                found.append(LiteralText(kind, span, span.of(text)))
    return sorted(found, key=lambda one: one.span)


def _length(kind: LiteralKind, match: re.Match[str]) -> int:
    whole = match.group()
    if kind != "address":
        return len(whole)
    kept = whole.rstrip(_TRAILING)
    if whole[len(kept) : len(kept) + 1] == ")" and kept.count("(") > kept.count(")"):
        kept += ")"
    return len(kept)


def literal_pattern(one: LiteralText) -> re.Pattern[str]:
    """Return a pattern that finds a literal passage in another text.

    No letter, digit or underscore may touch the passage, and no "@" may touch an address or a placeholder. The digits
    of a number may be grouped differently. An emoji is found anywhere.
    """
    if one.kind == "emoji":
        return re.compile(re.escape(one.text.rstrip("\ufe0f")))
    if one.kind == "number":
        body = r"[ /()-]{0,2}".join(map(re.escape, _PHONE_SPACE.sub("", one.text)))
        return re.compile(rf"(?<![\w+]){body}(?!\w)")
    return re.compile(rf"(?<![\w@]){re.escape(one.text)}(?![\w@])")


@cache
def _emoji() -> re.Pattern[str]:
    """Return a pattern for an emoji, including flags, skin tones and combinations of several emoji."""
    one = "[\U0001f000-\U0001faff\u2600-\u27bf\u2b50\u2b55\u231a\u231b\u23e9-\u23f3]"
    flag = "[\U0001f1e6-\U0001f1ff]{2}"
    tail = "[\ufe0f\U0001f3fb-\U0001f3ff]?"
    return re.compile(rf"{flag}|{one}{tail}(?:\u200d{one}{tail}){{0,6}}|[0-9#*]\ufe0f?\u20e3")


_SIGN_CATEGORIES = {"Sc", "Sm", "So"}
_OTHER_SIGNS = "§°%&†‡•№‰"
_NEVER_SIGNS = "|`´^~"  # separators and accents, which a translation may drop


def is_sign(character: str) -> bool:
    """Return whether a character is a meaningful symbol, such as a currency sign, "§" or "→"."""
    if character in _NEVER_SIGNS:
        return False
    return character in _OTHER_SIGNS or unicodedata.category(character) in _SIGN_CATEGORIES


def find_signs(text: str) -> Iterator[Span]:
    """Yield the span of each meaningful symbol in ``text`` (see `is_sign`)."""
    for match in _NOT_PLAIN.finditer(text):
        if is_sign(match.group()):
            yield Span(*match.span())


_NOT_PLAIN = re.compile(r"[^\w\s.,;:!?\"'()\[\]/–—„“”‚‘’»«›‹*_\\@#{}\-]")
