"""What aiohttp's HTTP server lacks: limits on clients, and errors that do not show its version.

aiohttp closes idle connections only after their first request, waits without end for a client that
does not read, and answers malformed requests itself, with its own name and version in the header
and parts of the request in the text.
"""

import asyncio
import io
import logging
import struct
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from socket import SO_LINGER, SOL_SOCKET
from typing import Any, Final, cast

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from exporter.publish.http.acceptor import Acceptor
from exporter.publish.http.connections import MOST_CONNECTIONS, MOST_UNSENT_BYTES, Connections

_LOG = logging.getLogger(__name__)

SERVER_NAME = "pg-replication-cert-exporter"

SILENCE_SECONDS = 10.0
"""How long a client may take to send its first request."""

KEEPALIVE_SECONDS = 75.0
"""How long a client may take to send another request; scrapes often come each minute."""

WRITE_SECONDS = 30.0
"""How long a client may take to read the next piece of an answer, of 64 to 128 KiB."""

_PIECE_BYTES = 64 * 1024
"""Larger answers are sent in pieces of this size, so that what waits in the transport is small."""

_DISCARD = struct.pack("ii", 1, 0)
"""For SO_LINGER: what has not been sent is discarded when the connection is closed."""

MAX_LINE_BYTES = 4096
MAX_HEADER_BYTES = 8190
MAX_HEADERS = 64


@dataclass(frozen=True, slots=True)
class Limits:
    """What clients may do.

    Attributes:
        silence_seconds: how long a client may take to send its first request.
        write_seconds: how long a client may take to read the next piece of an answer.
        most_connections: returns how many connections may be open.
        most_unsent_bytes: how large the answers that are being sent may be together.
    """

    silence_seconds: float = SILENCE_SECONDS
    write_seconds: float = WRITE_SECONDS
    most_connections: Callable[[], int] = lambda: MOST_CONNECTIONS
    most_unsent_bytes: int = MOST_UNSENT_BYTES


DEFAULT_LIMITS: Final = Limits()


class _Handler(RequestHandler):
    """One client.

    Attributes:
        idle_since: since when it is to send a request, or to read; None while one is served.
        unsent_bytes: the size of the answer that is being sent.
    """

    __slots__ = ("_deadline", "_is_over", "_server", "_wire", "idle_since", "unsent_bytes")

    def __init__(self, manager: "_Server", **options: Any) -> None:  # noqa: ANN401  aiohttp's own
        super().__init__(manager, **options)
        self._server = manager
        # aiohttp forgets its own before what was written has been sent
        self._wire: asyncio.Transport | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._is_over = False
        self.idle_since: float | None = self._loop.time()
        self.unsent_bytes = 0

    def end(self) -> None:
        """Close the connection at once, whatever has not been sent."""
        self._is_over = True
        if self._wire is None:
            return
        if self.writing_paused:
            # or the kernel keeps what it was given, for minutes
            self._wire.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, _DISCARD)
        self._wire.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._wire = cast(asyncio.Transport, transport)
        # writing counts as paused until everything that was written has been sent
        self._wire.set_write_buffer_limits(high=0)
        super().connection_made(transport)
        if self._is_over:
            self.end()
        self._end_after(self._server.limits.silence_seconds, self._end_if_silent)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._end_after(None)
        self._wire = None
        self._server.open_connections.forget(self)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self.idle_since = self._loop.time()
        self._end_after(self._server.limits.write_seconds, self.end)
        # those that had not stopped reading when this answer began may have by now
        self._server.open_connections.make_room_for(self)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._end_after(None)
        self._note_whether_idle()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        # part of a request, or a further one while answers are not read, is no reason to stay
        if self._messages and not self.writing_paused:
            self.idle_since = None

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send the answer, a large one in pieces."""
        if isinstance(resp, web.Response) and isinstance(resp.body, bytes):
            self.unsent_bytes = len(resp.body)
            self._server.open_connections.make_room_for(self)
            if self.unsent_bytes > _PIECE_BYTES:
                resp.body = io.BytesIO(resp.body)
        try:
            return await super().finish_response(request, resp, start_time)
        finally:
            self.unsent_bytes = 0
            self._note_whether_idle(is_answered=True)

    def _note_whether_idle(self, *, is_answered: bool = False) -> None:
        if not self.writing_paused:
            being_served = self._messages or (self._request_in_progress and not is_answered)
            self.idle_since = None if being_served else self._loop.time()

    def _end_after(self, seconds: float | None, end: Callable[[], None] | None = None) -> None:
        """Call ``end`` after so many seconds, in place of what was to be called before."""
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = (
            None if seconds is None else self._loop.call_later(seconds, end or self.end)
        )

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if status == HTTPStatus.INTERNAL_SERVER_ERROR:
            # a fault of ours: aiohttp logs it, and ends the connection if an answer has begun
            super().handle_error(request, status, exc, message)
        elif request.writer.output_size > 0:
            raise ConnectionError("an answer has begun already")
        else:
            # anyone can send nonsense: no error of the exporter, and its bytes may hold a secret
            fault, fold = type(exc).__name__, {"fold": "malformed request"}
            _LOG.debug("malformed request from %s: %s", request.remote, fault, extra=fold)
        answer = web.Response(status=status, text=f"{status}: {HTTPStatus(status).phrase}\n")
        answer.headers["Server"] = SERVER_NAME
        answer.force_close()
        return answer

    def _end_if_silent(self) -> None:
        self._deadline = None
        # counted by aiohttp once the head of a request is complete
        if self._request_count == 0:
            self.end()


class _Server(web.Server):
    """Creates a `_Handler` for each client that is accepted."""

    def __init__(
        self, made_by_aiohttp: web.Server, limits: Limits, options: dict[str, Any]
    ) -> None:
        super().__init__(
            made_by_aiohttp.request_handler,
            request_factory=made_by_aiohttp.request_factory,
            **options,
        )
        self.limits = limits
        self.open_connections = Connections(limits.most_connections, limits.most_unsent_bytes)

    def admit(self, address: str) -> RequestHandler | None:
        """Return what serves another client; None if there is no room for it."""
        handler = _Handler(self, loop=self._loop, **self._kwargs)
        return handler if self.open_connections.admit(handler, address) else None


class Runner(web.AppRunner):
    """aiohttp's AppRunner with the limits of this module."""

    __slots__ = ("_acceptor", "_limits")

    def __init__(self, app: web.Application, limits: Limits) -> None:
        super().__init__(
            app,
            access_log=None,
            keepalive_timeout=KEEPALIVE_SECONDS,
            # a GET has no body worth waiting for
            lingering_time=1.0,
            shutdown_timeout=1.0,
            max_line_size=MAX_LINE_BYTES,
            max_field_size=MAX_HEADER_BYTES,
            max_headers=MAX_HEADERS,
        )
        self._limits = limits
        self._acceptor: Acceptor | None = None

    async def listen(self, host: str | None, port: int) -> tuple[str, int]:
        """Accept connections; setup() must have been called.

        Args:
            host: None for all addresses of the machine.
            port: 0 for one that the operating system picks.

        Returns:
            An address and the port.

        Raises:
            OSError: an address cannot be bound.
        """
        server = cast(_Server, self.server)
        self._acceptor = Acceptor(server.admit, server.open_connections.end_longest_idle)
        return await self._acceptor.listen(host, port)

    async def cleanup(self) -> None:
        """Accept no more connections, and close those that are open."""
        if self._acceptor is not None:
            await self._acceptor.close()
        await super().cleanup()

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Server(made, self._limits, self._kwargs)
