"""What a process has done since it started, for the status page: checks of translations, usage of keys, and purges."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from service.events import CachePurged, Event, RequestDone, ResultGiven, TextAccepted
from service.http.keys import is_open

HOUR_S = 3_600
MAX_HOURS = 7 * 24
MAX_PURGES = 100
# The number of ids in the key file is not limited. If there are more, the least recently used one is dropped.
MAX_KEYS = 1_000
MIN_ERROR_STATUS = 400


@dataclass(slots=True)
class Hour:
    """The results of one hour that begins at ``begins_s``, in seconds since the Unix epoch.

    ``sentences`` counts the sentences of the translations, and ``flagged`` those of them with a warning that requires
    a review. ``results`` counts all outputs, and ``reviews`` those of them that an editor must review.
    """

    begins_s: int
    results: int = 0
    reviews: int = 0
    sentences: int = 0
    flagged: int = 0


@dataclass(slots=True)
class KeyUsage:
    """The requests with one API key. ``failed`` counts those with an error status, and ``seconds`` adds up durations.

    ``characters`` counts the texts of the requests that were accepted.
    """

    requests: int = 0
    failed: int = 0
    characters: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class PurgeRecord:
    """A purge at ``at_s``, in seconds since the Unix epoch."""

    at_s: float
    purge: CachePurged


@dataclass(slots=True)
class History:
    """An event listener that keeps the last week by the hour, the usage of each key and the last purges, in memory.

    ``clock`` returns the time in seconds since the Unix epoch. Requests without an API key have the key id None.
    """

    clock: Callable[[], float] = time.time
    hours: deque[Hour] = field(default_factory=lambda: deque(maxlen=MAX_HOURS))
    keys: dict[str | None, KeyUsage] = field(default_factory=dict)
    purges: deque[PurgeRecord] = field(default_factory=lambda: deque(maxlen=MAX_PURGES))

    def listen(self, event: Event) -> None:
        """Record an event. Ignore an event that the status page does not show."""
        match event:
            case ResultGiven():
                hour = self._hour()
                hour.results += 1
                hour.reviews += event.needs_review
                hour.sentences += event.sentences
                hour.flagged += event.flagged
            case RequestDone() if not is_open(event.route):
                usage = self._usage(event.key_id)
                usage.requests += 1
                usage.failed += event.status >= MIN_ERROR_STATUS
                usage.seconds += event.seconds
            case TextAccepted():
                self._usage(event.key_id).characters += event.characters
            case CachePurged():
                self.purges.append(PurgeRecord(self.clock(), event))

    def _hour(self) -> Hour:
        begins_s = int(self.clock()) // HOUR_S * HOUR_S
        if not self.hours or self.hours[-1].begins_s < begins_s:
            self.hours.append(Hour(begins_s))
        return self.hours[-1]

    def _usage(self, key_id: str | None) -> KeyUsage:
        usage = self.keys.pop(key_id, None) or KeyUsage()
        self.keys[key_id] = usage
        if len(self.keys) > MAX_KEYS:
            del self.keys[next(iter(self.keys))]
        return usage
