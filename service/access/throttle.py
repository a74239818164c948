"""Holds callers to their rates, and tells them how they stand.

The header fields are those of draft-ietf-httpapi-ratelimit-headers-11. Its registry of quota units has none for
characters, so ``qu="characters"`` is ours.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.access.counters import Charge
from service.access.guard import KEY_ID
from service.access.limits import Refuse
from service.access.places import is_open
from service.access.rates import Policy, Rates, Standing, Unit, caller_of
from service.errors import DepescheError

CHARGE = "charge"
"""Where the state of a request holds what counts its characters, once they are known: ``await charge(number)``."""
QUOTA = "quota"
"""Where it holds what tells the characters used and allowed of the longest limit: ``await quota()``, or None."""
# Not 504: a caller that gives its requests no time would have the work for nothing.
NO_FAULT_OF_THE_CALLER = frozenset({500, 503})


class Throttle:
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
        state = scope.setdefault("state", {})
        client = scope.get("client")
        meter = _Meter(self._rates, caller_of(state.get(KEY_ID), client[0] if client else None), send)
        state[CHARGE], state[QUOTA] = meter.charge, meter.quota
        try:
            await meter.take("requests", 1)
        except DepescheError as refused:
            await self._refuse(scope, receive, meter.send, refused)
            return
        await self._app(scope, receive, meter.send)


class _Meter:
    """One request: what it used, and the headers that say so."""

    def __init__(self, rates: Rates, caller: str, send: Send) -> None:
        self._rates = rates
        self._caller = caller
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
            message = {**message, "headers": [*message.get("headers", []), *self._headers()]}
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
