"""Rate limits for callers. The service counts each caller's usage in fixed time windows, in Redis or in memory.

The response header fields follow draft-ietf-httpapi-ratelimit-headers-11. The draft does not register a quota unit for
characters, so ``qu="characters"`` is an extension.
"""

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv6Address, ip_address
from typing import Literal, TypeVar, cast

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

from service.cache.redis import Breaker, Recovery, reason_of
from service.errors import DepescheError, InvalidInput, QuotaExceeded, RateExceeded
from service.events import Listener, RateStoreFailed, RateStoreRecovered, ignore
from service.http.admission import Refuse
from service.http.state import Header, RequestInfo, info_of, is_open

# Differs from the key prefix of the cache, so that clearing the cache does not reset the limits.
KEY_PREFIX = "depesche-rate"
# This many windows take about 30 MB. If there are more, the least recently used ones are dropped.
MAX_WINDOWS = 100_000
# Two windows of the same key end at least one second apart, so a smaller difference is a rounding error.
SAME_END_S = 0.5
T = TypeVar("T")
Unit = Literal["requests", "characters"]
DAY_S = 86_400
# A caller usually has many IPv6 addresses in one network. The first half of an address identifies the network.
NETWORK_BITS = 64


@dataclass(frozen=True, slots=True)
class Policy:
    """A limit on the number of requests or characters (``unit``) for each caller in a time window.

    ``item`` contains the maximum number and the length of the window, in the format of the ``limits`` library.
    """

    unit: Unit
    item: RateLimitItem

    @property
    def name(self) -> str:
        """The name of the limit in the rate limit headers.

        The name depends on the unit and the window, but not on the maximum number.
        """
        return f"{self.unit}-{self.item.multiples}-{self.item.GRANULARITY.name}"

    @property
    def amount(self) -> int:
        """The number of requests or characters that a caller may use in one window."""
        return self.item.amount

    @property
    def window_s(self) -> int:
        """The length of a window in seconds."""
        return self.item.get_expiry()

    def key(self, caller: str) -> tuple[str, Unit]:
        """Return the identifiers with which the ``limits`` library stores the caller's usage under this limit."""
        return caller, self.unit


def policies(unit: Unit, setting: str | None) -> tuple[Policy, ...]:
    """Parse a setting such as ``60/minute; 1000/hour``, and return a limit on ``unit`` for each of its parts.

    If ``setting`` is None, there are no limits.

    Raises:
        ValueError: the setting is invalid.
    """
    return () if setting is None else tuple(Policy(unit, item) for item in parse_many(setting))


@dataclass(frozen=True, slots=True)
class LimitStatus:
    """A caller's remaining usage under one limit in the current time window.

    ``left`` is the number of requests or characters that the caller may still use. ``ends_s`` is the time at which the
    window ends, in seconds since the Unix epoch. ``reset_s`` is the number of seconds until the window ends, counted
    from the moment when the status was read.
    """

    policy: Policy
    left: int
    ends_s: float
    reset_s: int

    @classmethod
    def of(cls, policy: Policy, stats: WindowStats) -> "LimitStatus":
        """Create the status from ``stats``, the window statistics of the ``limits`` library."""
        reset_s = min(policy.window_s, max(1, math.ceil(stats.reset_time - time.time())))
        return cls(policy, stats.remaining, stats.reset_time, reset_s)


@dataclass(frozen=True, slots=True)
class Usage:
    """The result of counting ``amount`` requests or characters for a caller.

    ``statuses`` contains the caller's status under each limit. If a limit would be exceeded, ``refusal`` is the error
    to raise. Otherwise, it is None. ``shared`` is True if the amount was counted in Redis, and False if it was counted
    in this process.
    """

    caller: str
    amount: int
    statuses: tuple[LimitStatus, ...]
    shared: bool
    refusal: RateExceeded | None = None


@dataclass(slots=True)
class _Window:
    count: int
    ends_s: float


def _ends_s(_key: str, window: _Window, _now_s: float) -> float:
    return window.ends_s


class MemoryWindows(Storage):
    """The usage counters that are stored in the memory of this process.

    Each key identifies one caller and one limit, and has a counter for its current time window. If there are more than
    ``most`` windows, the least recently used one is dropped. The memory storage of the ``limits`` library is not used,
    because its size is unbounded and it scans all windows whenever it counts.
    """

    base_exceptions = ()

    def __init__(self, most: int = MAX_WINDOWS) -> None:
        super().__init__()
        self._windows: TLRUCache[str, _Window] = TLRUCache(most, _ends_s, timer=time.monotonic)

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add ``amount`` to the counter of ``key``, and return the new count.

        If ``key`` has no current window, start one that lasts ``expiry`` seconds.
        """
        window = self._windows.setdefault(key, _Window(0, time.monotonic() + expiry))
        window.count += amount
        return window.count

    async def give_back(self, key: str, amount: int, ends_s: float) -> None:
        """Subtract ``amount`` from the counter of ``key``, unless the window in which it was counted has ended.

        ``ends_s`` identifies that window by the time of its end, in seconds since the Unix epoch.
        """
        window = self._windows.get(key)
        if window is not None and abs(await self.get_expiry(key) - ends_s) < SAME_END_S:
            window.count = max(0, window.count - amount)

    async def get(self, key: str) -> int:
        """Return how many requests or characters have been counted in the current window of ``key``."""
        window = self._windows.get(key)
        return 0 if window is None else window.count

    async def get_expiry(self, key: str) -> float:
        """Return the time at which the current window of ``key`` ends, in seconds since the Unix epoch.

        If there is no window, return the current time.
        """
        window = self._windows.get(key)
        return time.time() + (0.0 if window is None else window.ends_s - time.monotonic())

    async def check(self) -> bool:
        """Return True, because the memory of the process is always available."""
        return True

    async def clear(self, key: str) -> None:
        """Delete the window of ``key`` and its counter."""
        self._windows.pop(key, None)

    async def reset(self) -> int:
        """Delete all windows, and return how many of them had not yet ended."""
        self._windows.expire()
        windows = len(self._windows)
        self._windows.clear()
        return windows


# The library cannot refund an amount. A plain DECRBY on an expired window would create a counter that never expires.
_GIVE_BACK = """
local count = tonumber(redis.call('get', KEYS[1]) or '0')
local left_ms = redis.call('pttl', KEYS[1])
if left_ms >= 0 and count > 0 and math.abs(left_ms - tonumber(ARGV[2])) < tonumber(ARGV[3]) then
  redis.call('decrby', KEYS[1], math.min(count, tonumber(ARGV[1])))
end
return 0
"""


class SharedWindows(RedisStorage):
    """The usage counters that are stored in Redis and shared by all processes of the service."""

    def __init__(self, pool: ConnectionPool) -> None:
        # The library documents the connection_pool option, but its type annotations lack it.
        super().__init__("redis://", implementation="redispy", key_prefix=KEY_PREFIX, connection_pool=pool)  # type: ignore[arg-type]
        self._redis = Redis(connection_pool=pool)
        self._give_back = self._redis.register_script(_GIVE_BACK)

    async def get_expiry(self, key: str) -> float:
        """Return the time at which the current window of ``key`` ends, in seconds since the Unix epoch.

        If there is no window, return the current time. This method overrides the one of the ``limits`` library, which
        rounds the time, so that its result can be too early.
        """
        left_ms: int = await self._redis.pttl(self.bridge.prefixed_key(key))
        return time.time() + max(0, left_ms) / 1000

    async def give_back(self, key: str, amount: int, ends_s: float) -> None:
        """Subtract ``amount`` from the counter of ``key``, unless the window in which it was counted has ended.

        ``ends_s`` identifies that window by the time of its end, in seconds since the Unix epoch.
        """
        left_ms = round((ends_s - time.time()) * 1000)
        await self._give_back([self.bridge.prefixed_key(key)], [amount, left_ms, round(SAME_END_S * 1000)])


Windows = MemoryWindows | SharedWindows


class Rates:
    """The rate limits, and the usage of all callers in fixed time windows.

    A caller's window starts with the first request that is counted in it. A caller can therefore use up to twice the
    maximum in a short time, at the end of one window and at the start of the next. While Redis is failing, each process
    counts separately, so n processes allow up to n times the maximum. The listener receives an event for each failure.
    After several consecutive failures, a circuit breaker opens, and the process stops using Redis for some time.
    ``timeout_s`` limits the duration of one request to Redis.

    Raises:
        ValueError: ``redis_url`` is not a Redis URL.
    """

    def __init__(
        self, limits: Sequence[Policy], redis_url: str | None, *, timeout_s: float, listener: Listener = ignore
    ) -> None:
        self._policies = limits
        self._timeout_s = timeout_s
        self._listener = listener
        self._breaker = Breaker()
        self._recovery = Recovery(self._breaker, self._ping, lambda: listener(RateStoreRecovered()))
        self._memory = MemoryWindows()
        self._pool: ConnectionPool | None = None
        self._shared: SharedWindows | None = None
        if redis_url is not None:
            self._pool = ConnectionPool.from_url(
                redis_url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, retry=Retry(NoBackoff(), 0)
            )
            self._shared = SharedWindows(self._pool)

    async def take(self, caller: str, unit: Unit, amount: int) -> Usage:
        """Count ``amount`` requests or characters against every limit on ``unit``.

        If a limit would be exceeded, nothing is counted, and the result contains a ``refusal``.

        Raises:
            InvalidInput: the amount exceeds the maximum for a whole window, so waiting would not help.
        """
        limits = [policy for policy in self._policies if policy.unit == unit]
        for policy in limits:
            if amount > policy.amount:
                limit = f"{policy.amount} {unit} per {policy.window_s} s"
                detail = f"{amount} {unit} exceed the limit of {limit}; split the request"
                raise InvalidInput("work_over_rate", detail, limit=policy.amount)
        shared = self._shared
        if shared is not None:
            usage = await self._ask_redis(lambda: self._take(shared, caller, limits, amount))
            if usage is not None:
                return usage
        return await self._take(self._memory, caller, limits, amount)

    async def _take(self, windows: Windows, caller: str, limits: Sequence[Policy], amount: int) -> Usage:
        strategy = FixedWindowRateLimiter(windows)
        # A hit with cost 0 would start or extend a window without usage.
        fits = [
            not amount or await self._in_time(strategy.hit(one.item, *one.key(caller), cost=amount)) for one in limits
        ]
        usage = Usage(caller, amount, await self._statuses(strategy, caller, limits), windows is self._shared)
        over = [status for status, fitting in zip(usage.statuses, fits, strict=True) if not fitting]
        if not over:
            return usage
        await self._give_back(windows, usage)
        restored = await self._statuses(strategy, caller, limits)
        return replace(usage, statuses=restored, refusal=_refusal(max(over, key=lambda status: status.ends_s)))

    async def _statuses(
        self, strategy: FixedWindowRateLimiter, caller: str, limits: Sequence[Policy]
    ) -> tuple[LimitStatus, ...]:
        return tuple(
            [
                LimitStatus.of(one, await self._in_time(strategy.get_window_stats(one.item, *one.key(caller))))
                for one in limits
            ]
        )

    async def give_back(self, usage: Usage) -> None:
        """Subtract the amount in ``usage`` from the windows in which `take` counted it.

        Windows that have ended do not change.
        """
        shared = self._shared
        if not usage.shared:
            await self._give_back(self._memory, usage)
        elif shared is not None:
            await self._ask_redis(lambda: self._give_back(shared, usage))

    async def _give_back(self, windows: Windows, usage: Usage) -> bool:
        for one in usage.statuses:
            key = one.policy.item.key_for(*one.policy.key(usage.caller))
            await self._in_time(windows.give_back(key, usage.amount, one.ends_s))
        return True

    async def _in_time(self, trip: Awaitable[T]) -> T:
        async with asyncio.timeout(self._timeout_s):
            return await trip

    async def _ask_redis(self, ask: Callable[[], Awaitable[T]]) -> T | None:
        """Call ``ask``, which sends commands to Redis, and return its result.

        Return None if Redis fails or the circuit breaker is open.
        """
        if not self._breaker.allows():
            self._listener(RateStoreFailed("open"))
            return None
        return await self._record_outcome(ask)

    async def _record_outcome(self, ask: Callable[[], Awaitable[T]]) -> T | None:
        try:
            found = await ask()
        except (RedisError, OSError, TimeoutError) as error:
            opened = self._breaker.failed()
            self._listener(RateStoreFailed(reason_of(error), opened=opened))
            if opened:
                self._recovery.begin()
            return None
        self._breaker.succeeded()
        return found

    async def _ping(self) -> None:
        """Send a PING command to Redis, and tell the circuit breaker whether it succeeded."""
        pool = self._pool
        if pool is not None:
            await self._record_outcome(
                lambda: self._in_time(cast("Awaitable[bool]", Redis(connection_pool=pool).ping()))
            )

    async def close(self) -> None:
        """Stop waiting for the recovery of Redis, and close the connections to it."""
        self._recovery.stop()
        if self._pool is not None:
            with contextlib.suppress(RedisError, OSError, TimeoutError):
                await self._pool.aclose()


def _refusal(worst: LimitStatus) -> RateExceeded:
    """Build the error for a caller that has exceeded a limit.

    If the caller has exceeded several limits, ``worst`` is the status of the one whose window ends last. If the limit
    is on characters and its window is a day or longer, the error is `QuotaExceeded`.
    """
    policy = worst.policy
    kind = QuotaExceeded if policy.unit == "characters" and policy.window_s >= DAY_S else RateExceeded
    limit = f"{policy.amount} {policy.unit} per {policy.window_s} s"
    detail = f"the limit of {limit} has been exceeded; retry in {worst.reset_s} s"
    return kind(detail, retry_after_s=worst.reset_s)


def caller_of(key_id: str | None, address: str | None) -> str:
    """Return the identifier under which the usage of a caller is counted.

    It contains the key id. If there is no key, it contains the IPv4 address or the first half of the IPv6 address. The
    result is "local" if there is neither a key nor an address, and "unknown" if the address is not an IP address.
    """
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


class DeniedAttempts:
    """The requests without a valid API key, counted for each client address in the memory of this process.

    ``limits`` limit the number of these requests. Requests with a valid key are neither counted nor refused. Callers
    that share an address, for example behind a proxy, therefore cannot block each other's valid requests.
    """

    def __init__(self, limits: Sequence[Policy]) -> None:
        self._policies = limits
        self._windows = MemoryWindows()
        self._strategy = FixedWindowRateLimiter(self._windows)

    async def count(self, address: str | None) -> None:
        """Count one request without a valid key from ``address``.

        Raises:
            RateExceeded: a limit has been exceeded.
        """
        caller = caller_of(None, address)
        fits = [await self._strategy.hit(one.item, *one.key(caller)) for one in self._policies]
        if not all(fits):
            raise await self._error(caller)

    async def require_below_limits(self, address: str | None) -> None:
        """Check that ``address`` has not used up a limit, without counting a request.

        Raises:
            RateExceeded: a limit has been used up.
        """
        caller = caller_of(None, address)
        if not all([await self._strategy.test(one.item, *one.key(caller)) for one in self._policies]):
            raise await self._error(caller)

    async def _error(self, caller: str) -> RateExceeded:
        """Return the error for ``caller``, with the time until the last of its exhausted windows ends."""
        stats = [await self._strategy.get_window_stats(one.item, *one.key(caller)) for one in self._policies]
        waits_s = [found.reset_time - time.time() for found in stats if not found.remaining]
        return RateExceeded(
            "too many requests from this address had no valid API key; send a valid key in the header "
            "'Authorization: Bearer …'",
            retry_after_s=max(1, math.ceil(max(waits_s, default=1))),
        )


# Excludes 504, because a caller with a very short timeout would otherwise get work for free.
REFUNDED_STATUS = frozenset({500, 503})


class RateLimitMiddleware:
    """ASGI middleware that refuses a request if its caller has exceeded a limit.

    It must be inside `ApiKeyMiddleware`, which identifies the caller by the API key.
    """

    def __init__(self, app: ASGIApp, rates: Rates, refuse: Refuse) -> None:
        self._app = app
        self._rates = rates
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count one request. Pass the request on, or refuse it if a limit is exceeded.

        Requests for probes, metrics, the web page and the API documentation are not counted (see `is_open`).
        """
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
    """The counter for the usage of one request. It also adds the rate limit headers to the response."""

    def __init__(self, rates: Rates, caller: str, info: RequestInfo, send: Send) -> None:
        self._rates = rates
        self._caller = caller
        self._info = info
        self._send = send
        self._statuses: dict[Policy, LimitStatus] = {}
        self._charged: list[Usage] = []

    async def take(self, unit: Unit, amount: int) -> Usage:
        """Count ``amount`` requests or characters.

        Raises:
            RateExceeded: a limit is exceeded.
            InvalidInput: the amount exceeds the maximum for a whole window.
        """
        usage = await self._rates.take(self._caller, unit, amount)
        self._statuses |= {status.policy: status for status in usage.statuses}
        if usage.refusal is not None:
            raise usage.refusal
        return usage

    async def charge(self, characters: int) -> None:
        """Count ``characters``, the total length of the texts in the request.

        Raises:
            RateExceeded, InvalidInput: see `take`.
        """
        self._charged.append(await self.take("characters", characters))

    async def quota(self) -> tuple[int, int] | None:
        """Return the number of characters that the caller has used, and the number that the caller may use.

        The numbers refer to the character limit with the longest window. If there is no such limit, return None.
        """
        statuses = (await self._rates.take(self._caller, "characters", 0)).statuses
        if not statuses:
            return None
        longest = max(statuses, key=lambda status: status.policy.window_s)
        return longest.policy.amount - longest.left, longest.policy.amount

    async def send(self, message: Message) -> None:
        """Send one message of the response, and add the rate limit headers.

        If the status is 500 or 503, subtract the characters that were counted for the request.
        """
        if message["type"] == "http.response.start":
            if message["status"] in REFUNDED_STATUS:
                for usage in self._charged:
                    await self._rates.give_back(usage)
            self._info.headers = self._headers()
        await self._send(message)

    def _headers(self) -> list[Header]:
        if not self._statuses:
            return []
        statuses = self._statuses.values()
        return [
            (b"ratelimit-policy", ", ".join(_policy(status.policy) for status in statuses).encode()),
            (b"ratelimit", ", ".join(f'"{s.policy.name}";r={s.left};t={s.reset_s}' for s in statuses).encode()),
        ]


def _policy(policy: Policy) -> str:
    unit = "" if policy.unit == "requests" else f';qu="{policy.unit}"'
    return f'"{policy.name}";q={policy.amount}{unit};w={policy.window_s}'
