"""The latency benchmark: its figures, its texts, its arrivals, and each of its parts once against a real server."""

import asyncio
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from benchmarks.latency import edit, memory, prose
from benchmarks.latency.__main__ import PARTS, main, measured
from benchmarks.latency.arrivals import steady
from benchmarks.latency.finding import Failed, Finding, quantile, table
from benchmarks.latency.plan import Plan
from benchmarks.load.articles import Article

SMALL = Plan(data=None, rounds=1, seconds=0.2, clients=2, memory_articles=12)


def test_a_finding_is_the_median_of_its_rounds_with_their_spread() -> None:
    found = Finding.of("part", "what", "s", [3.0, 1.0, 2.0], 2.0, why="because")
    assert (found.figure, found.least, found.most, found.reached) == (2.0, 1.0, 3.0, True)
    assert found.record()["beside"] == {"why": "because"}
    assert found.record()["reached"] is True


def test_the_table_says_what_was_reached_and_missed() -> None:
    rows = [
        Finding.of("a", "ratio", "", [1.2], 1.1),
        Finding.of("b", "time", "ms", [9.0], 10.0),
        Finding.of("c", "beside", "s", [1.0]),
    ]
    assert table(rows).splitlines()[2:] == [
        "| a | ratio | 1.1 | 1.2 (1.2 to 1.2) | missed |",
        "| b | time | 10 ms | 9 (9 to 9) ms | reached |",
        "| c | beside | – | 1 (1 to 1) s |  |",
    ]


def test_a_percentile_lies_among_the_values() -> None:
    values = [float(n) for n in range(101)]
    assert [quantile(values, percent) for percent in (50, 95, 99)] == [50.0, 95.0, 99.0]


async def test_latency_counts_from_the_scheduled_time_also_of_those_that_come_meanwhile() -> None:
    turn = asyncio.Lock()

    async def slow() -> None:
        async with turn:
            await asyncio.sleep(0.05)

    seconds = await steady(slow, rate_per_s=100.0, seconds=0.04)
    assert len(seconds) == 4
    assert seconds == sorted(seconds)
    assert seconds[-1] >= 4 * 0.05 - 3 * 0.01


async def test_a_request_that_fails_ends_the_loop() -> None:
    async def broken() -> None:
        raise Failed("no answer")

    with pytest.raises(ExceptionGroup):
        await steady(broken, rate_per_s=1_000.0, seconds=1.0)


@pytest.mark.parametrize("sentences", [10, 40])
def test_articles_have_exactly_the_sentences_that_are_asked_for_and_share_none(sentences: int) -> None:
    articles = prose.exact(None, 2, sentences, seed=1)
    assert [len(article.sentences) for article in articles] == [sentences] * 2
    assert not set(articles[0].sentences) & set(articles[1].sentences)


def test_short_and_long_texts_are_cut_as_they_were_made() -> None:
    articles = prose.short(10)
    first, second = next(articles), next(articles)
    assert Article.of(first.text) == first
    assert not set(first.sentences) & set(second.sentences)
    text = prose.long(5_000)
    assert len(text) == 5_000
    assert len(set(Article.of(text).sentences)) == len(Article.of(text).sentences) > 40


def test_an_edit_changes_one_sentence() -> None:
    (article,) = prose.exact(None, 1, 40, seed=1)
    changed = prose.edited(article, 17)
    assert [n for n in range(40) if article.sentences[n] != changed.sentences[n]] == [17]


def test_an_edit_that_reaches_the_engine_with_other_tokens_is_a_failure() -> None:
    cached = {"sentences": 39, "of": 40}
    edit.require(12.0, 12, cached)
    with pytest.raises(Failed, match="13 tokens"):
        edit.require(13.0, 12, cached)
    with pytest.raises(Failed, match="cached"):
        edit.require(12.0, 12, {"sentences": 38, "of": 40})


def test_growth_counts_from_a_sixth_of_the_articles_to_the_last() -> None:
    steps = [100.0, 200.0, *[205.0] * 9, 210.0]
    assert memory.growth_percent(steps) == pytest.approx(5.0)


@pytest.mark.parametrize("part", ["edit", "hits", "probes", "memory"])
async def test_a_part_measures_a_real_server_and_says_its_target(part: str) -> None:
    findings = await measured(SMALL, [part])
    assert {one.part for one in findings} == {part}
    assert any(one.target is not None for one in findings)
    assert all(one.least <= one.figure <= one.most for one in findings)


def test_a_part_that_is_none_is_refused_by_name(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(main)
    done = CliRunner().invoke(app, ["--parts", "edit,nonsense", "--data", str(tmp_path)])
    assert done.exit_code != 0
    assert "nonsense" in done.output
    assert list(PARTS) == ["alone", "edit", "hits", "probes", "neighbour", "memory", "start"]
