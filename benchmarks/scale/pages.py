"""The recorded result as the tables of docs/scaling.md, by the names of their places."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks.scale.measured import TIERS

Row = Mapping[str, Any]
Columns = Mapping[str, Callable[[Row], object]]


def pages(result: Mapping[str, Any]) -> dict[str, str]:
    """All tables of a recorded ``scale`` result."""
    return {
        "scale-service": _table(SERVICE, _service(result["service_times"])),
        "scale-compared": f"{_table(COMPARED, result['compared'])}\n\n{_where(result)}",
        "scale-tiers": _table(TIER_SHARES, result["compared"]),
        "scale-costs": _table(COSTS, result["costs"]),
        "scale-replicas": _table(REPLICAS, result["hits_by_replicas"]),
        "scale-latency": _table(LATENCY, result["latency_by_load"]),
        "scale-needs": _table(NEEDS, result["needs"]),
    }


def _table(columns: Columns, rows: Sequence[Row]) -> str:
    lines = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    return "\n".join([*lines, *(f"| {' | '.join(str(cell(row)) for cell in columns.values())} |" for row in rows)])


def _where(result: Row) -> str:
    machine, command, commit = result["machine"], result["command"], result["commit"]
    return f"Medians of {result['rounds']} rounds (least to most): {machine}, `{command}`, commit {commit}."


def _plain(name: str) -> Callable[[Row], object]:
    return lambda row: row[name]


def _figure(name: str) -> Callable[[Row], object]:
    return lambda row: f"{row[name]['measured']} ({row[name]['least']} to {row[name]['most']})"


def _model(name: str) -> Callable[[Row], object]:
    def cell(row: Row) -> str:
        missed = ", missed" if row[name]["reached"] is False else ""
        return f"{row[name]['simulated']} ({row[name]['off'] * 100:+.0f} %{missed})"

    return cell


def _percent(part: float) -> str:
    return f"{part * 100:.0f} %"


def _tier(tier: str) -> Callable[[Row], object]:
    return lambda row: " / ".join(_percent(row["shares"][tier][kind]) for kind in ("measured", "simulated"))


def _replica(redis: str, tier: str) -> Callable[[Row], object]:
    return lambda row: _percent(row[redis][tier])


def _service(times: Row) -> list[Row]:
    """One row for each kind of work."""
    names = {
        "miss_text_ms": "an article that no cache has: Python",
        "miss_translation_ms": "the same: translation engine",
        "miss_summary_ms": "the same: summary engine",
        "shared_hit_ms": "an article that Redis has",
        "memory_hit_ms": "an article that memory has",
        "outside_ms": "beside the service: client and Redis, each request",
    }
    return [{"work": words, "ms": times[name]} for name, words in names.items()]


SERVICE: Columns = {"work": _plain("work"), "ms of one core": _plain("ms")}
COMPARED: Columns = {
    "processes": _plain("processes"),
    "articles a second, measured": _figure("articles_per_s"),
    "simulated": _model("articles_per_s"),
    "p50, s, measured": _figure("p50_s"),
    "simulated ": _model("p50_s"),
    "p95, s, measured": _figure("p95_s"),
    "simulated  ": _model("p95_s"),
}
TIER_SHARES: Columns = {"processes": _plain("processes"), **{f"in `{tier}`": _tier(tier) for tier in TIERS}}
COSTS: Columns = {
    "processes": _plain("processes"),
    "cores that others left (of each round)": lambda row: ", ".join(f"{one:.2f}" for one in row["free_cores"]),
    "core seconds a request": _plain("core_s_a_request"),
    "resident memory of the largest, MiB": _plain("resident_mib"),
    "its memory tier, MiB": _plain("memory_tier_mib"),
    "Redis: bytes an article": _plain("redis_bytes_an_article"),
    "core ms a request": _plain("redis_core_ms_a_request"),
    "commands a request": _plain("redis_commands_a_request"),
    "bytes in and out a request": _plain("redis_traffic_bytes_a_request"),
}
REPLICAS: Columns = {
    "replicas": _plain("replicas"),
    "with Redis: memory": _replica("redis", "memory"),
    "shared": _replica("redis", "shared"),
    "none": _replica("redis", "none"),
    "without: memory": _replica("alone", "memory"),
    "none ": _replica("alone", "none"),
}
LATENCY: Columns = {
    "load": lambda row: _percent(row["load"]),
    "new articles a second": _plain("articles_per_s"),
    "p50, s": _plain("p50_s"),
    "p95, s": _plain("p95_s"),
    "p99, s": _plain("p99_s"),
}
NEEDS: Columns = {
    "new articles a day": lambda row: f"{row['articles_a_day']:,}",
    "requests a second in the busiest hour": _plain("requests_per_s"),
    "cores in use": _plain("busy_cores"),
    "pods of 2 cores": _plain("pods"),
    "Redis: cores in use": _plain("redis_cores"),
    "MiB after 7 days": lambda row: f"{row['redis_mib']:,}",
}
