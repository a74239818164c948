"""Tests with Schemathesis that the service conforms to its OpenAPI document."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.outside.application import DOCUMENT
from tests.outside.schemathesis_run import examine, serving

EXAMPLES = 5


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving() as found:
        yield found


@pytest.fixture(scope="module")
def document(url: str) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(url + DOCUMENT).json()
    return found


def test_answers_conform_to_openapi(url: str) -> None:
    done = examine(url, "--max-examples", str(EXAMPLES), "--generation-deterministic")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Unresolvable references" not in done.stdout
    links = re.search(r"API Links: +(\d+) covered", done.stdout)
    assert links is not None, done.stdout
    assert int(links[1]) > 0


def test_nonconforming_answer_is_found(url: str, document: dict[str, Any]) -> None:
    other = {**document["paths"]["/livez"]["get"], "responses": {"204": {"description": "Never."}}}
    broken = {**document, "paths": {"/livez": {"get": other}}}
    done = examine(url, "--max-examples", "1", document=broken)
    assert done.returncode == 1
    assert "Undocumented status code" in done.stdout


def test_every_endpoint_is_documented(document: dict[str, Any]) -> None:
    expected = {"/v1/articles", "/v2/translate", "/detect", "/livez", "/metrics", "/admin/cache/purge", "/admin/reload"}
    assert expected <= set(document["paths"])


def test_every_link_names_an_operation(document: dict[str, Any]) -> None:
    operations = [one for path in document["paths"].values() for one in path.values()]
    links = [
        link for one in operations for answer in one["responses"].values() for link in answer.get("links", {}).values()
    ]
    assert len(links) == 8
    assert {link["operationId"] for link in links} <= {one["operationId"] for one in operations}


def test_every_reference_resolves(document: dict[str, Any]) -> None:
    pointers = set(re.findall(r'"\$ref": ?"#/([^"]+)"', httpx.Response(200, json=document).text))
    for pointer in pointers:
        place: Any = document
        for name in pointer.split("/"):
            place = place[name]
        assert place
