"""Rate limits of callers.

The header fields are those of draft-ietf-httpapi-ratelimit-headers-11. Its registry of quota units has none for
characters, so ``qu="characters"`` is ours.
"""

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Any, Literal, TypeVar

from cachetools import TLRUCache
from limits import RateLimitItem, parse_many
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.cache.redis import Breaker, reason_of
from service.errors import DepescheError, InvalidInput, QuotaExceeded, RateExceeded
from service.events import Listener, RateStoreFailed, ignore
from service.http.keys import is_open
from service.http.limits import Refuse
from service.http.state import RequestInfo, info_of

# Outside the prefix of the cache, whose purge of everything must not forget what was used.
KEY_PREFIX = "depesche-rate"
MS_A_S = 1000
T = TypeVar("T")
# Some 30 MB: who calls from more addresses than this makes the service forget those that were quiet longest.
MOST_WINDOWS = 100_000

# Windows of one key end at least their length of a second or more apart, so that half a second tells two of them apart
# whatever clocks round. Each script sees one moment.
_ADD = """
local left = redis.call('pttl', KEYS[1])
local count = redis.call('incrby', KEYS[1], ARGV[2])
if left < 0 then
  left = tonumber(ARGV[1])
  redis.call('pexpire', KEYS[1], left)
end
local now = redis.call('time')
return {count, left, now[1] * 1000 + math.floor(now[2] / 1000) + left}
"""
_GIVE_BACK = """
local count = tonumber(redis.call('get', KEYS[1]) or '0')
local left = redis.call('pttl', KEYS[1])
local now = redis.call('time')
local ends = now[1] * 1000 + math.floor(now[2] / 1000) + left
if left >= 0 and count > 0 and math.abs(ends - tonumber(ARGV[1])) < 500 then
  redis.call('decrby', KEYS[1], math.min(count, tonumber(ARGV[2])))
end
return 0
"""


@dataclass(frozen=True, slots=True)
class Charge:
    """What was counted: ``amount`` in the window that ``ends_ms`` tells apart, in Redis (``shared``) or in memory."""

    key: str
    amount: int
    ends_ms: int
    shared: bool


@dataclass(frozen=True, slots=True)
class Counted:
    """The sum of a window after ``charge``, and whole seconds until it begins anew."""

    count: int
    reset_s: int
    charge: Charge


class Counters:
    """Counts in windows that begin with their first use. A Redis that fails costs no request.

    Meanwhile each process counts by itself, so that the limits of n processes are up to n times as wide. Each
    failure is told to ``listener``; after several in a row Redis is left alone for a while.

    Raises:
        ValueError: ``redis_url`` is none of Redis.
    """

    def __init__(self, redis_url: str | None, *, timeout_s: float, listener: Listener = ignore) -> None:
        self._memory = Windows()
        self._pool: ConnectionPool | None = None
        self._shared: _SharedWindows | None = None
        if redis_url is not None:
            self._pool = ConnectionPool.from_url(
                redis_url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, retry=Retry(NoBackoff(), 0)
            )
            self._shared = _SharedWindows(Redis(connection_pool=self._pool))
        self._timeout_s = timeout_s
        self._listener = listener
        self._breaker = Breaker()

    async def add(self, key: str, window_s: int, amount: int) -> Counted:
        """Add ``amount`` to the window of ``key``, which begins now where there is none."""
        shared = self._shared
        if shared is not None:
            counted = await self._asked(lambda: shared.add(key, window_s, amount))
            if counted is not None:
                return counted
        return self._memory.add(key, window_s, amount)

    async def give_back(self, charge: Charge) -> None:
        """Take a charge off again, where it was made; once its window has ended there is nothing to take it off."""
        shared = self._shared
        if not charge.shared:
            self._memory.give_back(charge)
        elif shared is not None:
            await self._asked(lambda: shared.give_back(charge))

    async def _asked(self, ask: Callable[[], Awaitable[T]]) -> T | None:
        """What Redis says; None where it fails or is left alone."""
        if not self._breaker.allows():
            self._listener(RateStoreFailed("open"))
            return None
        try:
            async with asyncio.timeout(self._timeout_s):
                found = await ask()
        except (RedisError, OSError, TimeoutError) as error:
            self._listener(RateStoreFailed(reason_of(error), opened=self._breaker.failed()))
            return None
        self._breaker.succeeded()
        return found

    async def close(self) -> None:
        """Close the connections."""
        if self._pool is not None:
            with contextlib.suppress(RedisError, OSError, TimeoutError):
                await self._pool.aclose()


@dataclass(slots=True)
class _Window:
    count: int
    ends_ms: int


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000


def _ends_ms(_key: str, window: _Window, _now: float) -> float:
    return window.ends_ms


class Windows:
    """Windows of this process, at most ``most``: past that the one that was used least recently is forgotten."""

    def __init__(self, most: int = MOST_WINDOWS) -> None:
        self._windows: TLRUCache[str, _Window] = TLRUCache(most, _ends_ms, timer=_now_ms)

    def __len__(self) -> int:
        """How many windows have not ended."""
        self._windows.expire()
        return len(self._windows)

    def add(self, key: str, window_s: int, amount: int) -> Counted:
        """As `Counters.add`."""
        window = self._windows.get(key)
        if window is None:
            window = self._windows[key] = _Window(0, _now_ms() + window_s * MS_A_S)
        window.count += amount
        charge = Charge(key, amount, window.ends_ms, shared=False)
        return Counted(window.count, _whole_s(window.ends_ms - _now_ms(), window_s), charge)

    def give_back(self, charge: Charge) -> None:
        """As `Counters.give_back`."""
        window = self._windows.get(charge.key)
        if window is not None and window.ends_ms == charge.ends_ms:
            window.count = max(0, window.count - charge.amount)


class _SharedWindows:
    """Windows in Redis."""

    def __init__(self, redis: Redis) -> None:
        self._add = redis.register_script(_ADD)
        self._give_back = redis.register_script(_GIVE_BACK)

    async def add(self, key: str, window_s: int, amount: int) -> Counted:
        answer: Any = await self._add([f"{KEY_PREFIX}:{key}"], [window_s * MS_A_S, amount])
        count, left_ms, ends_ms = map(int, answer)
        return Counted(count, _whole_s(left_ms, window_s), Charge(key, amount, ends_ms, shared=True))

    async def give_back(self, charge: Charge) -> None:
        await self._give_back([f"{KEY_PREFIX}:{charge.key}"], [charge.ends_ms, charge.amount])


def _whole_s(left_ms: int, window_s: int) -> int:
    return min(window_s, max(1, math.ceil(left_ms / MS_A_S)))


Unit = Literal["requests", "characters"]
DAY_S = 86_400
# One caller has many addresses of version 6: the first half of one is its network.
NETWORK_BITS = 64


@dataclass(frozen=True, slots=True)
class Policy:
    """One limit; ``name`` is the same for as long as the setting is."""

    name: str
    unit: Unit
    amount: int
    window_s: int

    @classmethod
    def of(cls, unit: Unit, item: RateLimitItem) -> "Policy":
        """A limit as the library reads it."""
        name = f"{unit}-{item.multiples}-{item.GRANULARITY.name}"
        return cls(name, unit, item.amount, item.get_expiry())


@dataclass(frozen=True, slots=True)
class Standing:
    """What is left of a policy for one caller, and in how many seconds its window ends."""

    policy: Policy
    left: int
    reset_s: int


@dataclass(frozen=True, slots=True)
class Taken:
    """How a caller stands now, and why it was refused, if it was; else what was counted."""

    standings: tuple[Standing, ...]
    refusal: RateExceeded | None
    charges: tuple[Charge, ...] = ()


def policies(unit: Unit, setting: str | None) -> tuple[Policy, ...]:
    """The limits of a setting like ``60/minute; 1000/hour``. Raises ValueError when it is none."""
    return () if setting is None else tuple(Policy.of(unit, item) for item in parse_many(setting))


class Rates:
    """The limits of all callers. Windows are fixed: they begin with a caller's first use and are exact about their end.

    So a caller may send twice the amount in short time, at the end of one window and the beginning of the next.
    """

    def __init__(self, limits: Sequence[Policy], counters: Counters) -> None:
        self._policies = limits
        self._counters = counters

    def of(self, unit: Unit) -> list[Policy]:
        """The limits that count in ``unit``."""
        return [policy for policy in self._policies if policy.unit == unit]

    async def take(self, caller: str, unit: Unit, amount: int) -> Taken:
        """Count ``amount`` against every limit of this unit; what is refused counts nowhere.

        Raises:
            InvalidInput: it is more than a whole window holds, so that waiting would not help.
        """
        for policy in self.of(unit):
            if amount > policy.amount:
                detail = f"{amount} {unit}, and only {policy.amount} are allowed in {policy.window_s} s"
                raise InvalidInput("work_over_rate", detail, limit=policy.amount)
        counted = [await self._counters.add(_key(caller, one), one.window_s, amount) for one in self.of(unit)]
        standings = tuple(
            Standing(policy, policy.amount - one.count, one.reset_s)
            for policy, one in zip(self.of(unit), counted, strict=True)
        )
        charges = tuple(one.charge for one in counted)
        over = [standing for standing in standings if standing.left < 0]
        if not over:
            return Taken(standings, None, charges)
        await self.give_back(charges)
        restored = (Standing(one.policy, max(0, one.left + amount), one.reset_s) for one in standings)
        return Taken(tuple(restored), _refusal(max(over, key=lambda standing: standing.reset_s)))

    async def give_back(self, charges: Iterable[Charge]) -> None:
        """Take off again what `take` counted, each from the window that it was counted in, if that has not ended."""
        for charge in charges:
            await self._counters.give_back(charge)


def _key(caller: str, policy: Policy) -> str:
    return f"{caller}/{policy.name}/{policy.amount}"


def _refusal(worst: Standing) -> RateExceeded:
    """The limit that is reached longest says when to come back; one of a day or longer is a quota."""
    policy = worst.policy
    kind = QuotaExceeded if policy.unit == "characters" and policy.window_s >= DAY_S else RateExceeded
    detail = f"at most {policy.amount} {policy.unit} in {policy.window_s} s; more in {worst.reset_s} s"
    return kind(detail, retry_after_s=worst.reset_s)


def caller_of(key_id: str | None, address: str | None) -> str:
    """Who is counted: the holder of the key, else the address (of version 6: its network)."""
    if key_id is not None:
        return f"key:{key_id}"
    if address is None:
        return "local"
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(found, IPv6Address) and found.ipv4_mapped is None:
        return f"net:{IPv6Address(int(found) >> NETWORK_BITS << NETWORK_BITS)}"
    return f"addr:{found.ipv4_mapped if isinstance(found, IPv6Address) else found}"


# Not 504: a caller that gives its requests no time would have the work for nothing.
NO_FAULT_OF_THE_CALLER = frozenset({500, 503})


class RateLimitMiddleware:
    """ASGI middleware, inside `Guard`, which says whose key it is: ``refuse`` answers who is over a limit."""

    def __init__(self, app: ASGIApp, rates: Rates, refuse: Refuse) -> None:
        self._app = app
        self._rates = rates
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; probes, metrics and the page are not counted."""
        if scope["type"] != "http" or is_open(scope["path"]):
            await self._app(scope, receive, send)
            return
        info, client = info_of(scope), scope.get("client")
        meter = _Meter(self._rates, caller_of(info.key_id, client[0] if client else None), info, send)
        info.charge, info.quota = meter.charge, meter.quota
        try:
            await meter.take("requests", 1)
        except DepescheError as refused:
            await self._refuse(scope, receive, meter.send, refused)
            return
        await self._app(scope, receive, meter.send)


class _Meter:
    """One request: what it used, and the headers that say so."""

    def __init__(self, rates: Rates, caller: str, info: RequestInfo, send: Send) -> None:
        self._rates = rates
        self._caller = caller
        self._info = info
        self._send = send
        self._standings: dict[Policy, Standing] = {}
        self._charges: tuple[Charge, ...] = ()

    async def take(self, unit: Unit, amount: int) -> tuple[Charge, ...]:
        """Count so much; raises what a caller over its limits is told."""
        taken = await self._rates.take(self._caller, unit, amount)
        self._standings |= {standing.policy: standing for standing in taken.standings}
        if taken.refusal is not None:
            raise taken.refusal
        return taken.charges

    async def charge(self, characters: int) -> None:
        """Count the characters of the request's texts; raises as `take` does."""
        self._charges += await self.take("characters", characters)

    async def quota(self) -> tuple[int, int] | None:
        """Characters used, and allowed, of the limit with the longest window; None where there is none."""
        standings = (await self._rates.take(self._caller, "characters", 0)).standings
        if not standings:
            return None
        longest = max(standings, key=lambda standing: standing.policy.window_s)
        return longest.policy.amount - longest.left, longest.policy.amount

    async def send(self, message: Message) -> None:
        """Pass the answer on. Characters of work that failed through no fault of the caller are given back."""
        if message["type"] == "http.response.start":
            if message["status"] in NO_FAULT_OF_THE_CALLER:
                await self._rates.give_back(self._charges)
            self._info.headers = self._headers()
        await self._send(message)

    def _headers(self) -> list[tuple[bytes, bytes]]:
        if not self._standings:
            return []
        told = self._standings.values()
        return [
            (b"ratelimit-policy", ", ".join(_policy(standing.policy) for standing in told).encode()),
            (b"ratelimit", ", ".join(f'"{s.policy.name}";r={s.left};t={s.reset_s}' for s in told).encode()),
        ]


def _policy(policy: Policy) -> str:
    unit = "" if policy.unit == "requests" else f';qu="{policy.unit}"'
    return f'"{policy.name}";q={policy.amount}{unit};w={policy.window_s}'
