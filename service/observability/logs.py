"""Structured logs: one JSON object a line on standard output; events become lines here, and none carries text."""

import logging
import sys
import traceback
from dataclasses import asdict
from types import TracebackType

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from service.events import (
    EngineFailed,
    EngineReady,
    Event,
    KeysRead,
    KeysRefused,
    LayoutFound,
    RateStoreFailed,
    RequestDone,
    SharedCacheFailed,
)

LEVELS: dict[type, int] = {
    RequestDone: logging.INFO,
    EngineReady: logging.INFO,
    LayoutFound: logging.INFO,
    KeysRead: logging.INFO,
    KeysRefused: logging.ERROR,
    EngineFailed: logging.ERROR,
}
QUIET_ROUTES = frozenset({"/livez", "/readyz", "/health", "/metrics"})
LEAST_FAILURE = 400
MOST_FRAMES = 12


def configure(level: str) -> None:
    """Send every log record of the process, uvicorn's too, through one JSON renderer."""
    before: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=before,
        processors=[
            _without_reprs,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _without_colours,
            _without_messages,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    logging.getLogger("uvicorn.access").disabled = True  # RequestDone says the same, with the request's id


def failure(error: BaseException) -> dict[str, object]:
    """An exception for the log: its type and where it arose. Messages of foreign errors may quote the article."""
    return {"error": type(error).__name__, "frames": _frames(error.__traceback__)}


def _frames(trace: TracebackType | None) -> list[str]:
    return [f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(trace)][-MOST_FRAMES:]


def _without_messages(_: WrappedLogger, __: str, record: EventDict) -> EventDict:
    """Exceptions that libraries log lose their messages, for the same reason."""
    raised = record.pop("exc_info", None)
    error = raised[1] if isinstance(raised, tuple) else raised
    if isinstance(error, BaseException):
        record.update(failure(error))
    return record


def _without_reprs(_: WrappedLogger, __: str, record: EventDict) -> EventDict:
    """Asyncio shows the future or the call that failed, and with it messages and arguments, behind its first words."""
    if record["_record"].name == "asyncio":
        record["event"] = record["event"].partition("\n")[0].partition("(")[0]
    return record


def _without_colours(_: WrappedLogger, __: str, record: EventDict) -> EventDict:
    """Uvicorn says some things twice, the second time for terminals."""
    record.pop("color_message", None)
    return record


def listen(event: Event) -> None:
    """Write an event as a line; probes only when they fail."""
    log, level = logging.getLogger("depesche"), LEVELS.get(type(event), logging.DEBUG)
    if isinstance(event, RequestDone) and event.route in QUIET_ROUTES and event.status < LEAST_FAILURE:
        level = logging.DEBUG
    if isinstance(event, SharedCacheFailed | RateStoreFailed) and event.opened:
        level = logging.WARNING  # the one of its failures that is new; the metrics count all
    if log.isEnabledFor(level):  # most events of a request are not, and taking one apart costs more than asking
        log.log(level, type(event).__name__, extra=asdict(event))
