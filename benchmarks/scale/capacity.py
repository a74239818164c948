"""The capacity model: from articles a day to cores, pods and Redis. Pure arithmetic on measured costs."""

import math
from dataclasses import dataclass

HOUR_S = 3_600.0


@dataclass(frozen=True, slots=True)
class Costs:
    """Measured: core seconds of the service and of Redis, and bytes that Redis keeps."""

    miss_core_s: float
    hit_core_s: float
    redis_core_s_a_request: float
    redis_bytes_an_article: float


@dataclass(frozen=True, slots=True)
class Assumed:
    """What a newsroom is taken to do, and how full a pod may be.

    Each article is asked for ``asks`` times, first a miss and then hits. ``busiest_hour`` is that hour's part of the
    day; ``utilisation`` the part of the cores in use then (the autoscaler's target). Redis keeps what is new for
    ``kept_days``.
    """

    asks: int = 3
    busiest_hour: float = 0.12
    utilisation: float = 0.7
    pod_cores: int = 2
    least_pods: int = 2
    kept_days: int = 7


@dataclass(frozen=True, slots=True)
class Need:
    """What a day of so many new articles needs in its busiest hour."""

    articles_a_day: int
    requests_per_s: float
    busy_cores: float
    pods: int
    redis_cores: float
    redis_bytes: float


def need(costs: Costs, articles_a_day: int, assumed: Assumed) -> Need:
    """Requests, cores and pods in the busiest hour, and what Redis holds after ``kept_days``."""
    new_per_s = articles_a_day * assumed.busiest_hour / HOUR_S
    busy_cores = new_per_s * (costs.miss_core_s + (assumed.asks - 1) * costs.hit_core_s)
    pods = math.ceil(busy_cores / assumed.utilisation / assumed.pod_cores)
    return Need(
        articles_a_day,
        requests_per_s=new_per_s * assumed.asks,
        busy_cores=busy_cores,
        pods=max(assumed.least_pods, pods),
        redis_cores=new_per_s * assumed.asks * costs.redis_core_s_a_request,
        redis_bytes=articles_a_day * assumed.kept_days * costs.redis_bytes_an_article,
    )
