"""The states of the process, from loading to closed.

state      next states                  new work                      /readyz
loading    ready, failed, draining      refused: `NotReady`           503 loading
ready      loading, failed, draining    accepted                      200 ready
failed     loading, draining            refused: `LoadFailed`         503 failed, with the reason
draining   refusing                     accepted; connections close   503 draining
refusing   closed                       refused: `Draining`           503 draining
closed     (none)                       refused: `Draining`           503 draining

During a reload, the state stays ``ready``, because the old models serve requests until the new ones are loaded.
Accepted work is finished in every state. An engine rebuild does not change the state, but
`service.newsroom.newsroom.Newsroom.status` is ``loading`` until it is done. It is ``stalled`` while a
piece of text work is older than a minute.
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
    """The state of the process. ``detail`` is the reason for a failure, and ``reason`` is its error code.

    Use this class only from the event loop.
    """

    def __init__(self) -> None:
        self.state: State = "loading"
        self.detail = ""
        self.reason = ""

    def _become(self, state: State, detail: str = "") -> None:
        """Change the state if `NEXT` allows it. A load that ends while the process is draining has no effect."""
        if state in NEXT[self.state]:
            self.state, self.detail = state, detail

    def begin_loading(self) -> None:
        """Mark the process as loading its models again, after a failed load."""
        self._become("loading")

    def become_ready(self) -> None:
        """Mark the models as loaded."""
        self._become("ready")

    def fail(self, detail: str, reason: str = "internal") -> None:
        """Mark the load as failed. The readiness probe reports ``detail``. Refused callers get the code ``reason``."""
        self._become("failed", detail)
        self.reason = reason

    def begin_drain(self) -> None:
        """Make the readiness probe report that the process is shutting down.

        The process still accepts work until `refuse_work` is called.
        """
        self._become("draining")

    def refuse_work(self) -> None:
        """Refuse new work. Work that was already accepted is still completed."""
        self.begin_drain()
        self._become("refusing")

    def close(self) -> None:
        """Mark the process as closed, after its engines have been released."""
        self.refuse_work()
        self._become("closed")

    @property
    def ending(self) -> bool:
        """True if the process is shutting down. Connections are then closed after their responses."""
        return self.state in ENDING

    @property
    def status(self) -> Status:
        """The status for the readiness probe."""
        match self.state:
            case "loading" | "ready" | "failed":
                return self.state
            case _:
                return "draining"

    def check_open(self) -> None:
        """Raise `Draining` if the process refuses new work, or `LoadFailed` if its models could not be loaded."""
        if self.state == "failed":
            raise LoadFailed(self.reason)
        if self.state in ENDING - {"draining"}:
            raise Draining("the process is shutting down; send the request again")

    def check_staying(self) -> None:
        """Raise `Draining` if the process is shutting down."""
        if self.ending:
            raise Draining("the process is shutting down")
