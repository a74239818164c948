"""Tests that the default limits fit the recorded speed of the default models."""

import json
from pathlib import Path

from service.registry.catalog import Catalog, choose
from service.settings import Settings

ROOT = Path(__file__).parents[1]
RECORD = json.loads((ROOT / "benchmarks" / "results" / "capacity.json").read_text("utf-8"))


def default(name: str) -> int:
    return int(Settings.model_fields[name].default)


def test_the_longest_text_can_be_translated_within_the_default_deadline() -> None:
    seconds = default("max_text_chars") / RECORD["chars_per_s"]
    assert seconds <= default("request_timeout_ms") / 1000


def test_the_record_is_of_the_default_translator() -> None:
    entry = choose(Catalog(ROOT / "models"), "translation", "de", "en", "auto")
    assert entry is not None
    assert entry.name in {model["name"] for model in RECORD["models"]["models"]}
