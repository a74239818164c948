"""How deep JSON is nested, found before it is parsed: parsers and what walks through their results recurse."""

import re

# A string up to its end, or to that of the body; possessive, so that no body makes it look at a character twice.
_PARTS = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[{]|[\]}]', re.DOTALL)
_OPENING = frozenset(b"[{")
_STRING = ord('"')


def is_deeper(body: bytes, most: int) -> bool:
    """Whether arrays and objects lie more than ``most`` deep in each other; linear in the length of ``body``."""
    if body.count(b"[") + body.count(b"{") <= most:
        return False
    depth = 0
    for part in _PARTS.finditer(body):
        first = body[part.start()]
        if first in _OPENING:
            depth += 1
            if depth > most:
                return True
        elif first != _STRING:
            depth -= 1
    return False
