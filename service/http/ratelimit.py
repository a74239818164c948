"""Rate limits of callers: fixed windows of the limits library, in Redis or in memory.

The header fields are those of draft-ietf-httpapi-ratelimit-headers-11. Its registry of quota units has none for
characters, so ``qu="characters"`` is ours.
"""

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv6Address, ip_address
from typing import Literal, TypeVar

from cachetools import TLRUCache
from limits import RateLimitItem, parse_many
from limits.aio.storage import RedisStorage, Storage
from limits.aio.strategies import FixedWindowRateLimiter
from limits.util import WindowStats
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.cache.redis import Breaker, reason_of
from service.errors import DepescheError, InvalidInput, QuotaExceeded, RateExceeded
from service.events import Listener, RateStoreFailed, ignore
from service.http.admission import Refuse
from service.http.keys import is_open
from service.http.state import Header, RequestInfo, info_of

# Outside the prefix of the cache, whose purge of everything must not reset what was used.
KEY_PREFIX = "depesche-rate"
# Some 30 MB: with more callers than this, the windows that were used least recently are dropped.
MOST_WINDOWS = 100_000
# Windows of one key end a second or more apart, so half of it tells them apart though clocks round.
SAME_END_S = 0.5
T = TypeVar("T")
Unit = Literal["requests", "characters"]
DAY_S = 86_400
# One caller has many addresses of version 6: the first half of an address is its network.
NETWORK_BITS = 64


@dataclass(frozen=True, slots=True)
class Policy:
    """One limit: so many ``unit`` in each window of ``item``."""

    unit: Unit
    item: RateLimitItem

    @property
    def name(self) -> str:
        """The name in header fields; it changes with the window alone."""
        return f"{self.unit}-{self.item.multiples}-{self.item.GRANULARITY.name}"

    @property
    def amount(self) -> int:
        """What a window holds."""
        return self.item.amount

    @property
    def window_s(self) -> int:
        """The length of a window."""
        return self.item.get_expiry()

    def key(self, caller: str) -> tuple[str, Unit]:
        """What tells the windows of a caller apart from those of others."""
        return caller, self.unit


def policies(unit: Unit, setting: str | None) -> tuple[Policy, ...]:
    """The limits of a setting like ``60/minute; 1000/hour``. Raises ValueError when it is none."""
    return () if setting is None else tuple(Policy(unit, item) for item in parse_many(setting))


@dataclass(frozen=True, slots=True)
class Standing:
    """What is left of a policy for one caller; the window ends at ``ends_s`` (epoch), ``reset_s`` after it was read."""

    policy: Policy
    left: int
    ends_s: float
    reset_s: int

    @classmethod
    def of(cls, policy: Policy, stats: WindowStats) -> "Standing":
        """As the library says it."""
        reset_s = min(policy.window_s, max(1, math.ceil(stats.reset_time - time.time())))
        return cls(policy, stats.remaining, stats.reset_time, reset_s)


@dataclass(frozen=True, slots=True)
class Taken:
    """How a caller stands after ``amount`` was counted, in Redis (``shared``) or in memory, or was refused."""

    caller: str
    amount: int
    standings: tuple[Standing, ...]
    shared: bool
    refusal: RateExceeded | None = None


@dataclass(slots=True)
class _Window:
    count: int
    ends_s: float


def _ends_s(_key: str, window: _Window, _now_s: float) -> float:
    return window.ends_s


class MemoryWindows(Storage):
    """The windows of this process, at most ``most``: past that the one that was used least recently is dropped.

    The library's own memory storage has no bound, and looks at every window at every hit.
    """

    base_exceptions = ()

    def __init__(self, most: int = MOST_WINDOWS) -> None:
        super().__init__()
        self._windows: TLRUCache[str, _Window] = TLRUCache(most, _ends_s, timer=time.monotonic)

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count ``amount``; a window of ``expiry`` seconds begins where there is none."""
        window = self._windows.setdefault(key, _Window(0, time.monotonic() + expiry))
        window.count += amount
        return window.count

    async def give_back(self, key: str, amount: int, ends_s: float) -> None:
        """Take ``amount`` off the window that ends at ``ends_s`` (epoch); nothing where it has ended."""
        window = self._windows.get(key)
        if window is not None and abs(await self.get_expiry(key) - ends_s) < SAME_END_S:
            window.count = max(0, window.count - amount)

    async def get(self, key: str) -> int:
        """The count of the window of ``key``."""
        window = self._windows.get(key)
        return 0 if window is None else window.count

    async def get_expiry(self, key: str) -> float:
        """When the window ends (epoch); now where there is none."""
        window = self._windows.get(key)
        return time.time() + (0.0 if window is None else window.ends_s - time.monotonic())

    async def check(self) -> bool:
        """Memory is always there."""
        return True

    async def clear(self, key: str) -> None:
        """Forget the window of ``key``."""
        self._windows.pop(key, None)

    async def reset(self) -> int:
        """Forget all windows; gives how many had not ended."""
        self._windows.expire()
        windows = len(self._windows)
        self._windows.clear()
        return windows


# The library's strategy cannot give back, and a plain decrement would make a counter that never ends where the window
# has just ended.
_GIVE_BACK = """
local count = tonumber(redis.call('get', KEYS[1]) or '0')
local left_ms = redis.call('pttl', KEYS[1])
if left_ms >= 0 and count > 0 and math.abs(left_ms - tonumber(ARGV[2])) < tonumber(ARGV[3]) then
  redis.call('decrby', KEYS[1], math.min(count, tonumber(ARGV[1])))
end
return 0
"""


class SharedWindows(RedisStorage):
    """Windows in Redis, which all processes share."""

    def __init__(self, pool: ConnectionPool) -> None:
        # A pool is one of the documented options; the library's types leave it out.
        super().__init__("redis://", implementation="redispy", key_prefix=KEY_PREFIX, connection_pool=pool)  # type: ignore[arg-type]
        self._redis = Redis(connection_pool=pool)
        self._give_back = self._redis.register_script(_GIVE_BACK)

    async def get_expiry(self, key: str) -> float:
        """When the window ends (epoch); now where there is none. The library's is rounded, so it can be too early."""
        left_ms: int = await self._redis.pttl(self.bridge.prefixed_key(key))
        return time.time() + max(0, left_ms) / 1000

    async def give_back(self, key: str, amount: int, ends_s: float) -> None:
        """Take ``amount`` off the window that ends at ``ends_s``; nothing where it has ended."""
        left_ms = round((ends_s - time.time()) * 1000)
        await self._give_back([self.bridge.prefixed_key(key)], [amount, left_ms, round(SAME_END_S * 1000)])


Windows = MemoryWindows | SharedWindows


class Rates:
    """The limits of all callers, in fixed windows that begin with a caller's first use.

    So a caller may send twice the amount in short time, at the end of one window and the beginning of the next.
    A Redis that fails costs no request: while it fails, each process counts alone, so that the limits of n processes
    are up to n times as wide. Each failure is told to ``listener``; after several in a row Redis is not asked for a
    while. ``timeout_s`` bounds one round trip.

    Raises:
        ValueError: ``redis_url`` is no URL of Redis.
    """

    def __init__(
        self, limits: Sequence[Policy], redis_url: str | None, *, timeout_s: float, listener: Listener = ignore
    ) -> None:
        self._policies = limits
        self._timeout_s = timeout_s
        self._listener = listener
        self._breaker = Breaker()
        self._memory = MemoryWindows()
        self._pool: ConnectionPool | None = None
        self._shared: SharedWindows | None = None
        if redis_url is not None:
            self._pool = ConnectionPool.from_url(
                redis_url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, retry=Retry(NoBackoff(), 0)
            )
            self._shared = SharedWindows(self._pool)

    async def take(self, caller: str, unit: Unit, amount: int) -> Taken:
        """Count ``amount`` against every limit of this unit; what is refused counts nowhere.

        Raises:
            InvalidInput: it is more than a whole window holds, so that waiting would not help.
        """
        limits = [policy for policy in self._policies if policy.unit == unit]
        for policy in limits:
            if amount > policy.amount:
                detail = f"{amount} {unit}, and only {policy.amount} are allowed in {policy.window_s} s"
                raise InvalidInput("work_over_rate", detail, limit=policy.amount)
        shared = self._shared
        if shared is not None:
            taken = await self._asked(lambda: self._take(shared, caller, limits, amount))
            if taken is not None:
                return taken
        return await self._take(self._memory, caller, limits, amount)

    async def _take(self, windows: Windows, caller: str, limits: Sequence[Policy], amount: int) -> Taken:
        strategy = FixedWindowRateLimiter(windows)
        # A hit of nothing would move the end of a window in which nothing is used.
        fits = [
            not amount or await self._in_time(strategy.hit(one.item, *one.key(caller), cost=amount)) for one in limits
        ]
        taken = Taken(caller, amount, await self._standings(strategy, caller, limits), windows is self._shared)
        over = [standing for standing, fitting in zip(taken.standings, fits, strict=True) if not fitting]
        if not over:
            return taken
        await self._give_back(windows, taken)
        restored = await self._standings(strategy, caller, limits)
        return replace(taken, standings=restored, refusal=_refusal(max(over, key=lambda standing: standing.ends_s)))

    async def _standings(
        self, strategy: FixedWindowRateLimiter, caller: str, limits: Sequence[Policy]
    ) -> tuple[Standing, ...]:
        return tuple(
            [
                Standing.of(one, await self._in_time(strategy.get_window_stats(one.item, *one.key(caller))))
                for one in limits
            ]
        )

    async def give_back(self, taken: Taken) -> None:
        """Take off again what `take` counted, each from the window that it was counted in, if that has not ended."""
        shared = self._shared
        if not taken.shared:
            await self._give_back(self._memory, taken)
        elif shared is not None:
            await self._asked(lambda: self._give_back(shared, taken))

    async def _give_back(self, windows: Windows, taken: Taken) -> bool:
        for one in taken.standings:
            key = one.policy.item.key_for(*one.policy.key(taken.caller))
            await self._in_time(windows.give_back(key, taken.amount, one.ends_s))
        return True

    async def _in_time(self, trip: Awaitable[T]) -> T:
        async with asyncio.timeout(self._timeout_s):
            return await trip

    async def _asked(self, ask: Callable[[], Awaitable[T]]) -> T | None:
        """What Redis answers; None where it fails or is not asked."""
        if not self._breaker.allows():
            self._listener(RateStoreFailed("open"))
            return None
        try:
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


# Not 504: a caller that gives its requests no time would get work for nothing.
NO_FAULT_OF_THE_CALLER = frozenset({500, 503})


class RateLimitMiddleware:
    """ASGI middleware, inside `ApiKeyMiddleware`, which finds the caller: ``refuse`` answers who is over a limit."""

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
    """What one request used, and the headers that say so."""

    def __init__(self, rates: Rates, caller: str, info: RequestInfo, send: Send) -> None:
        self._rates = rates
        self._caller = caller
        self._info = info
        self._send = send
        self._standings: dict[Policy, Standing] = {}
        self._charged: list[Taken] = []

    async def take(self, unit: Unit, amount: int) -> Taken:
        """Count so much; raises `RateExceeded` where a limit is exceeded."""
        taken = await self._rates.take(self._caller, unit, amount)
        self._standings |= {standing.policy: standing for standing in taken.standings}
        if taken.refusal is not None:
            raise taken.refusal
        return taken

    async def charge(self, characters: int) -> None:
        """Count the characters of the request's texts; raises as `take` does."""
        self._charged.append(await self.take("characters", characters))

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
                for taken in self._charged:
                    await self._rates.give_back(taken)
            self._info.headers = self._headers()
        await self._send(message)

    def _headers(self) -> list[Header]:
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
