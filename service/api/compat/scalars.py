"""Switches and numbers as the clients of other services write them: in JSON, or as words and digits in a form."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

_ON, _OFF = frozenset({"1", "t", "true", "y", "yes", "on"}), frozenset({"0", "f", "false", "n", "no", "off"})
_SWITCH_PATTERN = "^([01]|[Tt]([Rr][Uu][Ee])?|[Ff]([Aa][Ll][Ss][Ee])?|[Yy]([Ee][Ss])?|[Nn][Oo]?|[Oo][Nn]|[Oo][Ff][Ff])$"
MOST_DIGITS = 18
_DIGITS = re.compile(f"[0-9]{{1,{MOST_DIGITS}}}")


def _switched(value: Any) -> bool:
    word = value.lower() if isinstance(value, str) else str(int(value)) if value in (0, 1) else None
    if word not in _ON | _OFF:
        raise PydanticCustomError("switch", "must be true or false")
    return word in _ON


def _counted(value: Any) -> int:
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value // 1:
        raise PydanticCustomError("count", "must be a whole number")
    return int(value)


Switch = Annotated[
    bool,
    BeforeValidator(_switched),
    WithJsonSchema(
        {"anyOf": [{"type": "boolean"}, {"enum": [0, 1]}, {"type": "string", "pattern": _SWITCH_PATTERN}]},
        mode="validation",
    ),
]
"""On or off: a boolean, 0 or 1, or a word for it."""

Count = Annotated[
    int,
    BeforeValidator(_counted),
    Field(ge=0, lt=10**MOST_DIGITS),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0, "exclusiveMaximum": 10**MOST_DIGITS},
                {"type": "string", "pattern": f"^[0-9]{{1,{MOST_DIGITS}}}$"},
            ]
        },
        mode="validation",
    ),
]
"""A whole number that is not negative, of at most 18 digits."""
