"""Which paths are open to everybody; the scope that a key needs is named at each route (`guard.Requires`)."""

from typing import Literal

Scope = Literal["translate", "summarize", "articles", "admin"]

PROBES = frozenset({"/livez", "/readyz", "/health", "/metrics"})
# The page and the documentation hold nothing but themselves; what they call needs a key again.
PAGES = frozenset({"/", "/docs", "/docs/oauth2-redirect", "/redoc", "/openapi.json"})
# LibreTranslate's client asks for it with its key in the body of a GET, which nobody reads; it tells no secrets.
CAPABILITIES = frozenset({"/languages"})
OPEN = PROBES | PAGES
ASSETS = "/static/"


def is_open(path: str) -> bool:
    """Whether ``path`` needs no key and is not counted. Whatever is not known to be open is not."""
    return path in OPEN or path.startswith(ASSETS)


def needs_key(path: str) -> bool:
    """Whether ``path`` needs a key, where there are keys; what needs none may yet be counted."""
    return not is_open(path) and path not in CAPABILITIES
