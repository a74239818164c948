"""Tests of boolean and numeric parameters of the endpoints for DeepL and LibreTranslate clients."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from service.http.compat.forms import Count, Switch

SWITCH: TypeAdapter[bool] = TypeAdapter(Switch)
COUNT: TypeAdapter[int] = TypeAdapter(Count)


@pytest.mark.parametrize(
    ("value", "on"), [(True, True), (0, False), (1.0, True), ("1", True), ("OFF", False), ("y", True)]
)
def test_switch_accepts_booleans_and_words(value: Any, on: bool) -> None:  # noqa: FBT001 - expected value
    assert SWITCH.validate_python(value) is on


@pytest.mark.parametrize("value", ["", "2", "ja", 2, 0.5, None, [], {}, "true "])
def test_switch_refuses_other_values(value: Any) -> None:
    with pytest.raises(ValidationError):
        SWITCH.validate_python(value)


@pytest.mark.parametrize(("value", "number"), [(3, 3), (3.0, 3), ("3", 3), ("0" * 17 + "7", 7)])
def test_count_accepts_digits(value: Any, number: int) -> None:
    assert COUNT.validate_python(value) == number


@pytest.mark.parametrize(
    "value", [True, -1, 1.5, "1.0", "-1", "", "9" * 19, 10**18, float("inf"), float("nan"), None, []]
)
def test_count_refuses_other_values(value: Any) -> None:
    with pytest.raises(ValidationError):
        COUNT.validate_python(value)
