"""Pydantic validation that reports only a few errors, so that input with a million errors is cheap to reject."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

from pydantic import BaseModel, BeforeValidator, ModelWrapValidatorHandler, model_validator
from pydantic_core import PydanticCustomError

MAX_ERRORS = 20


class Bounded(BaseModel):
    """A base class for models that forbid unknown fields. At most `MAX_ERRORS` + 1 unknown fields are reported."""

    @model_validator(mode="wrap")
    @classmethod
    def _few_unknown(cls, value: Any, handler: ModelWrapValidatorHandler["Bounded"]) -> "Bounded":
        if not isinstance(value, Mapping):
            return handler(value)
        known = {name for field, info in cls.model_fields.items() for name in (field, info.alias) if name is not None}
        unknown = list(islice((name for name in value if name not in known), MAX_ERRORS + 2))
        if len(unknown) <= MAX_ERRORS + 1:
            return handler(value)
        named = {name: value[name] for name in unknown[: MAX_ERRORS + 1]}
        return handler({name: value[name] for name in known if name in value} | named)


def at_most(items: int, code: str = "too_long") -> BeforeValidator:
    """Return a validator that rejects a list or dict with more than ``items`` members before the members are validated.

    ``code`` is the type of the validation error.
    """

    def check_length(value: Any) -> Any:
        if isinstance(value, list | dict) and len(value) > items:
            raise PydanticCustomError(
                code,
                "{actual_length} items exceed the limit of {max_length}",
                {"max_length": items, "actual_length": len(value)},
            )
        return value

    return BeforeValidator(check_length)


def _first_wrong(value: Any) -> Any:
    """Limit the number of validation errors that a dict with string values can cause.

    If more than `MAX_ERRORS` values are not strings, return a dict with only the first `MAX_ERRORS` + 1 of these
    values. Otherwise, return ``value`` unchanged.
    """
    if not isinstance(value, dict):
        return value
    wrong = dict(islice(((name, one) for name, one in value.items() if not isinstance(one, str)), MAX_ERRORS + 1))
    return wrong if len(wrong) > MAX_ERRORS else value


FEW_WRONG = BeforeValidator(_first_wrong)
