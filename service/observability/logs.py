"""Structured logs: one JSON object per line on standard output. No line contains article text."""

import logging
import sys
import traceback
from dataclasses import asdict
from types import TracebackType

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from service.events import (
    CachePurged,
    EngineFailed,
    EngineReady,
    Event,
    KeysRead,
    KeysRefused,
    LayoutFound,
    RateStoreFailed,
    RateStoreRecovered,
    RemoteAway,
    RemoteBack,
    RequestDone,
    SharedCacheFailed,
    SharedCacheRecovered,
)

LEVELS: dict[type, int] = {
    CachePurged: logging.INFO,
    RequestDone: logging.INFO,
    EngineReady: logging.INFO,
    LayoutFound: logging.INFO,
    KeysRead: logging.INFO,
    KeysRefused: logging.ERROR,
    SharedCacheRecovered: logging.INFO,
    RateStoreRecovered: logging.INFO,
    EngineFailed: logging.ERROR,
    RemoteAway: logging.ERROR,
    RemoteBack: logging.INFO,
}
QUIET_ROUTES = frozenset({"/livez", "/readyz", "/health", "/metrics"})
MIN_ERROR_STATUS = 400
MAX_FRAMES = 12


def configure(level: str) -> None:
    """Format all log records of the process as JSON, including those of uvicorn.

    ``level`` is the minimum level to log.
    """
    before: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=before,
        processors=[
            _remove_reprs,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _remove_colours,
            _remove_messages,
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
    logging.getLogger("uvicorn.access").disabled = True  # RequestDone contains the same data and the request id


def failure(error: BaseException) -> dict[str, object]:
    """Return the type and the stack frames of an exception, as fields of a log record.

    The message of the exception is omitted, because it may contain text of an article.
    """
    return {"error": type(error).__name__, "frames": _frames(error.__traceback__)}


def _frames(trace: TracebackType | None) -> list[str]:
    return [f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(trace)][-MAX_FRAMES:]


def _remove_messages(_: WrappedLogger, __: str, record: EventDict) -> EventDict:
    """Replace the exception in a log record with its type and stack frames.

    The message of the exception is removed, because it may contain text of an article.
    """
    raised = record.pop("exc_info", None)
    error = raised[1] if isinstance(raised, tuple) else raised
    if isinstance(error, BaseException):
        record.update(failure(error))
    return record


def _remove_reprs(_: WrappedLogger, __: str, record: EventDict) -> EventDict:
    """Shorten messages of asyncio, so that they do not contain the arguments of the call that failed.

    The arguments may contain text of an article.
    """
    if record["_record"].name == "asyncio":
        record["event"] = record["event"].partition("\n")[0].partition("(")[0]
    return record


def _remove_colours(_: WrappedLogger, __: str, record: EventDict) -> EventDict:
    """Remove the coloured copy of the message that uvicorn adds to some log records."""
    record.pop("color_message", None)
    return record


def listen(event: Event) -> None:
    """Write an event to the log.

    Successful requests to health checks and metrics are logged only at the level ``debug``.
    """
    log, level = logging.getLogger("depesche"), LEVELS.get(type(event), logging.DEBUG)
    if isinstance(event, RequestDone) and event.route in QUIET_ROUTES and event.status < MIN_ERROR_STATUS:
        level = logging.DEBUG
    if isinstance(event, SharedCacheFailed | RateStoreFailed) and event.opened:
        level = logging.WARNING  # only the failure that opened the breaker is logged; the metrics count all failures
    if log.isEnabledFor(level):  # cheaper than asdict(), and most events are below the level
        log.log(level, type(event).__name__, extra=asdict(event))
