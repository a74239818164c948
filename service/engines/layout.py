"""How an engine divides the cores it is given: into replicas that work at the same time, of some threads each."""

from dataclasses import dataclass

LEAST_CORES_FOR_PAIRS = 4


@dataclass(frozen=True, slots=True)
class Layout:
    """``replicas`` share one copy of the weights; each works on a call of its own with ``threads`` threads."""

    replicas: int
    threads: int


def layouts(cores: int, replicas: int = 0) -> tuple[Layout, ...]:
    """The layouts worth timing for ``cores``, or the only one with that many ``replicas`` where they are given.

    The likeliest is first: it is the mark for the others.
    """
    if replicas:
        return (Layout(replicas, max(1, cores // replicas)),)
    found = [Layout(cores, 1)]
    if cores >= LEAST_CORES_FOR_PAIRS:
        found.append(Layout(cores // 2, 2))
    if cores > 1:
        found.append(Layout(1, cores))
    return tuple(found)
