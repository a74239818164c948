"""The life of the process, from loading to closed.

state      may become                   work                          /readyz
loading    ready, failed, draining      refused: `NotReady`           503 loading
ready      loading, failed, draining    taken                         200 ready
failed     loading, draining            refused: `NotReady`           503 failed, with the reason
draining   refusing                     taken; connections close      503 draining
refusing   closed                       refused: `Draining`           503 draining
closed     (nothing)                    refused: `Draining`           503 draining

A reload keeps ``ready``: the models of before serve until the new ones do. Work that was begun is finished in every
state. An engine that is rebuilt does not change the state; `service.newsroom.newsroom.Newsroom.status` counts it as
loading.
"""

from collections.abc import Mapping
from typing import Literal

from service.errors import Draining

State = Literal["loading", "ready", "failed", "draining", "refusing", "closed"]
Status = Literal["ready", "loading", "draining", "failed"]

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
    """The state of the process; ``detail`` says why it failed. Used from the event loop."""

    def __init__(self) -> None:
        self.state: State = "loading"
        self.detail = ""

    def _become(self, state: State, detail: str = "") -> None:
        """Change the state where the table allows it: a load that ends while the process drains changes nothing."""
        if state in NEXT[self.state]:
            self.state, self.detail = state, detail

    def begin_loading(self) -> None:
        """Models are loaded again after a failure."""
        self._become("loading")

    def become_ready(self) -> None:
        """The models are loaded."""
        self._become("ready")

    def fail(self, detail: str) -> None:
        """The models cannot be loaded; ``detail`` is what the readiness probe says."""
        self._become("failed", detail)

    def begin_drain(self) -> None:
        """Say on the readiness probe that the process is about to end; work is taken until `refuse_work`."""
        self._become("draining")

    def refuse_work(self) -> None:
        """Take no new work; what was begun is finished."""
        self.begin_drain()
        self._become("refusing")

    def close(self) -> None:
        """The engines are free."""
        self.refuse_work()
        self._become("closed")

    @property
    def ending(self) -> bool:
        """Whether the process is about to end, so that connections close after their answers."""
        return self.state in ENDING

    @property
    def status(self) -> Status:
        """What the readiness probe says."""
        match self.state:
            case "loading" | "ready" | "failed":
                return self.state
            case _:
                return "draining"

    def check_open(self) -> None:
        """Raise `Draining` where no new work is taken any more."""
        if self.state in ENDING - {"draining"}:
            raise Draining("the process is about to end; another one takes the work")

    def check_staying(self) -> None:
        """Raise `Draining` where the process is about to end."""
        if self.ending:
            raise Draining("the process is about to end")
