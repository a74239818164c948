"""Tests that a request that takes much time or memory does not delay the requests of another caller.

An attack is repeated without a pause while the victim uses the service. The victim's durations are compared with those
shortly before and after the attack, on the same machine. A busy machine delays every program, so the victim also
measures the machine, and the limits grow accordingly (see `tests.attack.victim`). If a limit is exceeded, the attack is
repeated up to twice: a fault of the service delays the victim every time. ``--log-cli-level=INFO`` shows all figures.
"""

import json
import logging
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Self

import httpx
import pytest

from tests.attack.victim import Victim, Window, at_a_steady_rate, memory_bytes, percentile
from tests.chaos.server import Server, serving

_log = logging.getLogger(__name__)

JSON = {"content-type": "application/json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
POD_MIB = 1_024
ALLOWED_GROWTH = 1.2
ALLOWED_DELAY = 3
MOST_S = 0.25
STEADY_S = 0.01
QUIET_S = 1.0
LEAST_ATTACKS = 3
LEAST_ATTACK_S = 3.0
MOST_TRIES = 3
TURNS = 3
"""How often a short request waits for a processor: for the event loop, a thread of the service, and the victim."""


class Attack(NamedTuple):
    """A request that attacks the service, with the status and the error code that the service must return.

    ``body`` returns the body of the attack. Its argument is the number of the repetition.
    """

    path: str
    body: Callable[[int], bytes]
    status: int
    code: str | None = None
    headers: dict[str, str] = JSON


def _json(path: str, body: Callable[[int], Any], status: int, code: str | None = None, **headers: str) -> Attack:
    return Attack(path, lambda number: json.dumps(body(number)).encode(), status, code, {**JSON, **headers})


def _different(sentences: int) -> str:
    return " ".join(f"Der Bus {n} hält heute an {n % 7} Orten." for n in range(sentences))


def _page(attributes: int) -> str:
    names = " ".join(f"a{n:x}" for n in range(attributes))
    return f"<html><body><article><p {names}>Der Hund schläft.</p></article></body></html>"


ATTACKS = {
    "many similar glossary terms": _json(
        "/v1/translate", lambda _: {"text": "Aaa " * 2_000, "glossary": {f"Aaa x{n}": "b" for n in range(10_000)}},
        200,
    ),
    "many wrong members": _json("/v1/translate", lambda _: {"text": [1] * 40_000}, 422, "too_many_texts"),
    "many values": _json("/v1/articles", lambda _: {"document": {"@graph": [{}] * 300_000}}, 422, "too_many_values"),
    "many values, compatible": _json("/v2/translate", lambda _: {"text": [1] * 300_000}, 400, "too_many_values"),
    "line break in the path": _json("/v1/articles%0A", lambda _: {"body": "Hund"}, 400, "path_invalid"),
    "form of percent signs": Attack("/translate", lambda _: b"q=" + b"%" * 900_000, 400, None, FORM),
    "form of separators": Attack("/translate", lambda _: b"&" * 900_000, 400, None, FORM),
    "many attributes of a tag": _json(
        "/v1/articles", lambda _: {"document": _page(50_000)}, 422, "too_many_attributes"
    ),
    "many sentences": _json("/v1/translate", lambda _: {"text": ["Ja. " * 60_000] * 4}, 422, "too_many_sentences"),
    "many paragraphs": _json("/v1/articles", lambda _: {"body": "a\n" * 100_000}, 422, "too_many_sentences"),
    "many sentences that are allowed": _json(
        "/v1/translate", lambda _: {"text": "Ja. " * 6_000}, 200
    ),
    "many different sentences": _json(
        "/v1/translate", lambda number: {"text": f"Tag {number}. {_different(1_000)}"}, 200
    ),
    "much inline markup": _json(
        "/v1/translate", lambda _: {"text": "<p>" + "<b>a</b> " * 20_000, "format": "html"}, 504, "deadline_exceeded",
        **{"Request-Timeout-Ms": "1500"},
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(program="tests.chaos.slow_service", drain_s="2", max_text_chars="250000") as found:
        found.post("/v1/translate", {"text": "Der Bus kommt. " * 2_000})  # starts the worker processes
        found.post("/v1/translate", {"text": _different(1_000)})  # the attack with these sentences finds them cached
        yield found


@pytest.fixture(scope="module")
def victim(server: Server) -> Iterator[Victim]:
    with Victim(server.url) as found:
        yield found


@pytest.fixture(scope="module")
def memory_before_bytes(server: Server, victim: Victim) -> int:
    quiet(victim)  # measured after the first requests
    return memory_bytes(server.process.pid)


def quiet(victim: Victim) -> Window:
    """Return the measurements of the victim while there is no attack."""
    with victim.window() as window:
        time.sleep(QUIET_S)
    return window


class Siege(NamedTuple):
    """A repeated attack: the victim during the attack, and the start and the end of each request of the attacker."""

    window: Window
    attacks: list[tuple[float, float]]
    used_bytes: int


class Figures(NamedTuple):
    """The durations of the victim's requests during an attack, in seconds, and the memory of all processes.

    ``usual_p95_s`` is that of new sentences without an attack. ``probe_typical_slowest_s`` is the slowest probe during
    the median attack: a fault of the service delays a probe in every attack, and a busy machine only in some. The
    machine may have delayed a request by ``machine_s``, and work took ``slowdown`` times its processor time.
    """

    attacks: int
    usual_p95_s: float
    new_p95_s: float
    cached_p95_s: float
    probe_p99_s: float
    probe_typical_slowest_s: float
    machine_s: float
    slowdown: float
    used_mib: float

    @classmethod
    def of(cls, siege: Siege, usual_s: Sequence[float]) -> Self:
        """Return the figures of an attack. ``usual_s`` are the durations for new sentences without an attack."""
        window = siege.window
        return cls(
            len(siege.attacks),
            percentile(usual_s, 0.95),
            percentile(window.seconds("new"), 0.95),
            percentile(window.seconds("cached"), 0.95),
            percentile(at_a_steady_rate(window.seconds("probe"), STEADY_S), 0.99),
            statistics.median(window.slowest_s("probe", *attack) for attack in siege.attacks),
            TURNS * percentile(window.seconds("pause"), 0.99),
            max(1.0, statistics.median(window.seconds("slowdown"))),
            siege.used_bytes / 2**20,
        )

    @property
    def in_limits(self) -> bool:
        """Whether all durations are below their limits."""
        most_s = MOST_S * self.slowdown + self.machine_s
        return (
            self.new_p95_s <= ALLOWED_DELAY * self.usual_p95_s + self.machine_s
            and max(self.cached_p95_s, self.probe_p99_s, self.probe_typical_slowest_s) <= most_s
        )

    def __str__(self) -> str:
        return " ".join(f"{name}={value:.4g}" for name, value in self._asdict().items())


def besiege(server: Server, victim: Victim, attack: Attack) -> Siege:
    """Repeat an attack, and check each response."""
    attacks: list[tuple[float, float]] = []
    used_bytes = 0
    with httpx.Client(base_url=server.url, timeout=300) as attacker, victim.window() as window:
        while len(attacks) < LEAST_ATTACKS or time.monotonic() < window.begun_s + LEAST_ATTACK_S:
            body = attack.body(len(attacks))
            begun_s = time.monotonic()
            answer = attacker.post(attack.path, content=body, headers=attack.headers)
            attacks.append((begun_s, time.monotonic()))
            used_bytes = max(used_bytes, memory_bytes(server.process.pid))
            assert answer.status_code == attack.status, answer.text[:500]
            if attack.code is not None:
                assert answer.json()["code"] == attack.code
            if attack.status != 200:
                assert len(answer.content) < 10_000
    return Siege(window, attacks, used_bytes)


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.usefixtures("memory_before_bytes")
def test_attack_delays_no_other_caller(server: Server, victim: Victim, name: str) -> None:
    found: list[Figures] = []
    while not found or (not found[-1].in_limits and len(found) < MOST_TRIES):
        before = quiet(victim)
        siege = besiege(server, victim, ATTACKS[name])
        after = quiet(victim)
        assert siege.window.statuses == {200}
        found.append(Figures.of(siege, [*before.seconds("new"), *after.seconds("new")]))
        _log.info("%s: %s", name, found[-1])
        assert found[-1].used_mib < POD_MIB
    assert found[-1].in_limits, found


def test_memory_returns_after_the_attacks(server: Server, memory_before_bytes: int) -> None:
    end_s = time.monotonic() + 120
    while memory_bytes(server.process.pid) > ALLOWED_GROWTH * memory_before_bytes and time.monotonic() < end_s:
        time.sleep(1.0)
    assert memory_bytes(server.process.pid) <= ALLOWED_GROWTH * memory_before_bytes
