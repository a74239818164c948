"""Tests that the measured nesting depth of a JSON body equals that of a parser, and is measured in linear time."""

import json
import time
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from service.http.admission import is_deeper

values = st.recursive(
    st.none() | st.text(st.sampled_from('a["]{}\\,ü')) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.sampled_from('a["]\\')), inner, max_size=3),
    max_leaves=12,
)


def depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


@given(values, st.booleans())
def test_depth_matches_parsed_value(value: Any, ascii_only: bool) -> None:  # noqa: FBT001 - drawn
    body = json.dumps(value, ensure_ascii=ascii_only).encode()
    assert not is_deeper(body, depth(value))
    assert depth(value) == 0 or is_deeper(body, depth(value) - 1)


@given(st.binary(max_size=300), st.integers(0, 5))
def test_any_body_is_scanned_without_error(body: bytes, most: int) -> None:
    assert is_deeper(b"[" + body, most) in {True, False}


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100 + b'"' + b'\\"' * 1_000_000,
        b"[" * 100 + b'"' + b'\\"' * 1_000_000 + b"\\",
        b"[" * 100 + b'"' + b"\\" * 2_000_001,
        b"[]" * 100 + b'"' * 2_000_001,
    ],
)
def test_hostile_strings_take_linear_time(body: bytes) -> None:
    started_s = time.process_time()
    is_deeper(body, 100)
    assert time.process_time() - started_s < 20.0  # a quadratic algorithm would take hours


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "latin-1"])
def test_json_that_is_not_utf8_is_refused(client: TestClient, encoding: str) -> None:
    body = '{"text": "Äpfel ∀"}'.replace("∀", "" if encoding == "latin-1" else "∀").encode(encoding)
    answer = client.post("/v1/translate", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json")


def test_repeated_content_type_is_refused(client: TestClient) -> None:
    headers = [("content-type", "application/json"), ("content-type", "text/plain")]
    answer = client.post("/v1/translate", content=b'{"text": "Hund"}', headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "header_repeated")
