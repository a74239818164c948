"""Tests of house styles in requests: named styles, reported changes, result keys, streams and DeepL's regions."""

import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from service.domain import EngineInput, Hypothesis
from service.errors import ModelError
from service.generation.engines.tokenizers import Tokenizer
from service.newsroom.models import read_house_styles
from tests.api.both import Both, both

SOURCE = "Die Farbe des Rates gefiel 5 Nachbarn."
WRITTEN = "The color of the council pleased 5 neighbors."
BRITISH = "The colour of the council pleased 5 neighbours."
STYLES = """
[britisch]
spelling = "british"
titles = "no_point"
"""


class Writer:
    """A handler of a fake engine that outputs `WRITTEN` for every source."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokens = tuple(self._tokenizer_pieces(tokenizer))

    @staticmethod
    def _tokenizer_pieces(tokenizer: Tokenizer) -> Sequence[str]:
        pieces: Sequence[str] = tokenizer._pieces.encode_target(WRITTEN)
        return pieces

    def __call__(self, items: Sequence[EngineInput]) -> list[list[Hypothesis]]:
        return [[Hypothesis(self._tokens, -0.1, "eos")] for _ in items]


@pytest.fixture
async def ports(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Both]:
    """Yield a service that has the named house style ``britisch`` and translates every sentence as `WRITTEN`."""
    file = tmp_path / "styles.toml"
    file.write_text(STYLES, "utf-8")
    async with both(monkeypatch, house_styles_file=file) as found:
        found.handle(Writer(found.translator.tokenizer))
        yield found


async def answer_of(ports: Both, path: str = "/v1/translate", **fields: Any) -> Any:
    answer = await ports.main.post(path, json=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("style", [{"spelling": "british"}, {"base": "britisch"}])
async def test_style_is_applied_and_each_change_is_reported(ports: Both, style: dict[str, str]) -> None:
    answer = await answer_of(ports, text=SOURCE, house_style=style)
    (found,) = answer["translations"]
    assert found["text"] == BRITISH
    reports = [one for one in found["warnings"] if one["code"] == "house_style_applied"]
    assert [BRITISH[slice(*one["target_span"])] for one in reports] == ["colour", "neighbours"]
    assert [one["review"] for one in reports] == [False, False]
    assert "“color” became “colour”" in reports[0]["message"]


async def test_sentences_of_any_style_share_the_cache(ports: Both) -> None:
    plain = await answer_of(ports, text=SOURCE)
    assert plain["translations"][0]["text"] == WRITTEN
    styled = await answer_of(ports, text=SOURCE, house_style={"spelling": "british"})
    assert styled["translations"][0]["cached"] == {"sentences": 1, "of": 1}
    assert styled["translations"][0]["text"] == BRITISH
    assert (await answer_of(ports, text=SOURCE))["translations"][0]["text"] == WRITTEN
    assert styled["result_key"] != plain["result_key"]


async def test_named_style_has_the_key_of_its_rules(ports: Both) -> None:
    named = await answer_of(ports, text=SOURCE, house_style={"base": "britisch"})
    given = await answer_of(ports, text=SOURCE, house_style={"spelling": "british", "titles": "no_point"})
    changed = await answer_of(ports, text=SOURCE, house_style={"base": "britisch", "titles": "point"})
    none = await answer_of(ports, text=SOURCE, house_style={})
    assert named["result_key"] == given["result_key"] != changed["result_key"]
    assert none["result_key"] == (await answer_of(ports, text=SOURCE))["result_key"]


async def test_streamed_sentences_follow_the_style(ports: Both) -> None:
    body = {"text": SOURCE, "house_style": {"spelling": "british"}}
    answer = await ports.main.post("/v1/translate", json=body, headers={"Accept": "text/event-stream"})
    events = {
        name: json.loads(data)
        for block in answer.text.strip().split("\n\n")
        if "event: " in block
        for name, data in [block.partition("event: ")[2].split("\ndata: ", 1)]
    }
    assert events["sentence"]["text"] == events["result"]["translations"][0]["text"] == BRITISH


async def test_markup_is_kept(ports: Both) -> None:
    body: dict[str, Any] = {"text": f"<p>{SOURCE}</p>", "format": "html", "house_style": {"spelling": "british"}}
    assert (await answer_of(ports, **body))["translations"][0]["text"] == f"<p>{BRITISH}</p>"


async def test_article_and_its_translated_summary_follow_the_style(ports: Both) -> None:
    body = {
        "body": SOURCE,
        "headline": "Haushalt beschlossen",
        "outputs": ["translation", "summary_translation"],
        "method": "lead",
        "house_style": {"spelling": "british"},
    }
    found = await answer_of(ports, "/v1/articles", **body)
    assert found["translation"]["text"] == found["translation"]["headline"] == BRITISH
    assert found["summary_translation"]["text"] == BRITISH


async def test_translated_summary_follows_the_style(ports: Both) -> None:
    body = {"text": SOURCE, "method": "lead", "target_lang": "en"}
    styled = await answer_of(ports, "/v1/summarize", **body, house_style={"base": "britisch"})
    plain = await answer_of(ports, "/v1/summarize", **body)
    assert (styled["summaries"][0]["text"], plain["summaries"][0]["text"]) == (BRITISH, WRITTEN)
    assert styled["result_key"] != plain["result_key"]


@pytest.mark.parametrize("path", ["/v1/translate", "/v1/articles", "/v1/summarize"])
async def test_unknown_style_is_refused(ports: Both, path: str) -> None:
    text = {"body": SOURCE} if path == "/v1/articles" else {"text": SOURCE, "target_lang": "en"}
    answer = await ports.main.post(path, json={**text, "house_style": {"base": "unbekannt"}})
    assert (answer.status_code, answer.json()["code"]) == (422, "house_style_unknown")
    assert answer.json()["errors"][0]["pointer"] == "/house_style/base"


async def test_unknown_rule_is_refused(ports: Both) -> None:
    answer = await ports.main.post("/v1/translate", json={"text": SOURCE, "house_style": {"commas": "none"}})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/house_style/commas")


@pytest.mark.parametrize(("region", "text"), [("EN", WRITTEN), ("EN-GB", BRITISH), ("en-us", WRITTEN)])
async def test_region_of_deepl_selects_the_spelling(ports: Both, region: str, text: str) -> None:
    found = await answer_of(ports, "/v2/translate", text=[SOURCE], source_lang="DE", target_lang=region)
    assert found["translations"][0]["text"] == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[a]\nspelling = 'scots'", "styles.toml: a.spelling"),
        ("[a]\ncommas = 'none'", "styles.toml: a.commas"),
        ("spelling = 'british'", "styles.toml: spelling"),
        ("[a", "cannot be read"),
    ],
)
def test_invalid_file_of_styles_is_refused(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "styles.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(ModelError, match=message):
        read_house_styles(file)


def test_missing_file_of_styles_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        read_house_styles(tmp_path / "styles.toml")
