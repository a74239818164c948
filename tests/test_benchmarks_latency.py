"""Tests of the latency benchmark: requests at scheduled times, results with their spread, and arguments."""

import asyncio
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from benchmarks.figures import Spread, compared, compared_table, own, own_table, percentile, ratios
from benchmarks.latency.__main__ import main
from benchmarks.latency.arrivals import steady
from benchmarks.load.wrk import Failed


def test_spread_is_median_least_and_most() -> None:
    assert Spread.of([3.0, 1.0, 2.0]) == Spread(2.0, 1.0, 3.0)
    assert str(Spread.of([1.23456])) == "1.235 (1.235 to 1.235)"


def test_ratios_are_within_rounds() -> None:
    assert ratios([2.0, 9.0], [1.0, 3.0]) == Spread(2.5, 2.0, 3.0)
    with pytest.raises(ValueError, match="argument"):
        ratios([1.0], [1.0, 2.0])


def test_percentile_interpolates() -> None:
    values = [float(n) for n in range(101)]
    assert [percentile(values, percent) for percent in (50, 95, 99)] == [50.0, 95.0, 99.0]


def test_own_table_shows_reached_targets() -> None:
    rows = own([{"ratio": 1.2, "ms": 9.0, "MiB": 1.0}], {"ratio": 1.1, "ms": 10.0})
    assert own_table(rows).splitlines()[2:] == [
        "| ratio | 1.2 (1.2 to 1.2) | 1.1 | missed |",
        "| ms | 9 (9 to 9) | 10 | reached |",
        "| MiB | 1 (1 to 1) | – |  |",
    ]


def test_compared_table_has_figures_and_ratio() -> None:
    rows = compared(here=[{"ms": 4.0}, {"ms": 9.0}], other=[{"ms": 2.0}, {"ms": 3.0}])
    assert compared_table(rows).splitlines()[2:] == ["| ms | 2.5 (2 to 3) | 6.5 (4 to 9) | 2.5 (2 to 3) |"]


async def test_latency_counts_from_the_scheduled_time() -> None:
    turn = asyncio.Lock()

    async def slow() -> None:
        async with turn:
            await asyncio.sleep(0.05)

    seconds = await steady(slow, rate_per_s=100.0, seconds=0.04)
    assert len(seconds) == 4
    assert seconds == sorted(seconds)
    assert seconds[-1] >= 4 * 0.05 - 3 * 0.01


async def test_failed_request_ends_the_loop() -> None:
    async def broken() -> None:
        raise Failed("no answer")

    with pytest.raises(ExceptionGroup):
        await steady(broken, rate_per_s=1_000.0, seconds=1.0)


def test_unknown_part_is_refused(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(main)
    done = CliRunner().invoke(app, ["--parts", "edit,nonsense", "--data", str(tmp_path)])
    assert done.exit_code != 0
    assert "nonsense" in done.output
