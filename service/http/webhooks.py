"""Webhooks that announce the end of a job, signed as the Standard Webhooks specification describes.

A webhook is sent only to origins that the operator has listed, and redirects are not followed. Otherwise, callers could
make the service send requests to hosts in its own network. The message contains no article text.
"""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import ssl
import time
from collections.abc import Collection

import httpx2

from service.errors import InvalidInput
from service.events import Listener, WebhookSent

NAME = "DEPESCHE-Webhook"
ATTEMPTS = 4
TIMEOUT_S = 10.0
MAX_URL_CHARS = 2_000
PAUSE_S = 1.0
_PORTS = {"http": 80, "https": 443}


class Webhooks:
    """A sender of webhooks to ``origins``. ``secret`` is the key of the signatures (HMAC-SHA256).

    ``pause_s`` is the pause before the first retry. Each further pause is twice as long.
    """

    def __init__(
        self,
        origins: Collection[str],
        secret: bytes,
        listener: Listener,
        *,
        pause_s: float = PAUSE_S,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._origins = {_origin(httpx2.URL(one)) for one in origins}
        self._secret = secret
        self._listener = listener
        self._pause_s = pause_s
        self._http = httpx2.AsyncClient(
            timeout=TIMEOUT_S,
            trust_env=False,
            follow_redirects=False,
            verify=ssl.create_default_context(),
            transport=transport,
        )

    def require_allowed(self, url: str) -> None:
        """Check that ``url`` is a valid URL with one of the allowed origins.

        It must have at most `MAX_URL_CHARS` characters, and contain neither a user name nor a fragment.

        Raises:
            InvalidInput: the URL does not meet these conditions.
        """
        try:
            # The library that sends the request also parses the URL here, so both see the same host.
            parsed = httpx2.URL(url) if len(url) <= MAX_URL_CHARS else None
        except httpx2.InvalidURL:
            parsed = None
        if parsed is None or parsed.userinfo or parsed.fragment or _origin(parsed) not in self._origins:
            raise refused("the operator of the service has not allowed webhooks to this URL (DEPESCHE_WEBHOOK_ORIGINS)")

    async def send(self, url: str, job_id: str, status: str) -> None:
        """Announce that a job has ended. Send up to `ATTEMPTS` requests, until a response has a 2xx status."""
        body = json.dumps({"type": "job.ended", "data": {"id": job_id, "status": status}}).encode()
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(self._pause_s * 2 ** (attempt - 1))
            with contextlib.suppress(httpx2.HTTPError, httpx2.InvalidURL):
                answer = await self._http.post(url, content=body, headers=self._headers(job_id, body))
                if answer.is_success:
                    self._listener(WebhookSent("delivered"))
                    return
        self._listener(WebhookSent("failed"))

    def _headers(self, job_id: str, body: bytes) -> dict[str, str]:
        sent_s = str(int(time.time()))
        signed = b".".join((job_id.encode(), sent_s.encode(), body))
        signature = base64.b64encode(hmac.digest(self._secret, signed, hashlib.sha256)).decode()
        return {
            "Content-Type": "application/json",
            "webhook-id": job_id,
            "webhook-timestamp": sent_s,
            "webhook-signature": f"v1,{signature}",
        }

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def refused(detail: str) -> InvalidInput:
    """Return the error for a webhook that the service refuses. ``detail`` is the reason."""
    return InvalidInput("webhook_refused", detail, pointer=f"header:{NAME}")


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or _PORTS.get(url.scheme)
