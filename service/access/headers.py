"""Security headers on every answer; what an endpoint says itself, as the page does, stands."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

# An answer of the API is data: nothing in it may run, and no page may show it in a frame.
POLICY = b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
# FastAPI's documentation pages load their scripts from elsewhere and have one of their own in them.
DOCUMENTATION_POLICY = (
    b"default-src 'none'; script-src 'unsafe-inline' https:; style-src 'unsafe-inline' https:; font-src https:; "
    b"img-src 'self' data: https:; connect-src 'self'; worker-src blob:; base-uri 'none'; form-action 'none'; "
    b"frame-ancestors 'none'"
)
DOCUMENTATION = frozenset({"/docs", "/redoc", "/docs/oauth2-redirect"})
COMMON = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"x-frame-options": b"DENY",  # for browsers that do not know frame-ancestors
    b"permissions-policy": b"camera=(), geolocation=(), microphone=()",
}


class SecurityHeaders:
    """ASGI middleware, outermost, so that refusals and crashes have them, too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        policy = DOCUMENTATION_POLICY if scope["path"] in DOCUMENTATION else POLICY
        wanted = {**COMMON, b"content-security-policy": policy}

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = [*message.get("headers", [])]
                names = {name.lower() for name, _ in given}
                missing = [(name, value) for name, value in wanted.items() if name not in names]
                message = {**message, "headers": given + missing}
            await send(message)

        await self._app(scope, receive, sending)
