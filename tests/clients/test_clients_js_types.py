"""Tests that the request types of the JavaScript client have the fields and the values of docs/api/openapi.json."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
TYPES = (ROOT / "clients" / "js" / "depesche.d.ts").read_text("utf-8")
DOCUMENT: dict[str, Any] = json.loads((ROOT / "docs" / "api" / "openapi.json").read_text("utf-8"))


def fields(interface: str) -> dict[str, str]:
    """Return the fields of an interface, including inherited ones, with their types."""
    found = re.search(rf"^export interface {interface}(?: extends (.+))? {{\n((?:  .*\n)*)}}$", TYPES, re.MULTILINE)
    assert found is not None, interface
    inherited: dict[str, str] = {}
    for omitting, omitted, plain in re.findall(r"Omit<(\w+), ([^>]+)>|(\w+)", found[1] or ""):
        left_out = re.findall(r"\w+", omitted)
        inherited |= {name: kind for name, kind in fields(omitting or plain).items() if name not in left_out}
    return inherited | dict(re.findall(r"^  (\w+)\??: (.+);$", found[2], re.MULTILINE))


def values(schema: Any) -> set[str]:
    """Return the values of a field that the schema enumerates. The set is empty if it enumerates none."""
    places = (schema, *schema.get("anyOf", ()), schema.get("items", {}))
    return {value for one in places for value in one.get("enum", ())}


@pytest.mark.parametrize(
    ("interface", "schema"),
    [
        ("TranslateOptions", "TranslateRequest"),
        ("SummarizeOptions", "SummarizeRequest"),
        ("ArticleRequest", "ArticleRequest"),
        ("BatchArticle", "BatchArticle"),
        ("HouseStyle", "HouseStyleRules"),
    ],
)
def test_request_types_agree_with_the_document(interface: str, schema: str) -> None:
    declared, documented = fields(interface), DOCUMENT["components"]["schemas"][schema]["properties"]
    text = {"text"} if interface.endswith("Options") else set()  # an argument of its own
    assert declared.keys() == documented.keys() - text
    for name, kind in declared.items():
        literals = set(re.findall(r'"([^"]+)"', kind)) if "{" not in kind else set()
        if literals:
            assert literals == values(documented[name]), name
