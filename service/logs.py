"""Structured logs: one JSON object a line on standard output; events become lines here, and none carries text."""

import logging
import sys
from dataclasses import asdict

import structlog

from service.events import EngineFailed, EngineReady, Event, RequestDone

LEVELS: dict[type, int] = {RequestDone: logging.INFO, EngineReady: logging.INFO, EngineFailed: logging.ERROR}
QUIET_ROUTES = frozenset({"/livez", "/readyz", "/health"})


def configure(level: str) -> None:
    """Send every log record of the process, uvicorn's too, through one JSON renderer."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _without_colours,
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


def _without_colours(
    _: structlog.typing.WrappedLogger, __: str, record: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Uvicorn says some things twice, the second time for terminals."""
    record.pop("color_message", None)
    return record


def listen(event: Event) -> None:
    """Write an event as a line; probes only when they fail."""
    level = LEVELS.get(type(event), logging.DEBUG)
    if isinstance(event, RequestDone) and event.route in QUIET_ROUTES and event.status == 200:  # noqa: PLR2004
        level = logging.DEBUG
    logging.getLogger("depesche").log(level, type(event).__name__, extra=asdict(event))
