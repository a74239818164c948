"""Tests of corrections in requests and in the operator's file, with markup, glossaries, streams and result keys."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from service.terms.corrections import CORRECTION_CHARS, MAX_CORRECTIONS
from tests.api.both import Both, both

QUIET, RAIN = "Es blieb ruhig.", "Es regnet am Montag."
CORRECTION = {"source": QUIET, "target": "It remained quiet.", "machine": "It stayed calm."}
TMX = f"""<tmx version="1.4"><header/><body><tu><tuv xml:lang="de"><seg>{QUIET}</seg></tuv>
<tuv xml:lang="en"><seg>It remained quiet.</seg></tuv></tu></body></tmx>"""
GIVEN = [[CORRECTION], json.dumps(CORRECTION), TMX]


@pytest.fixture
async def ports(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Both]:
    async with both(monkeypatch) as found:
        yield found


async def translated(ports: Both, text: str, **fields: Any) -> Any:
    answer = await ports.main.post("/v1/translate", json={"text": text, **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("memory", GIVEN, ids=["list", "JSON Lines", "TMX"])
async def test_correction_replaces_the_model(ports: Both, memory: Any) -> None:
    engine_items = ports.engines[0].items
    answer = await translated(ports, f"{QUIET}\n{RAIN}", memory=memory)
    (found,) = answer["translations"]
    first, second = found["sentences"]
    assert found["text"].startswith("It remained quiet.\n")
    assert (first["from_memory"], second["from_memory"]) == (True, False)
    assert (first["confidence"], found["cached"]) == (None, {"sentences": 0, "of": 1})
    assert ports.engines[0].items == engine_items + 1


async def test_checks_run_on_a_correction(ports: Both) -> None:
    wrong = {"source": "Es kostet 5 Euro.", "target": "It costs 6 euros."}
    (found,) = (await translated(ports, wrong["source"], memory=[wrong], facts=True))["translations"]
    assert {"number_unsupported", "number_missing"} <= {one["code"] for one in found["warnings"]}
    assert found["needs_review"]
    assert [one["state"] for one in found["facts"]] == ["changed"]


async def test_missing_term_of_a_correction_is_reported(ports: Both) -> None:
    fields = {"memory": [CORRECTION], "glossary": {"ruhig": "calm"}}
    (found,) = (await translated(ports, QUIET, **fields))["translations"]
    assert found["text"] == "It remained quiet."
    assert "term_not_applied" in {one["code"] for one in found["warnings"]}


async def test_result_key_depends_on_the_corrections(ports: Both) -> None:
    plain, corrected = await translated(ports, QUIET), await translated(ports, QUIET, memory=[CORRECTION])
    file, empty = await translated(ports, QUIET, memory=TMX), await translated(ports, QUIET, memory=[])
    assert plain["result_key"] == empty["result_key"] != corrected["result_key"] == file["result_key"]
    assert plain["translations"][0]["text"] == (await translated(ports, QUIET))["translations"][0]["text"]


async def test_correction_keeps_the_markup(ports: Both) -> None:
    text = f"<p>Es <b>blieb</b> ruhig.</p><p>{RAIN}</p>"
    (found,) = (await translated(ports, text, format="html", memory=[CORRECTION]))["translations"]
    assert [one["from_memory"] for one in found["sentences"]] == [True, False]
    first = found["text"].partition("</p>")[0]
    assert first.replace("<b>", "").replace("</b>", "") == "<p>It remained quiet."
    assert (first.count("<b>"), first.count("</b>")) == (1, 1)


async def test_correction_of_a_long_sentence_is_used_whole(ports: Both) -> None:
    words = ", ".join(f"Ort {number}" for number in range(95))
    long = {"source": f"Sie besuchten {words}.", "target": "They visited many places."}
    (found,) = (await translated(ports, long["source"], memory=[long]))["translations"]
    assert found["text"] == "They visited many places."
    assert "sentence_split" not in {one["code"] for one in found["warnings"]}


async def test_stream_contains_the_correction(ports: Both) -> None:
    body = {"text": QUIET, "memory": [CORRECTION]}
    answer = await ports.main.post("/v1/translate", json=body, headers={"Accept": "text/event-stream"})
    assert '"text":"It remained quiet."' in answer.text.partition("event: sentence")[2].partition("\n\n")[0]


async def test_article_uses_corrections_in_all_parts(ports: Both) -> None:
    body = {"headline": QUIET, "body": f"{RAIN}\n\n{QUIET}", "clean": False, "outputs": ["translation"]}
    answer = await ports.main.post("/v1/articles", json={**body, "memory": [CORRECTION]})
    found = answer.json()["translation"]
    assert found["headline"] == "It remained quiet."
    assert [one["from_memory"] for one in found["sentences"]] == [False, True]


async def test_previous_translation_comes_before_a_correction(ports: Both) -> None:
    previous = {"body": f"{QUIET}\n\n{RAIN}", "translation": "All was quiet.\n\nIt rains on Monday."}
    body = {"body": f"{QUIET}\n\n{RAIN}", "clean": False, "outputs": ["translation"], "previous": previous}
    found = (await ports.main.post("/v1/articles", json={**body, "memory": [CORRECTION]})).json()["translation"]
    assert found["text"] == previous["translation"]
    assert [one["from_memory"] for one in found["sentences"]] == [False, False]


@pytest.mark.parametrize(
    ("memory", "code", "pointer"),
    [
        ("no file", "memory_invalid", "/memory"),
        ([{"source": " ", "target": "x"}], "memory_invalid", "/memory/0/source"),
        ([{"source": "x"}], "missing", "/memory/0/target"),
        ([{"source": "x", "target": "y", "z": 1}], "extra_forbidden", "/memory/0/z"),
        ([CORRECTION] * (MAX_CORRECTIONS + 1), "too_long", "/memory"),
        ([{"source": "x" * (CORRECTION_CHARS + 1), "target": "y"}], "string_too_long", "/memory/0/source"),
        ([{"source": "\ud800", "target": "y"}], "text_not_unicode", "/memory/0/source"),
        (5, "list_type", "/memory"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/translate", "/v1/articles"])
async def test_invalid_corrections_are_refused(ports: Both, path: str, memory: Any, code: str, pointer: str) -> None:
    text = {"text": QUIET} if path == "/v1/translate" else {"body": QUIET}
    content = json.dumps({**text, "memory": memory})
    answer = await ports.main.post(path, content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422, answer.text
    assert (code, pointer) in {(one["code"], one["pointer"]) for one in answer.json()["errors"]}


async def test_file_of_the_server_applies_to_all_translations(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "corrections.tmx"
    file.write_text(TMX, "utf-8")
    async with both(monkeypatch, memory_file=file) as ports:
        first = await translated(ports, QUIET)
        assert first["translations"][0]["sentences"][0]["from_memory"]
        deepl = await ports.main.post("/v2/translate", json={"text": [QUIET], "target_lang": "EN"})
        assert deepl.json()["translations"][0]["text"] == "It remained quiet."
        own = await translated(ports, QUIET, memory=[{**CORRECTION, "target": "All was quiet."}])
        assert own["translations"][0]["text"] == "All was quiet."

        file.write_text(TMX.replace("It remained quiet.", "Calm prevailed."), "utf-8")
        assert (await ports.admin.post("/admin/reload", json={})).is_success
        second = await translated(ports, QUIET)
        assert second["translations"][0]["text"] == "Calm prevailed."
        assert second["result_key"] != first["result_key"]

        file.write_text("<tmx>", "utf-8")
        assert (await ports.admin.post("/admin/reload", json={})).status_code == 500
        assert (await translated(ports, QUIET))["translations"][0]["text"] == "Calm prevailed."
