"""The states of the process, from ``loading`` to ``closed``.

The table shows, for each state, which states can follow, what happens to new requests, and what ``/readyz`` returns.

    state      next states                  new requests                  /readyz
    loading    ready, failed, draining      refused: `NotReady`           503 loading
    ready      loading, failed, draining    accepted                      200 ready
    failed     loading, draining            refused: `LoadFailed`         503 failed, with the reason
    draining   refusing                     accepted; connections close   503 draining
    refusing   closed                       refused: `Draining`           503 draining
    closed     (none)                       refused: `Draining`           503 draining

During a reload in the state ``ready``, the state does not change, because the old models serve requests until the new
ones are loaded. A change of state does not interrupt requests that were already accepted.

`service.newsroom.newsroom.Newsroom.status` can differ from the state ``ready``. It is ``loading`` while an engine is
being rebuilt, and ``stalled`` while the processing of a text has been waiting or running for more than a minute.
"""

from collections.abc import Mapping
from typing import Literal

from service.errors import Draining, LoadFailed

State = Literal["loading", "ready", "failed", "draining", "refusing", "closed"]
Status = Literal["ready", "loading", "draining", "failed", "stalled"]

NEXT: Mapping[State, frozenset[State]] = {
    "loading": frozenset({"ready", "failed", "draining"}),
    "ready": frozenset({"loading", "failed", "draining"}),
    "failed": frozenset({"loading", "draining"}),
    "draining": frozenset({"refusing"}),
    "refusing": frozenset({"closed"}),
    "closed": frozenset(),
}
ENDING: frozenset[State] = frozenset({"draining", "refusing", "closed"})


class Lifecycle:
    """The state of the process.

    ``detail`` describes why the models could not be loaded, and ``reason`` is the error code.

    Use this class only from the event loop.
    """

    def __init__(self) -> None:
        self.state: State = "loading"
        self.detail = ""
        self.reason = ""

    def _become(self, state: State, detail: str = "") -> None:
        """Change the state if `NEXT` allows it, and otherwise do nothing.

        For example, the end of a load is ignored while the process is draining.
        """
        if state in NEXT[self.state]:
            self.state, self.detail = state, detail

    def begin_loading(self) -> None:
        """Record that the process is loading its models again, after a failed load."""
        self._become("loading")

    def become_ready(self) -> None:
        """Record that the models have been loaded."""
        self._become("ready")

    def fail(self, detail: str, reason: str = "internal") -> None:
        """Record that the models could not be loaded.

        The readiness probe reports ``detail``. ``reason`` is an error code, which the error of a refused request names.
        """
        self._become("failed", detail)
        self.reason = reason

    def begin_drain(self) -> None:
        """Make the readiness probe report that the process is shutting down.

        The process accepts requests until `refuse_work` is called.
        """
        self._become("draining")

    def refuse_work(self) -> None:
        """Refuse new requests. Requests that were already accepted are not interrupted."""
        self.begin_drain()
        self._become("refusing")

    def close(self) -> None:
        """Record that the process is closed. Call this method after the engines have been released."""
        self.refuse_work()
        self._become("closed")

    @property
    def ending(self) -> bool:
        """True if the process is shutting down. Each connection is then closed after its response."""
        return self.state in ENDING

    @property
    def status(self) -> Status:
        """The status that the readiness probe reports. It is ``draining`` during the whole shutdown."""
        match self.state:
            case "loading" | "ready" | "failed":
                return self.state
            case _:
                return "draining"

    def check_open(self) -> None:
        """Check that the process does not refuse new requests in its current state.

        The state ``loading`` passes this check, because `ModelPool.serving` refuses requests until there are models.

        Raises:
            Draining: the process is shutting down and refuses new requests.
            LoadFailed: the models could not be loaded.
        """
        if self.state == "failed":
            raise LoadFailed(self.reason)
        if self.state in ENDING - {"draining"}:
            raise Draining("the process is shutting down; send the request again")

    def check_staying(self) -> None:
        """Check that the process is not shutting down.

        Raises:
            Draining: the process is shutting down.
        """
        if self.ending:
            raise Draining("the process is shutting down, so its models are not reloaded")
