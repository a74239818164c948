"""The server process: sockets, signals, header timeouts and shutdown."""

import asyncio
import contextlib
import logging
import math
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from service.app import create_admin, create_app
from service.errors import DepescheError
from service.newsroom.newsroom import Newsroom
from service.process import freeze_gc_heap
from service.settings import Settings

ADMIN_DRAIN_S = 5
# How long after SIGTERM callers are answered as before and told to close their connections. Without this time, one that
# asks on an open connection just then is refused, or finds it closed with its request on the way.
ANNOUNCE_S = 1.0
ANNOUNCE_STEP_S = 0.05
# How long a thread that works on texts may keep the loop waiting for the interpreter; Python's own 5 ms add up.
SWITCH_S = 0.001
_log = logging.getLogger("depesche")


class HeaderTimeoutProtocol(H11Protocol):
    """HTTP/1.1; the head of a request has to be complete ``header_timeout_s`` after the connection or the first byte.

    Between requests uvicorn's timeout for idle connections holds (``DEPESCHE_KEEP_ALIVE_S``).
    """

    header_timeout_s = 10.0
    _timeout: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        """Stop to wait where a head is complete; begin where the next one began. Bodies are timed elsewhere."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._stop_waiting()
        elif self._timeout is None and not self.transport.is_closing():
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop to wait."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        self._timeout = self.loop.call_later(self.header_timeout_s, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._timeout is not None:
            self._timeout.cancel()
            self._timeout = None


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; accepted requests finish first.

    Raises:
        DepescheError: the administration port cannot be listened on.
    """
    sys.setswitchinterval(SWITCH_S)
    app = create_app(settings, on_settled=freeze_gc_heap)
    admin = None
    if settings.admin_port:
        listening = _listening(settings.admin_host, settings.admin_port)
        admin = _AdminServer(_config(create_admin(app, settings), settings, ADMIN_DRAIN_S, lifespan="off"), listening)
    config = _config(app, settings, math.ceil(settings.drain_s), host=settings.host, port=settings.port)
    signal.signal(signal.SIGTERM, _exit)
    signal.signal(signal.SIGINT, _exit)
    _Server(config, app.state.runtime.newsroom, admin).run()


def _exit(_signal: int, _frame: FrameType | None) -> None:
    """Called when the server is closed and uvicorn raises the signal again: a stop that was asked for is a success.

    A daemon thread may be inside a library that loads a model. The interpreter would unwind its C++ frames, which
    must not be unwound, and end by SIGABRT; so the process ends without that.
    """
    if any(thread.daemon for thread in threading.enumerate()):
        logging.shutdown()
        with contextlib.suppress(OSError):  # its reader may be gone
            sys.stdout.flush()
        os._exit(0)
    sys.exit(0)


def _config(app: Any, settings: Settings, drain_s: int, **options: Any) -> uvicorn.Config:
    protocol = type("Protocol", (HeaderTimeoutProtocol,), {"header_timeout_s": settings.header_timeout_s})
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        http=protocol,
        ws="none",
        proxy_headers=False,  # the application does it, for the proxies of the settings alone
        timeout_graceful_shutdown=drain_s,
        timeout_keep_alive=math.ceil(settings.keep_alive_s),
        **options,
    )


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named: asyncio sends small packets at once only on sockets that say that they are TCP's.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if family == socket.AF_INET6:  # "::" must not open the port to IPv4, too
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen()
    except OSError as error:
        listening.close()
        raise DepescheError(f"the administration port {host}:{port} cannot be used: {error.strerror}") from error
    return listening


class _AdminServer(uvicorn.Server):
    """Serves on a socket of its own for as long as the main server does."""

    def __init__(self, config: uvicorn.Config, listening: socket.socket) -> None:
        super().__init__(config)
        self._listening = listening
        self._serving: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the main server's."""
        yield

    def begin(self) -> None:
        """Serve in the background."""
        self._serving = asyncio.create_task(self.serve(sockets=[self._listening]), name="administration")

    async def end(self) -> None:
        """Stop, once requests are answered; nothing where it did not begin."""
        self.should_exit = True
        if self._serving is not None:
            await self._serving


class _Server(uvicorn.Server):
    """Uvicorn's server of the main port, which stops in steps and stops the administration port last.

    The states are those of `service.newsroom.lifecycle`:

    state      begins when                                   what the server does
    ready      the models are loaded                         answers
    draining   SIGTERM or SIGINT comes                       answers, and closes each connection after its answer
    refusing   no connection is open, `ANNOUNCE_S` at most   refuses new work; accepted requests finish (≤ drain_s)
    closed     the application's lifespan ends               closes the administration port
    """

    def __init__(self, config: uvicorn.Config, newsroom: Newsroom, admin: _AdminServer | None) -> None:
        super().__init__(config)
        self._newsroom = newsroom
        self._admin = admin
        self._reloading: asyncio.Future[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen on both ports; ends the process where the main one cannot be listened on."""
        await super().startup(sockets)
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._begin_reload)
        if self._admin is not None:
            self._admin.begin()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to drain: called for SIGTERM and SIGINT."""
        self._newsroom.lifecycle.begin_drain()
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Go the other steps; the administration port answers until the main one is closed."""
        await self._announce()
        self._newsroom.lifecycle.refuse_work()
        try:
            await super().shutdown(sockets)  # closes idle connections, waits for requests, then for the lifespan
        finally:
            if self._admin is not None:
                await self._admin.end()

    async def _announce(self) -> None:
        """Answer until every connection was closed after an answer, or the time is over."""
        end_s = time.monotonic() + ANNOUNCE_S
        connections = self.server_state.connections  # a plain set of uvicorn's, which tells nobody that it is empty
        while connections and time.monotonic() < end_s and not self.force_exit:  # noqa: ASYNC110
            await asyncio.sleep(ANNOUNCE_STEP_S)

    def _begin_reload(self) -> None:
        """Load models one time after the other: what changes during a load is loaded after it."""
        before = self._reloading

        async def next_one() -> None:
            if before is not None:
                await before
            await self._reload()

        self._reloading = asyncio.ensure_future(next_one())

    async def _reload(self) -> None:
        """Load models as ``/admin/reload`` does; the log says how it ended."""
        try:
            await self._newsroom.reload()
        except DepescheError as error:
            _log.error("models_not_reloaded", extra={"detail": str(error)})
        except Exception:  # noqa: BLE001 - the models of before go on, and the log has to say so
            _log.exception("models_not_reloaded")
        else:
            _log.info("models_reloaded", extra={"models": [model.name for model in self._newsroom.models]})
