"""The soak: its texts, tally, growth and plot, its record, and a real process for a few seconds."""

import json
import random
from pathlib import Path
from xml.etree import ElementTree as ET

import httpx
import pytest

from benchmarks import record
from benchmarks.soak.__main__ import PLOT, Plan, result_of, run
from benchmarks.soak.callers import LEFT, Caller, article, leaver, malformed
from benchmarks.soak.load import Tally, soak
from benchmarks.soak.memory import Growth, Sample
from benchmarks.soak.plot import Axes, plot
from benchmarks.soak.texts import Newsroom

SAMPLES = [Sample(n * 5.0, 100.0 + n, 1.0) for n in range(8)]


def test_every_article_is_a_new_one_until_a_recent_one_is_asked_for() -> None:
    texts = Newsroom(["Der Zug fährt.", "Das Amt hat zu."], seed=1)
    fresh = [texts.fresh() for _ in range(50)]
    assert len(set(fresh)) == 50
    assert texts.again() in fresh


def test_growth_is_that_of_the_medians_of_the_first_and_the_last_quarter() -> None:
    growth = Growth.of(SAMPLES)
    assert growth == Growth((100.5, 102.5, 104.5, 106.5), 107.0)
    assert (growth.mib, growth.percent) == (6.0, 5.97)
    with pytest.raises(ValueError, match="3 samples"):
        Growth.of(SAMPLES[:3])


def test_only_what_a_kind_may_get_is_expected() -> None:
    tally = Tally()
    for ask, outcome in ((article, "200"), (malformed, "422"), (leaver, LEFT), (malformed, "200"), (article, "503")):
        tally.add(ask, outcome)
    assert tally.unexpected == 2
    assert tally.by_kind() == {"article": {"200": 1, "503": 1}, "leaver": {LEFT: 1}, "malformed": {"200": 1, "422": 1}}
    assert tally.by_outcome() == {"200": 2, "422": 1, "503": 1, LEFT: 1}


async def test_a_server_that_is_not_there_is_counted_and_not_passed_over() -> None:
    transport = httpx.MockTransport(lambda _: (_ for _ in ()).throw(httpx.ConnectError("gone")))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        tally = await soak(Caller(http, "http://admin", Newsroom(["Ja."], 1), random.Random(1)), 2, 0.05)
    assert tally.by_outcome().keys() == {"ConnectError"}
    assert tally.unexpected == tally.by_outcome()["ConnectError"]


def test_the_plot_draws_every_sample_within_its_axes() -> None:
    root = ET.fromstring(plot(SAMPLES, "a soak"))  # noqa: S314 - our own output
    lines = root.findall("{http://www.w3.org/2000/svg}polyline")
    resident, _ = ([float(one) for one in line.attrib["points"].replace(",", " ").split()] for line in lines)
    axes = Axes(SAMPLES)
    assert list(zip(resident[::2], resident[1::2], strict=True)) == [
        (axes.x(one.at_s), axes.y(one.resident_mib)) for one in SAMPLES
    ]
    assert (axes.minutes, axes.mib) == (0.6, 150.0)


async def test_a_real_process_answers_every_kind_of_caller_as_it_has_to() -> None:
    plan = Plan(data=None, minutes=0.08, clients=4, every_s=0.5)
    soaked = await run(plan)
    result = result_of(plan, soaked, 0.0)
    assert (result["unexpected"], result["exit_code"]) == (0, 0)
    assert result["requests"] >= plan.clients  # however slow the machine is, each ends with an answer
    assert result["most_mib"] > 50


def test_the_recorded_run_is_of_twenty_minutes_without_anything_unexpected_and_its_plot_is_of_its_samples() -> None:
    result = json.loads((record.RESULTS / "soak.json").read_text("utf-8"))
    assert result["minutes"] >= 20
    assert (result["unexpected"], result["exit_code"]) == (0, 0)
    samples = [Sample(**one) for one in result["samples"]]
    growth = Growth.of(samples)
    assert (list(growth.quarters_mib), growth.mib) == (result["resident_mib_by_quarter"], result["growth_mib"])
    title = f"{result['minutes']:g} minutes, {result['clients']} callers at once, {result['requests']:,} requests"
    assert Path(PLOT).read_text("utf-8") == plot(samples, title)
