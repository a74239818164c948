"""Which pages of other origins may call the API: those of the setting, with keys in headers and never with cookies."""

from collections.abc import Sequence
from typing import Any

METHODS = ("GET", "POST")
ASKED = ("Authorization", "Cache-Control", "Content-Type", "Request-Timeout-Ms", "Traceparent", "X-Request-Id")
SHOWN = ("RateLimit", "RateLimit-Policy", "Retry-After", "Server-Timing", "WWW-Authenticate", "X-Request-Id")


def rules(origins: Sequence[str]) -> dict[str, Any]:
    """The options of Starlette's CORSMiddleware for these origins."""
    return {
        "allow_origins": list(origins),
        "allow_methods": METHODS,
        "allow_headers": ASKED,
        "expose_headers": SHOWN,
        "allow_credentials": False,
    }


def listed(setting: str | None) -> list[str]:
    """The members of a setting with commas."""
    return [] if setting is None else [one.strip() for one in setting.split(",")]
