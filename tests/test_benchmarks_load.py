"""The load benchmark: fair articles, honest clients, no system measured that left a sentence out."""

import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import pytest

from benchmarks import record
from benchmarks.load import peers, report, weights
from benchmarks.load.articles import LEAST, MOST, Article, read
from benchmarks.load.ceiling import choices
from benchmarks.load.clients import closed_loop, open_loop
from benchmarks.load.libretranslate_launch import Counter
from benchmarks.load.rounds import Work, interleaved
from benchmarks.load.search import Search
from benchmarks.load.server import Server, free_port
from benchmarks.load.system import Failed, Round, require_text
from service.registry.catalog import Catalog

ARTICLES = read(None, 6, seed=1)


def silent(message: str) -> None:
    del message


class Recorded:
    """A system that only remembers when it was asked."""

    def __init__(self, name: str, seconds: float, turns: list[str]) -> None:
        self.name, self.what = name, f"system {name}"
        self._seconds = seconds
        self._turns = turns

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._turns.append(f"{self.name} ends")

    async def warm_up(self, articles: Sequence[Article]) -> None:
        self._turns.append(f"{self.name} warms up on {len(articles)}")

    async def round(self, articles: Sequence[Article], clients: int) -> Round:
        self._turns.append(f"{self.name} {len(articles)} by {clients}")
        sentences = sum(len(article.sentences) for article in articles)
        return Round(self._seconds * sentences, sentences, 50 * sentences, (0.5,))


def test_the_same_seed_gives_the_same_articles_and_another_seed_others() -> None:
    assert read(None, 6, seed=1) == ARTICLES
    assert read(None, 6, seed=2) != ARTICLES


def test_articles_have_an_articles_size_and_share_no_sentence() -> None:
    sentences = [sentence for article in ARTICLES for sentence in article.sentences]
    assert all(LEAST <= len(article.sentences) <= MOST for article in ARTICLES)
    assert len(set(sentences)) == len(sentences)


def test_a_round_and_its_warm_up_find_enough_real_articles(shared: Path) -> None:
    articles = read(shared / "data", 112, seed=1)
    assert all(sentence in article.text for article in articles for sentence in article.sentences)


def test_an_article_with_a_sentence_that_may_not_fit_a_model_is_left_out() -> None:
    text = " ".join(f"Satz {number} steht hier." for number in range(LEAST))
    assert Article.of(text).usable
    assert not Article.of(f"{text} {'Langes Wort ' * 40}.").usable


async def test_a_closed_loop_asks_for_every_article_once_and_never_for_more_than_its_clients_can() -> None:
    asked: list[Article] = []
    busy: set[int] = set()

    async def ask(article: Article) -> int:
        busy.add(id(article))
        assert len(busy) <= 2
        await asyncio.sleep(0)
        busy.discard(id(article))
        asked.append(article)
        return 7

    load = await closed_loop(ask, ARTICLES, clients=2)
    assert asked == ARTICLES
    assert (len(load.latencies_s), load.chars) == (6, 42)


async def test_a_failed_request_fails_the_loop() -> None:
    async def ask(_article: Article) -> int:
        raise Failed("no translation")

    with pytest.raises(ExceptionGroup) as raised:
        await closed_loop(ask, ARTICLES, clients=2)
    assert raised.group_contains(Failed, match="no translation")


async def test_an_open_loop_counts_from_the_scheduled_time_also_when_it_was_late() -> None:
    async def stall(article: Article) -> int:
        if article is ARTICLES[0]:
            time.sleep(0.2)  # noqa: ASYNC251 - nothing else is to run: the next requests get out late
        return 1

    load = await open_loop(stall, ARTICLES, rate_per_s=1_000.0, seed=1)
    assert min(load.latencies_s) > 0.1


@pytest.mark.parametrize("outputs", [["a"], ["a", " "], ["a", "b", "c"]])
def test_a_system_that_leaves_a_sentence_out_is_not_measured(outputs: list[str]) -> None:
    with pytest.raises(Failed):
        require_text(Article("Eins. Zwei.", ("Eins.", "Zwei.")), outputs)


def test_a_sentence_without_text_fails_in_the_other_program_too() -> None:
    def translator(outputs: list[str]) -> Any:
        results = [SimpleNamespace(hypotheses=[[output]]) for output in outputs]
        return SimpleNamespace(translate_batch=lambda: results)

    counter = Counter(translator)
    counter(["▁yes", "▁no"]).translate_batch()
    assert counter.sentences == 2
    with pytest.raises(RuntimeError, match="no translation"):
        counter(["▁yes", "▁"]).translate_batch()


async def test_systems_take_turns_in_every_round_and_the_slow_ones_get_their_share() -> None:
    turns: list[str] = []
    systems = [Recorded("a", 2.0, turns), Recorded("b", 1.0, turns)]
    work = Work(ARTICLES, ARTICLES[:1], 16, {"a": 0.5})
    await interleaved(systems, work, 2, silent)
    assert turns == [
        *("a warms up on 1", "b warms up on 1"),
        *("a 3 by 16", "b 6 by 16", "a 3 by 16", "b 6 by 16"),
        *("b ends", "a ends"),
    ]


async def test_a_share_of_the_articles_does_not_change_the_rate() -> None:
    systems = [Recorded("a", 2.0, []), Recorded("b", 2.0, [])]
    found = await interleaved(systems, Work(ARTICLES, [], 1, {"a": 0.5}), 1, silent)
    rates = report.rates(systems, found, mean_sentences=5.0)
    assert rates["a"]["articles_per_s"] == rates["b"]["articles_per_s"] == {"median": 0.1, "least": 0.1, "most": 0.1}


def test_ratios_are_of_the_same_round_and_say_whether_the_median_reaches_the_target() -> None:
    found = {
        "d": [Round(1.0, 80, 1), Round(1.0, 40, 1), Round(1.0, 90, 1)],
        "c": [Round(1.0, 100, 1), Round(1.0, 50, 1), Round(1.0, 100, 1)],
    }
    measured = {"median": 0.8, "least": 0.8, "most": 0.9}
    assert report.ratios(report.TARGETS["embedded"], found) == [
        {"ratio": "d/c", "target": 0.75, "measured": measured, "reached": True}
    ]
    assert [row["reached"] for row in report.ratios(report.TARGETS["full"], found)] == [False]


def test_the_table_shows_rates_ratios_and_notes() -> None:
    found = {name: [Round(2.0, 10, 500, (0.25,))] for name in ("c", "d")}
    systems = [Recorded(name, 1.0, []) for name in found]
    part = {
        "systems": report.rates(systems, found, mean_sentences=10.0),
        "beside": {},
        "ratios": report.ratios(report.TARGETS["embedded"], found),
        "open_loop": [],
    }
    lines = report.table({"weights": {"embedded": part}, "notes": ["b: something is missing"]}).splitlines()
    assert "| d | system d | 0.5 (0.5 to 0.5) | 0.25 (0.25 to 0.25) | 50.0 |" in lines
    assert "| d/c | ≥ 0.75 | 1.0 (1.0 to 1.0) | reached |" in lines
    assert lines[-1] == "- b: something is missing"


@pytest.mark.parametrize("cores", [1, 2, 6])
def test_every_choice_of_the_ceiling_uses_all_cores(cores: int) -> None:
    assert {choice.inter_threads * choice.intra_threads for choice in choices(cores, (8, 64))} == {cores}


async def test_a_server_that_ends_tells_why() -> None:
    program = [sys.executable, "-c", "raise SystemExit('no weights here')"]
    with pytest.raises(SystemExit, match="no weights here"):
        async with Server(program, free_port(), "/", extra={}):
            pass


async def test_depesche_and_the_ceiling_translate_every_sentence_of_an_article(tmp_path: Path) -> None:
    made = weights.prepare("embedded", tmp_path)
    work = Work(ARTICLES[:1], ARTICLES[1:2], 1, {})
    found = await interleaved([peers.ceiling(made), peers.depesche(made)], work, 1, silent)
    assert [done[0].sentences for done in found.values()] == [len(ARTICLES[0].sentences)] * 2


@pytest.mark.parametrize("beam_size", weights.BEAMS)
def test_all_systems_are_told_the_same_search_and_give_one_hypothesis(tmp_path: Path, beam_size: int) -> None:
    manifest = weights.prepare("embedded", tmp_path).entry(beam_size).manifest
    shipped = Catalog(weights.MODELS).entry(weights.EMBEDDED).manifest
    search = Search.of(manifest, beam_size)
    assert manifest.decoding.beam_size == search.beam_size == beam_size
    assert manifest.decoding.hypotheses == 1
    assert search == Search.of(shipped, beam_size)
    assert Search.parse(search.json()) == search


def test_a_recorded_command_can_be_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [str(record.ROOT / "benchmarks" / "load" / "__main__.py"), "--record"])
    assert record.provenance()["command"] == "python -m benchmarks.load --record"
