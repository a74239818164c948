"""Tests of cache keys: two keys are equal if and only if all their fields are equal."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.cache.entries import encode_fields, entry_key, result_key, tag_key

texts = st.text(st.sampled_from("a|b\x00\x01,ß\ud800"), max_size=6)
numbers = st.one_of(st.booleans(), st.integers(), st.floats(allow_nan=False))
fields: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), texts, st.binary(max_size=4), numbers, st.frozensets(texts, max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
)
HEAD = ("translation", "model", "1")


@given(fields, fields)
def test_field_bytes_are_equal_exactly_for_equal_fields(left: Any, right: Any) -> None:
    assert (encode_fields(left) == encode_fields(right)) == (left == right)


@given(st.lists(fields, max_size=3), st.lists(fields, max_size=3))
def test_sequence_encoding_is_unambiguous(left: list[Any], right: list[Any]) -> None:
    runs = [b"".join(map(encode_fields, one)) for one in (left, right)]
    assert (runs[0] == runs[1]) == (left == right)


@given(texts, texts, texts, texts)
def test_moved_character_changes_the_key(task: str, text: str, task_2: str, text_2: str) -> None:
    first, second = (entry_key((one,), two, None) for one, two in ((task, text), (task_2, text_2)))
    assert (first == second) == ((task, text) == (task_2, text_2))


@given(fields, fields)
def test_entry_keys_are_equal_exactly_for_equal_fields(left: Any, right: Any) -> None:
    assert (entry_key(HEAD, left, None) == entry_key(HEAD, right, None)) == (left == right)


@pytest.mark.parametrize("place", range(len(HEAD)))
def test_each_head_field_changes_the_key(place: int) -> None:
    other = (*HEAD[:place], "other", *HEAD[place + 1 :])
    assert entry_key(HEAD, "text", None) != entry_key(other, "text", None)


def test_each_secret_changes_the_key() -> None:
    keys = {entry_key(HEAD, "text", secret) for secret in (None, b"one", b"two")}
    assert len(keys) == 3
    assert {len(key) for key in keys} == {32}


def test_key_ignores_order_of_mappings() -> None:
    forwards, backwards = {"a": "1", "b": "2"}, {"b": "2", "a": "1"}
    assert entry_key(HEAD, forwards, None) == entry_key(HEAD, backwards, None)


def test_set_encoding_ignores_hash_seed() -> None:
    content = b"".join(map(encode_fields, "abcdefgh"))
    assert encode_fields(frozenset("hgfedcba")) == b"f" + len(content).to_bytes(8, "big") + content


def test_encoding_is_stable_between_releases() -> None:
    assert encode_fields(["ß"]) == b"l\0\0\0\0\0\0\0\x0bs\0\0\0\0\0\0\0\x02\xc3\x9f"


@pytest.mark.parametrize(("left", "right"), [(["a|b"], ["a", "b"]), (["ab", ""], ["a", "b"]), (["a"], ["a", ""])])
def test_result_key_depends_on_text_boundaries(left: list[str], right: list[str]) -> None:
    keys = [result_key(task="translate", model_id="m", revision="r", options={}, texts=one) for one in (left, right)]
    assert keys[0] != keys[1]


def test_result_key_is_equal_for_equal_requests() -> None:
    def key(**changed: Any) -> str:
        fields: dict[str, Any] = {
            "task": "t",
            "model_id": "m",
            "revision": "r",
            "options": {"style": "teaser"},
            "texts": ["x"],
        }
        return result_key(**fields | changed)

    assert key() == key(options={"style": "teaser"})
    changes: list[dict[str, Any]] = [
        {"task": "u"},
        {"model_id": "n"},
        {"revision": "s"},
        {"options": {}},
        {"texts": ["y"]},
    ]
    assert len({key(), *(key(**change) for change in changes)}) == 6


@pytest.mark.parametrize("value", [math.inf, -math.inf, 1e300, 5e-324, 2**80, -0.0])
def test_extreme_numbers_are_encoded(value: float) -> None:
    assert encode_fields(value) != encode_fields(1)


def test_tag_depends_on_kind_value_and_secret() -> None:
    tags = [tag_key(kind, value, secret) for kind in ("text", "result") for value in "ab" for secret in (None, b"s")]
    assert len(set(tags)) == 8
    assert {len(tag) for tag in tags} == {32}
    assert tag_key("text", "a", b"s") == tags[1]
