"""Which paths are open to everybody, and which scope a key needs for the others."""

from typing import Literal

Scope = Literal["translate", "summarize", "articles", "admin"]

PROBES = frozenset({"/livez", "/readyz", "/health", "/metrics"})
# The page and the documentation hold nothing but themselves; what they call needs a key again.
PAGES = frozenset({"/", "/docs", "/docs/oauth2-redirect", "/redoc", "/openapi.json"})
OPEN = PROBES | PAGES
ASSETS = "/static/"
SCOPES: dict[str, Scope] = {
    "/v1/translate": "translate",
    "/v1/summarize": "summarize",
    "/v1/articles": "articles",
    "/translate": "translate",
    "/detect": "translate",
    "/languages": "translate",
}
PREFIXES: dict[str, Scope] = {"/v2/": "translate", "/admin/": "admin"}


def is_open(path: str) -> bool:
    """Whether ``path`` needs no key. Whatever is not known to be open is not, also what does not exist."""
    return path in OPEN or path.startswith(ASSETS)


def scope_of(path: str) -> Scope | None:
    """The scope that a key needs for ``path``; None: any key will do."""
    found = (scope for prefix, scope in PREFIXES.items() if path.startswith(prefix))
    return SCOPES.get(path) or next(found, None)
