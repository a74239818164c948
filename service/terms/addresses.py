"""Addresses in a text: URLs, e-mail addresses and handles, which a translation keeps letter by letter."""

import re

from service.terms.required import Required
from service.types import Span

_ADDRESS = re.compile(
    r"""(?P<email>(?<![\w.+-])[\w+-]+(?:\.[\w+-]+)*@[\w-]+(?:\.[\w-]+)+)
      | (?P<url>(?:https?://|ftp://|www\.)[^\s<>"„“”»«]+)
      | (?P<domain>(?<![\w@.-])(?:[a-z0-9-]{2,}\.)+(?:de|at|ch|com|org|net|eu|info)(?:/[^\s<>"„“”»«]*)?(?![\w-]))
      | (?P<handle>(?<!\w)@\w{2,})""",
    re.VERBOSE,
)
_SIGNS = ("@", "://", "www.")
_INNER_STOP = re.compile(r"\.[a-z]")
"""It or one of the signs stands in every address; most sentences have none, and are done with."""
# What ends a sentence or closes a bracket behind an address is none of it.
_TRAILING = ".,;:!?)]}'’…"


def addresses(text: str) -> list[Required]:
    """Every address in ``text``, in order."""
    if _INNER_STOP.search(text) is None and not any(sign in text for sign in _SIGNS):
        return []
    found = []
    for match in _ADDRESS.finditer(text):
        whole = match.group()
        kept = whole.rstrip(_TRAILING)
        if whole[len(kept) : len(kept) + 1] == ")" and kept.count("(") > kept.count(")"):
            kept += ")"
        if kept:
            span = Span(match.start(), match.start() + len(kept))
            found.append(Required(span, kept, "address", kept))
    return found
