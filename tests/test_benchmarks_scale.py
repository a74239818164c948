"""The scaling benchmark: its simulation against queueing theory, its caches, its model, and one small real run."""

import json
import math
import os
import statistics
from collections import Counter
from dataclasses import fields, replace
from pathlib import Path

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from benchmarks import record, tables
from benchmarks.load.articles import read
from benchmarks.scale import calibration, cluster, measured, report
from benchmarks.scale.__main__ import forecast, main, simulated
from benchmarks.scale.caches import Store, Tiers
from benchmarks.scale.capacity import Assumed, Costs, need
from benchmarks.scale.demand import Demands, Miss, common_part, scaled
from benchmarks.scale.forecast import elsewhere, hits_by_replicas, latency_by_load, new_per_s
from benchmarks.scale.pages import pages
from benchmarks.scale.plan import Plan
from benchmarks.scale.simulation import Cluster, Outcome, closed_loop, open_loop
from benchmarks.scale.stations import Machine, Queued, Shared
from benchmarks.scale.traffic import arrivals_s, zipf
from service.cores import available_cores

ONLY_TEXT = Demands((Miss(0.1, 0.0, 0.0, 10),), (0.01,), (0.02,), 0.0, 0.0, 1)
USUAL = Demands((Miss(0.02, 0.2, 0.1, 10), Miss(0.04, 0.3, 0.2, 20)), (0.01,), (0.012,), 0.005, 0.1, 4)


def test_traffic_is_the_same_for_a_seed_and_its_first_articles_are_asked_for_most() -> None:
    order = zipf(5_000, 50, 1.0, seed=1)
    assert order == zipf(5_000, 50, 1.0, seed=1) != zipf(5_000, 50, 1.0, seed=2)
    counts = Counter(order)
    assert counts[0] / counts[9] == pytest.approx(10, rel=0.3)
    assert statistics.mean(Counter(zipf(5_000, 50, 0.0, seed=1)).values()) == 100


def test_busy_stations_share_the_cores_and_none_has_more_than_one() -> None:
    ends: list[float] = []

    def run(cores: float) -> list[float]:
        ends.clear()
        stations = [Queued(lambda _: 1.0, lambda _: ends.append(machine.now_s)) for _ in range(4)]
        machine = Machine(cores, stations)
        for station in stations:
            station.add(0)
        while any(station.busy for station in stations):
            machine.advance(math.inf)
        return list(ends)

    assert run(2.0) == pytest.approx([2.0] * 4)
    assert run(8.0) == pytest.approx([1.0] * 4)


def test_a_machine_with_nothing_to_do_and_nothing_to_come_says_so() -> None:
    with pytest.raises(ValueError, match="nothing is busy"):
        Machine(1.0, []).advance(math.inf)


def test_a_queue_waits_as_an_m_d_1_queue_does() -> None:
    # Pollaczek and Khinchine: mean wait = load * service / (2 * (1 - load)) where all services take as long.
    one = replace(ONLY_TEXT, misses=(Miss(0.0, 0.1, 0.0, 10),))
    times_s = arrivals_s(20_000, 7.0, seed=1)
    done = open_loop(Cluster(1, 1.0, redis=False), one, range(20_000), times_s, seed=1)
    assert statistics.mean(done.latencies_s) == pytest.approx(0.1 + 0.7 * 0.1 / (2 * 0.3), rel=0.05)


def test_a_shared_thread_is_as_slow_as_processor_sharing() -> None:
    # M/G/1 with processor sharing: mean time = service / (1 - load).
    times_s = arrivals_s(20_000, 7.0, seed=1)
    done = open_loop(Cluster(1, 1.0, redis=False), ONLY_TEXT, range(20_000), times_s, seed=1)
    assert statistics.mean(done.latencies_s) == pytest.approx(0.1 / 0.3, rel=0.06)


def test_a_short_request_need_not_wait_for_a_long_one_on_a_shared_thread() -> None:
    ends: dict[int, float] = {}
    thread = Shared(lambda turn: {0: 1.0, 1: 0.1}[turn[0]], lambda turn: ends.update({turn[0]: machine.now_s}))
    machine = Machine(1.0, [thread])
    thread.add(0)
    thread.add(1)
    while thread.busy:
        machine.advance(math.inf)
    assert ends == {1: pytest.approx(0.2), 0: pytest.approx(1.1)}


def test_processes_on_cores_of_their_own_do_as_much_more_and_on_one_core_no_more() -> None:
    def per_s(processes: int, cores: float) -> float:
        return closed_loop(Cluster(processes, cores), ONLY_TEXT, range(400), 16, seed=1).per_s

    assert per_s(1, 1.0) == pytest.approx(10.0)
    assert per_s(4, 4.0) == pytest.approx(40.0, rel=0.02)
    assert per_s(4, 1.0) == pytest.approx(10.0, rel=0.02)


def test_a_closed_loop_of_one_client_takes_the_sum_of_the_service_times() -> None:
    one = replace(USUAL, misses=USUAL.misses[:1])
    done = closed_loop(Cluster(1, 4.0), one, [0, 0, 1], 1, seed=1)
    assert done.latencies_s == pytest.approx([0.005 + 0.02 + 0.2, 0.005 + 0.01, 0.005 + 0.02 + 0.2])


def test_the_same_article_in_flight_is_worked_on_once_in_a_process_and_once_in_each_of_two() -> None:
    apart = replace(USUAL, common=0.0, misses=USUAL.misses[:1])
    together = closed_loop(Cluster(1, 8.0), apart, [0] * 4, 4, seed=1)
    assert max(together.latencies_s) < 0.02 + 0.2 + 4 * (0.005 + 0.01) + 1e-9
    assert together.looked == {"none": 40}
    assert closed_loop(Cluster(2, 8.0), apart, [0, 0, 0], 1, seed=1).looked == {"none": 10, "shared": 10, "memory": 10}


def test_a_batch_does_the_common_part_once() -> None:
    half = replace(USUAL, common=0.5)
    assert half.batch_s([0.2]) == pytest.approx(0.2)
    assert half.batch_s([0.2, 0.2]) == pytest.approx(0.3)


@given(common=st.floats(0.0, 1.0), alone_s=st.floats(0.01, 10.0), company=st.floats(1.5, 64.0))
def test_the_common_part_is_found_again_from_what_it_saves(common: float, alone_s: float, company: float) -> None:
    crowded_s = alone_s * (1.0 - common + common / company)
    assert common_part(alone_s, crowded_s, company) == pytest.approx(common, abs=1e-6)


def test_a_crowd_that_saves_nothing_has_nothing_in_common() -> None:
    assert common_part(0.2, 0.25, 4.0) == 0.0
    assert common_part(0.2, 0.1, 1.0) == 0.0


def test_stretched_values_keep_their_proportions_and_have_the_mean_that_is_asked_for() -> None:
    assert scaled([1.0, 3.0], 4.0) == (2.0, 6.0)


@settings(max_examples=30, deadline=None)
@given(
    order=st.lists(st.integers(0, 5), min_size=1, max_size=40),
    processes=st.integers(1, 4),
    clients=st.integers(1, 6),
    redis=st.booleans(),
)
def test_every_request_is_answered_and_looked_up_once_whatever_comes(
    order: list[int], processes: int, clients: int, *, redis: bool
) -> None:
    one = replace(USUAL, misses=USUAL.misses[:1])
    done = closed_loop(Cluster(processes, 2.0, redis=redis), one, order, clients, seed=1)
    assert len(done.latencies_s) == len(order)
    assert sum(done.looked.values()) == 10 * len(order)
    assert done.looked.get("none", 0) >= 10 * len(set(order))
    assert redis or "shared" not in done.looked


def test_the_simulation_is_the_same_for_a_seed() -> None:
    order = zipf(100, 20, 1.0, seed=3)
    runs = [closed_loop(Cluster(2, 2.0), USUAL, order, 8, seed) for seed in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2]


def test_an_open_loop_needs_a_time_for_each_article() -> None:
    with pytest.raises(ValueError, match="3 articles come at 1 times"):
        open_loop(Cluster(1, 1.0), USUAL, [1, 2, 3], [0.0], seed=1)


def test_what_the_shared_tier_had_is_in_memory_afterwards_and_the_oldest_use_leaves_first() -> None:
    shared = Store()
    first, second = Tiers(Store(2), shared), Tiers(Store(2), shared)
    first.put(1)
    assert [second.look_up(1), second.look_up(1), second.look_up(2)] == ["shared", "memory", "none"]
    second.put(2)
    assert second.look_up(1) == "memory"
    second.put(3)
    assert second.look_up(1) == "memory"
    assert second.look_up(2) == "shared"
    assert len(shared) == 3


def test_without_redis_more_replicas_find_less_and_with_it_as_much() -> None:
    rows = {row["replicas"]: row for row in hits_by_replicas(USUAL, 1.0, seed=1)}
    assert rows[32]["alone"]["none"] > rows[1]["alone"]["none"] + 0.1
    assert rows[32]["redis"]["none"] < rows[32]["alone"]["none"] - 0.1
    assert rows[32]["redis"]["memory"] < rows[1]["redis"]["memory"]


def test_latency_grows_as_a_process_fills() -> None:
    p95s_s = [row["p95_s"] for row in latency_by_load(USUAL, seed=1)]
    assert p95s_s == sorted(p95s_s)
    assert p95s_s[-1] > 2 * p95s_s[0]


def test_a_process_is_full_when_its_busiest_thread_is() -> None:
    assert new_per_s(elsewhere(USUAL), 2.0) == pytest.approx(1 / 0.25)
    assert new_per_s(elsewhere(USUAL), 0.43) == pytest.approx(1.0)


def test_the_capacity_model_by_hand() -> None:
    costs = Costs(miss_core_s=1.0, hit_core_s=0.1, redis_core_s_a_request=0.001, redis_bytes_an_article=1_000.0)
    assumed = Assumed(asks=3, busiest_hour=0.1, utilisation=0.5, pod_cores=2, least_pods=2, kept_days=7)
    found = need(costs, 36_000, assumed)
    assert found.requests_per_s == pytest.approx(3.0)
    assert found.busy_cores == pytest.approx(1.2)
    assert found.redis_cores == pytest.approx(0.003)
    assert (found.pods, found.redis_bytes) == (2, 36_000 * 7 * 1_000)
    assert need(costs, 3_600_000, assumed).pods == 120


def test_a_comparison_is_of_medians_and_says_what_was_missed() -> None:
    def runs(*seconds: float) -> list[Outcome]:
        return [Outcome(one, (0.1,) * 9 + (one,), {"none": 3.0, "memory": 1.0}) for one in seconds]

    row = report.compared(2, runs(1.0, 2.0, 4.0), runs(2.2))
    assert (row["articles_per_s"]["measured"], row["articles_per_s"]["reached"]) == (5.0, True)
    assert row["shares"]["memory"] == {"measured": 0.25, "simulated": 0.25}
    far = report.compared(2, runs(1.0), runs(2.0))
    assert (far["articles_per_s"]["off"], far["articles_per_s"]["reached"], far["p50_s"]["reached"]) == (
        -0.5,
        False,
        None,
    )


def test_a_missing_program_is_named_and_nothing_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "PROGRAMS", ("nginx-that-is-not-there",))
    app = typer.Typer()
    app.command()(main)
    done = CliRunner().invoke(app, ["--record"])
    assert done.exit_code == 0
    assert "skipped, nothing was measured: nginx-that-is-not-there" in done.output


def test_the_page_shows_the_recorded_run_and_the_record_is_what_the_simulation_says_today() -> None:
    result = json.loads((record.RESULTS / "scale.json").read_text("utf-8"))
    page = (record.ROOT / "docs" / "scaling.md").read_text("utf-8")
    for name, table in pages(result).items():
        assert f"<!-- scores:{name} -->\n{table}\n<!-- /scores -->" in page
        assert name in tables.PLACES
    given = result["demands"]
    misses = tuple(Miss(**one) for one in given.pop("misses"))
    demands = Demands(misses, tuple(given.pop("memory_s")), tuple(given.pop("shared_s")), **given)
    plan = Plan(*(result[field.name] for field in fields(Plan)))
    models = simulated(plan, demands, {row["processes"]: row["free_cores"] for row in result["costs"]})
    for row in result["compared"]:
        runs = models[row["processes"]]
        for name, (read_figure, _) in report.FIGURES.items():
            assert round(statistics.median(map(read_figure, runs)), 3) == row[name]["simulated"]
    assert forecast(plan, demands, result["costs"]).items() <= result.items()


def test_pythons_part_is_what_the_engines_left_and_a_disturbed_measurement_is_refused() -> None:
    misses = calibration.misses_of(0.5, [[0.1, 0.3], [0.1, 0.1]], [10, 30])
    assert [one.text_s for one in misses] == pytest.approx([0.1, 0.3])
    assert (misses[1].translation_s, misses[1].summary_s, misses[1].sentences) == (0.3, 0.1, 30)
    with pytest.raises(calibration.Disturbed, match=r"0\.300 s an article, the whole process 0\.200"):
        calibration.misses_of(0.2, [[0.1, 0.3], [0.1, 0.1]], [10, 30])


def test_what_others_use_counts_and_idle_time_does_not(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu  100 10 50 9000 900 1 2 37 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n")
    assert measured.busy_core_s(stat) == 200 / os.sysconf("SC_CLK_TCK")


async def test_two_real_processes_share_what_they_translated_and_tell_what_it_cost() -> None:
    try:
        cluster.require_programs()
    except cluster.Missing as missing:
        pytest.skip(str(missing))
    articles = read(None, 8, seed=1)
    async with cluster.running(2) as real:
        first = real.processes[0]
        engines_s = [await calibration.engine_s(first, task, articles[:3]) for task in calibration.BOTH]
        new, known = await calibration.phase(first, articles[3:6]), await calibration.phase(first, articles[3:6])
        run, costs = await measured.run(real, 2, articles[6:], [0, 1, 0, 0, 1, 1, 0, 1], clients=1)
    assert all(len(passed_s) == 3 and min(passed_s) > 0 for passed_s in engines_s)
    assert 0 < known.core_s < new.core_s / 2
    # One client at a time over two idle processes: they take turns, and what one has made the other finds in Redis.
    assert {tier for tier, count in run.looked.items() if count} == {"memory", "shared", "none"}
    assert len(run.latencies_s) == costs.requests == 8
    assert costs.redis["commands"] > 0
    assert costs.free_cores <= available_cores()
    assert costs.resident_bytes > costs.cached_bytes > 0
