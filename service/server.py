"""The server process, with its sockets, signal handling, client timeouts and shutdown."""

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
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from service.app import create_admin, create_app
from service.errors import DepescheError
from service.generation.call import TEXT_THREADS
from service.newsroom.newsroom import Newsroom
from service.process import collect_garbage_less_often, freeze_gc_heap
from service.settings import Settings
from service.workers import protect_memory

ADMIN_DRAIN_S = 5
# After SIGTERM, the server keeps answering requests for up to this time and tells clients to close their connections.
# Without this delay, a request on an open connection could be rejected, or could arrive after the connection was
# closed.
ANNOUNCE_S = 1.0
ANNOUNCE_STEP_S = 0.05
CLOSING_S = 0.9
LEAST_READ_BYTES = 32_768
# After this time, Python asks a text thread that holds the interpreter lock to release it for the event loop. The
# default of 5 ms is too long, because these waits add up.
SWITCH_S = 0.001
_log = logging.getLogger("depesche")


class ClientTimeoutProtocol(H11Protocol):
    """An HTTP/1.1 protocol with timeouts for clients that send a request head or read a response too slowly.

    The head of a request consists of its request line and headers. The connection is closed if a head is not complete
    within ``header_timeout_s`` seconds. This timeout starts when the connection is opened or, for later requests on the
    same connection, when the first byte of the request arrives. Between requests, uvicorn's timeout for idle
    connections applies (``DEPESCHE_KEEP_ALIVE_S``).

    The connection is aborted if the client reads fewer than `LEAST_READ_BYTES` bytes of an unread response within
    ``write_timeout_s`` seconds and has not read all of it.
    """

    header_timeout_s = 10.0
    write_timeout_s = 30.0
    _timeout: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's signature
        """Accept a connection, and start the timeout for its first request head."""
        self._reader = _WatchedTransport(transport, self.write_timeout_s)
        super().connection_made(self._reader)  # type: ignore[arg-type]  # it has the methods of a transport
        self._await_head()

    def data_received(self, data: bytes) -> None:
        """Process received data. Start the timeout when a request head begins, and stop it when the head is complete.

        `BodyLimitsMiddleware` enforces the timeout for request bodies.
        """
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._stop_waiting()
        elif self._timeout is None and not self.transport.is_closing():
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timeouts, because the connection is closed."""
        self._stop_waiting()
        self._reader.stop()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        self._timeout = self.loop.call_later(self.header_timeout_s, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._timeout is not None:
            self._timeout.cancel()
            self._timeout = None


class _WatchedTransport:
    """A transport that is aborted if its client does not read what was written to it.

    `asyncio.Transport.close` waits until the client has read everything. Without this class, a client that stops
    reading could therefore keep a response in memory forever.
    """

    def __init__(self, transport: asyncio.Transport, timeout_s: float) -> None:
        self._transport = transport
        self._timeout_s = timeout_s
        self._loop = asyncio.get_running_loop()
        self._written = 0
        self._read_before = 0  # the bytes that the client had read at ``_since_s``
        self._since_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Write ``data``. If it is not sent immediately, a timer checks whether the client reads what was written."""
        if not self._transport.get_write_buffer_size():
            self._progressed(self._written)
        self._written += len(data)
        self._transport.write(data)
        if self._timer is None and self._transport.get_write_buffer_size():
            self._timer = self._loop.call_later(self._timeout_s, self._check)

    def stop(self) -> None:
        """Stop the timer, because the connection is closed."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _progressed(self, read: int) -> None:
        self._read_before, self._since_s = read, self._loop.time()

    def _check(self) -> None:
        self._timer = None
        waiting = self._transport.get_write_buffer_size()
        if not waiting:
            return
        read = self._written - waiting
        if read - self._read_before >= LEAST_READ_BYTES:
            self._progressed(read)
        left_s = self._since_s + self._timeout_s - self._loop.time()
        if left_s <= 0:
            _log.warning("slow_reader_cut", extra={"waiting_bytes": waiting})
            self._transport.abort()
        else:
            self._timer = self._loop.call_later(left_s, self._check)


def _on_settled() -> None:
    """Freeze the garbage collector's heap and start a text worker. Call this function after models have been loaded."""
    freeze_gc_heap()
    TEXT_THREADS.workers.warm_up()


def run(settings: Settings, on_listening: Callable[[int], None] = lambda _: None) -> None:
    """Run the server until it receives SIGTERM or SIGINT. Accepted requests may then finish within the drain time.

    When the server is listening on all of its ports, ``on_listening`` is called with the number of the main port.

    Raises:
        DepescheError: the server cannot listen on a port; or the models could not be loaded, and the setting
            ``wait_for_models`` is off; or `create_app` raised the error.
    """
    protect_memory()  # workers process hostile input and run as the same user
    sys.setswitchinterval(SWITCH_S)
    collect_garbage_less_often()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the models are about to be loaded, so there is nothing to reload
    failures: list[str] = []
    app = create_app(settings, on_settled=_on_settled, on_failed=failures.append)
    main = _listening(settings.host, settings.port, "port")
    admin = None
    if settings.admin_port:
        try:
            listening = _listening(settings.admin_host, settings.admin_port, "administration port")
        except DepescheError:
            main.close()
            raise
        admin = _AdminServer(_config(create_admin(app, settings), settings, ADMIN_DRAIN_S, lifespan="off"), listening)
    on_listening(main.getsockname()[1])
    config = _config(app, settings, settings.drain_s, host=settings.host, port=settings.port)
    signal.signal(signal.SIGTERM, _exit)
    signal.signal(signal.SIGINT, _exit)
    reasons = [] if settings.wait_for_models else failures
    _Server(config, app.state.runtime.newsroom, admin, settings.drain_s, reasons).run([main])
    if failures and not settings.wait_for_models:
        raise DepescheError(f"the models could not be loaded: {failures[0]}")


def _exit(_signal: int, _frame: FrameType | None) -> None:
    """Exit with code 0. This function handles the signal that uvicorn raises again after the server has closed.

    Another thread may still be processing a text, or loading a model in a C++ library. A normal shutdown of the
    interpreter would wait until the text is processed, or would crash the process while the model is being loaded.
    Therefore, if there are other threads, exit without a shutdown of the interpreter.
    """
    if threading.active_count() > 1:
        _exit_now()
    sys.exit(0)


def _exit_now() -> None:
    """Exit with code 0 without waiting for other threads. The worker processes end with this process."""
    logging.shutdown()
    with contextlib.suppress(OSError):  # the process that reads the pipe may have exited
        sys.stdout.flush()
    os._exit(0)


def _give_up() -> None:
    """Log an error and exit, because the shutdown did not finish in time."""
    _log.error("shutdown_forced")
    _exit_now()


def _config(app: Any, settings: Settings, drain_s: float, **options: Any) -> uvicorn.Config:
    timeouts = {"header_timeout_s": settings.header_timeout_s, "write_timeout_s": settings.write_timeout_s}
    protocol = type("Protocol", (ClientTimeoutProtocol,), timeouts)
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        http=protocol,
        ws="none",
        proxy_headers=False,  # a middleware reads these headers, but only from trusted proxies
        timeout_graceful_shutdown=math.ceil(drain_s),
        timeout_keep_alive=math.ceil(settings.keep_alive_s),
        **options,
    )


def _listening(host: str, port: int, name: str) -> socket.socket:
    """Return a socket that is listening on an address. ``name`` describes the port in the error message.

    Raises:
        DepescheError: the process cannot listen on the address.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY only on sockets that were created with an explicit protocol.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if family == socket.AF_INET6:  # listening on "::" must not include IPv4
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen()
    except OSError as error:
        listening.close()
        raise DepescheError(f"cannot listen on the {name} {host}:{port}: {error.strerror}") from error
    return listening


class _AdminServer(uvicorn.Server):
    """The server for the administration port. It runs alongside the main server."""

    def __init__(self, config: uvicorn.Config, listening: socket.socket) -> None:
        super().__init__(config)
        self._listening = listening
        self._serving: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install no signal handlers, because the main server handles the signals."""
        yield

    def begin(self) -> None:
        """Start serving the administration port in a task in the background."""
        self._serving = asyncio.create_task(self.serve(sockets=[self._listening]), name="administration")

    async def end(self) -> None:
        """Stop the server and wait until the requests in progress have been answered.

        Do nothing if the server was not started.
        """
        self.should_exit = True
        if self._serving is not None:
            await self._serving


class _Server(uvicorn.Server):
    """The server for the main port. It shuts down in steps and closes the administration port last.

    The states are those of `service.newsroom.lifecycle`:

        state      begins when                                    what the server does
        ready      the models have been loaded                    answers requests
        draining   SIGTERM or SIGINT arrives                      closes each connection after its response
        refusing   all connections are closed, or `ANNOUNCE_S`    rejects new requests; accepted requests may finish
                   seconds have passed                            until ``drain_s`` seconds after the signal
        closed     the application's lifespan has ended           closes the administration port

    The process exits at the latest ``drain_s`` + `CLOSING_S` seconds after the signal, even if work is still running.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        newsroom: Newsroom,
        admin: _AdminServer | None,
        drain_s: float,
        failures: Sequence[str],
    ) -> None:
        super().__init__(config)
        self._newsroom = newsroom
        self._admin = admin
        self._drain_s = drain_s
        self._ends_s = math.inf
        self._failures = failures
        self._reloading: asyncio.Future[None] | None = None
        self._reload_again = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start serving on the main port and, if it is configured, on the administration port."""
        await super().startup(sockets)
        self._log_started_message(sockets or [])  # uvicorn does not log this for sockets that it did not open
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._begin_reload)
        if self._admin is not None:
            self._admin.begin()

    async def on_tick(self, counter: int) -> bool:
        """Return whether the server must stop, for example because the models could not be loaded.

        uvicorn calls this method ten times a second.
        """
        return await super().on_tick(counter) or bool(self._failures)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Start draining: answer requests for a short time and close each connection afterwards.

        uvicorn calls this method on SIGTERM and SIGINT.
        """
        if self._ends_s == math.inf:
            self._ends_s = time.monotonic() + self._drain_s
            deadline = threading.Timer(self._drain_s + CLOSING_S, _give_up)
            deadline.daemon = True
            deadline.start()
        self._newsroom.lifecycle.begin_drain()
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Run the shutdown steps that follow the start of draining. The main port is closed first."""
        await self._announce()
        self._newsroom.lifecycle.refuse_work()
        left_s = max(0.0, self._ends_s - time.monotonic()) if self._ends_s < math.inf else self._drain_s
        self.config.timeout_graceful_shutdown = left_s  # type: ignore[assignment]  # asyncio accepts a float
        try:
            await super().shutdown(sockets)  # closes idle connections, then waits for requests and the lifespan to end
        finally:
            if self._admin is not None:
                await self._admin.end()

    async def _announce(self) -> None:
        """Wait until every client connection has been closed, but at most `ANNOUNCE_S` seconds.

        During this time, the server still answers requests and closes each connection after its response.
        """
        end_s = time.monotonic() + ANNOUNCE_S
        connections = self.server_state.connections  # uvicorn's set, which has no event for becoming empty
        while connections and time.monotonic() < end_s and not self.force_exit:  # noqa: ASYNC110
            await asyncio.sleep(ANNOUNCE_STEP_S)

    def _begin_reload(self) -> None:
        """Start a reload of the models. If a reload is already running, start exactly one more after it.

        The running reload may have read the files before they were changed, so another one is needed. Further signals
        during the running reload do not add further reloads.
        """
        self._reload_again = True
        if self._reloading is None or self._reloading.done():
            self._reloading = asyncio.ensure_future(self._reload_while_asked())

    async def _reload_while_asked(self) -> None:
        while self._reload_again:
            self._reload_again = False
            await self._reload()

    async def _reload(self) -> None:
        """Reload the models, as ``/admin/reload`` does, and log the outcome."""
        try:
            await self._newsroom.reload()
        except DepescheError as error:
            _log.error("models_not_reloaded", extra={"detail": str(error)})
        except Exception:  # noqa: BLE001 - the old models stay in use, and the log has the traceback
            _log.exception("models_not_reloaded")
        else:
            _log.info("models_reloaded", extra={"models": [model.name for model in self._newsroom.models]})
