"""Rate limits: how many requests and characters a key, or an address, may send in a window."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Literal

from limits import RateLimitItem, parse_many

from service.access.counters import Charge, Counters
from service.errors import InvalidInput, QuotaExceeded, RateExceeded

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
