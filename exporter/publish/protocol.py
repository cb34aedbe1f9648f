"""What aiohttp's HTTP server needs beside: clients that say nothing end, errors tell no version.

aiohttp ends idle connections only after their first request, and answers malformed requests
itself, with its own name and version in the header and parts of the request in the text.
"""

import asyncio
import logging
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

_LOG = logging.getLogger(__name__)

SERVER_NAME = "pg-replication-cert-exporter"

SILENCE_SECONDS = 10.0
"""How long a client may take to send its first request."""

KEEPALIVE_SECONDS = 75.0
"""How long a client may take to send another request; scrapes often come each minute."""

MAX_LINE_BYTES = 4096
MAX_HEADER_BYTES = 8190
MAX_HEADERS = 64


class _Handler(RequestHandler):
    """One client."""

    __slots__ = ("_silence", "_silence_seconds")

    def __init__(self, manager: "_Server", **options: Any) -> None:  # noqa: ANN401  aiohttp's own
        super().__init__(manager, **options)
        self._silence: asyncio.TimerHandle | None = None
        self._silence_seconds = manager.silence_seconds

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        loop = asyncio.get_running_loop()
        self._silence = loop.call_later(self._silence_seconds, self._end_if_silent)

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None
        super().connection_lost(exc)

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
            _LOG.debug("malformed request from %s: %s", request.remote, type(exc).__name__)
        answer = web.Response(status=status, text=f"{status}: {HTTPStatus(status).phrase}\n")
        answer.headers["Server"] = SERVER_NAME
        answer.force_close()
        return answer

    def _end_if_silent(self) -> None:
        self._silence = None
        # counted by aiohttp once the head of a request is complete
        if self._request_count == 0 and self.transport is not None:
            self.transport.close()


class _Server(web.Server):
    """Makes a `_Handler` for each client."""

    def __init__(
        self, made_by_aiohttp: web.Server, silence_seconds: float, options: dict[str, Any]
    ) -> None:
        super().__init__(
            made_by_aiohttp.request_handler,
            request_factory=made_by_aiohttp.request_factory,
            **options,
        )
        self.silence_seconds = silence_seconds

    def __call__(self) -> RequestHandler:
        return _Handler(self, loop=self._loop, **self._kwargs)


class Runner(web.AppRunner):
    """aiohttp's AppRunner with the limits of this module."""

    __slots__ = ("_silence_seconds",)

    def __init__(self, app: web.Application, silence_seconds: float = SILENCE_SECONDS) -> None:
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
        self._silence_seconds = silence_seconds

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Server(made, self._silence_seconds, self._kwargs)
