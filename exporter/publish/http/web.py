"""The web server: /metrics, pages for a browser, the report as JSON, health and readiness."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final, TypeVar

from aiohttp import web

from exporter.model.record import TargetRecord
from exporter.publish.http.protocol import DEFAULT_LIMITS, SERVER_NAME, Limits, Runner
from exporter.publish.json.report import report_json
from exporter.publish.metrics.catalog_exporter import ExporterState
from exporter.publish.metrics.exposition import Exposition, gzip_accepted, negotiate
from exporter.publish.pages.query import Query
from exporter.publish.pages.rendering import ASSETS, entity_tag, overview_html, target_html

_LOG = logging.getLogger(__name__)

T = TypeVar("T")
Snapshot = Callable[[], Sequence[TargetRecord]]
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

MOST_WAITING = 32
"""Requests for pages and reports that wait at the same time."""

_HEADERS: Final = {
    "Server": SERVER_NAME,
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def create_app(
    snapshot: Snapshot, state: Callable[[], ExporterState], now: Callable[[], datetime]
) -> web.Application:
    """Return the application.

    Args:
        snapshot: returns the records of all configured targets, in the order of the
            configuration; called on the event loop. A record that has not changed must be the
            same object, so that it is not rendered again.
        state: returns what the composition knows of the exporter; called likewise.
        now: the clock, for what is left until certificates end.
    """
    app = web.Application(middlewares=[_plain_errors], client_max_size=0)
    pages = _Pages(snapshot, state, now)
    app.router.add_get("/", pages.overview)
    # by default a part of a path has no braces
    app.router.add_get("/targets/{name:.+}", pages.target)
    app.router.add_get("/assets/{name}", pages.asset)
    app.router.add_get("/api/v1/report", pages.report)
    app.router.add_get("/metrics", pages.metrics)
    app.router.add_get("/-/healthy", pages.healthy)
    app.router.add_get("/-/ready", pages.ready)
    app.on_response_prepare.append(_add_headers)
    app.on_cleanup.append(pages.close)
    return app


@asynccontextmanager
async def serving(
    app: web.Application, host: str, port: int, limits: Limits = DEFAULT_LIMITS
) -> AsyncIterator[str]:
    """Serve ``app`` while the context lasts; yields its URL, without a final slash.

    Args:
        app: made by `create_app`.
        host: an address; empty for all.
        port: 0 for one that the operating system picks.
        limits: what clients may do.

    Raises:
        OSError: the address cannot be bound.
    """
    runner = Runner(app, limits)
    await runner.setup()
    try:
        address, bound_port = await runner.listen(host or None, port)
        yield (
            f"http://[{address}]:{bound_port}"
            if ":" in address
            else f"http://{address}:{bound_port}"
        )
    finally:
        await runner.cleanup()


class _Pages:
    """The handlers, and the threads in which metrics and pages are rendered."""

    def __init__(
        self,
        snapshot: Snapshot,
        state: Callable[[], ExporterState],
        now: Callable[[], datetime],
    ) -> None:
        self._snapshot = snapshot
        self._state = state
        self._now = now
        self._exposition = Exposition()
        # one: rendering is bound to one core anyway, and scrapes that wait then find it done
        self._scraper = ThreadPoolExecutor(max_workers=1, thread_name_prefix="scrape")
        # another, so that viewers never delay a scrape
        self._renderer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="render")
        self._waiting = 0

    async def _rendered(self, render: Callable[[], T]) -> T:
        """Return a page; 503 if too many wait for theirs, some of whom may have gone."""
        if self._waiting >= MOST_WAITING:
            raise web.HTTPServiceUnavailable
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._renderer, render)
        finally:
            self._waiting -= 1

    async def metrics(self, request: web.Request) -> web.Response:
        """Answer with the exposition, in the format and encoding that the client asks for."""
        # several lines of one header are one list (RFC 9110, 5.3)
        form = negotiate(",".join(request.headers.getall("Accept", [])))
        gzip = gzip_accepted(",".join(request.headers.getall("Accept-Encoding", [])))
        records, state = self._snapshot(), self._state()
        body = await asyncio.get_running_loop().run_in_executor(
            self._scraper, lambda: self._exposition.page(records, state, form, gzip=gzip)
        )
        headers = {"Content-Type": form.value, "Vary": "Accept, Accept-Encoding"}
        if gzip:
            headers["Content-Encoding"] = "gzip"
        return web.Response(body=body, headers=headers)

    async def overview(self, request: web.Request) -> web.Response:
        """Answer with the page of all targets."""
        records, version = self._snapshot(), self._state().version
        query, now = Query.read(request.query), self._now()
        return await self._page(request, lambda: overview_html(records, query, version, now))

    async def target(self, request: web.Request) -> web.Response:
        """Answer with the page of one target; 404 if none has that name."""
        record, version, now = (
            self._record(request.match_info["name"]),
            self._state().version,
            self._now(),
        )
        return await self._page(request, lambda: target_html(record, version, now))

    async def report(self, request: web.Request) -> web.Response:
        """Answer with the report as JSON: of all targets, or of the one in ``target``."""
        name = request.query.get("target")
        records = self._snapshot() if name is None else (self._record(name),)
        body = await self._rendered(lambda: report_json(records).encode())
        return web.Response(body=body, content_type="application/json", charset="utf-8")

    async def asset(self, request: web.Request) -> web.Response:
        """Answer with a file of the pages' own."""
        asset = ASSETS.get(request.match_info["name"])
        if asset is None:
            raise web.HTTPNotFound
        return web.Response(body=asset.body, content_type=asset.content_type, charset="utf-8")

    def _record(self, name: str) -> TargetRecord:
        for record in self._snapshot():
            if record.target.name == name:
                return record
        raise web.HTTPNotFound

    async def _page(self, request: web.Request, render: Callable[[], str]) -> web.Response:
        def rendered() -> tuple[bytes, str]:
            html = render()
            return html.encode(), entity_tag(html)

        body, tag = await self._rendered(rendered)
        headers = {"ETag": tag}
        # the script asks again every few seconds, and mostly nothing has changed
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers=headers)
        return web.Response(body=body, content_type="text/html", charset="utf-8", headers=headers)

    async def healthy(self, _request: web.Request) -> web.Response:
        """Answer 200: the event loop runs."""
        return web.Response(text="healthy\n")

    async def ready(self, _request: web.Request) -> web.Response:
        """Answer 200 once every target has been polled, whatever came of it; 503 before."""
        records = self._snapshot()
        waiting = sum(record.report is None for record in records)
        if waiting:
            text = f"{waiting} of {len(records)} targets have not been polled yet\n"
            return web.Response(status=503, text=text)
        return web.Response(text="ready\n")

    async def close(self, _app: web.Application) -> None:
        """End the threads; a page that is being rendered is not waited for."""
        for threads in (self._scraper, self._renderer):
            threads.shutdown(wait=False, cancel_futures=True)


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_HEADERS)


@web.middleware
async def _plain_errors(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Answer errors in one plain line, without anything of the request or of the program."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        response = web.Response(status=error.status, text=f"{error.status}: {error.reason}\n")
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
        return response
    except Exception as error:  # noqa: BLE001  the fault of one page must not show, nor end the server
        # a client chooses the path
        fold = {"fold": f"page: {type(error).__name__}"}
        _LOG.exception("%r could not be answered", request.path, extra=fold)
        return web.Response(status=500, text="500: Internal Server Error\n")
