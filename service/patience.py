"""A connection that takes for ever over its headers is closed: uvicorn by itself would wait."""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


class PatientProtocol(H11Protocol):
    """HTTP/1.1; the head of each request has to be there ``header_timeout_s`` after its connection, or first byte.

    Between requests uvicorn's time for idle connections holds (``DEPESCHE_KEEP_ALIVE_S``).
    """

    header_timeout_s = 10.0
    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """A connection begins, and with it the wait."""
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        """Bytes came: of a head, which is complete now or not, or of a body, which is timed elsewhere."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._stop_waiting()
        elif self._patience is None and not self.transport.is_closing():
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        self._patience = self.loop.call_later(self.header_timeout_s, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None


def patient(header_timeout_s: float) -> type[PatientProtocol]:
    """The protocol with this time, as a class, which is what uvicorn asks for."""
    own: dict[str, Any] = {"header_timeout_s": header_timeout_s}
    return type("PatientProtocol", (PatientProtocol,), own)
