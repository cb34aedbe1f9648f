"""The web server over real sockets: what it answers, and what it does to clients that misbehave."""

import asyncio
import gzip
import re
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from html import escape, unescape
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from yarl import URL

from exporter.model.record import TargetRecord
from exporter.publish.http import web as publish_web
from exporter.publish.http.protocol import MAX_LINE_BYTES, SERVER_NAME, Limits
from exporter.publish.http.web import MOST_WAITING, create_app, serving
from tests.unit.publish.metrics.scrape import STATE, series_of, values
from tests.unit.reports import DOWN, NOT_POLLED, NOW, PLAINTEXT, RECORD, named, with_connections

OPENMETRICS = {"Accept": "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.2"}


@dataclass
class Site:
    """A server that is running, and the records that it shows."""

    url: str
    records: Sequence[TargetRecord]
    client: aiohttp.ClientSession = field(repr=False)

    async def raw(self, request: bytes) -> bytes:
        """Return all that the server answers to these bytes until it ends the connection."""
        async with self.connected() as (reader, writer):
            writer.write(request)
            return await asyncio.wait_for(reader.read(), timeout=5)

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """Connect, say nothing, and hang up at the end."""
        address = urlsplit(self.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()
            with suppress(ConnectionError):
                await writer.wait_closed()


@asynccontextmanager
async def site(*records: TargetRecord, **limits: Any) -> AsyncIterator[Site]:
    plain = {"Accept-Encoding": "identity"}
    async with aiohttp.ClientSession(auto_decompress=False, headers=plain) as client:
        shown = Site("", records, client)
        app = create_app(lambda: shown.records, lambda: STATE, lambda: NOW)
        async with serving(app, "127.0.0.1", 0, Limits(**limits)) as shown.url:
            yield shown


async def test_metrics_are_text_unless_openmetrics_is_accepted() -> None:
    async with site(RECORD) as shown:
        async with shown.client.get(f"{shown.url}/metrics") as answer:
            assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
            text = await answer.read()
        async with shown.client.get(f"{shown.url}/metrics", headers=OPENMETRICS) as answer:
            assert answer.headers["Content-Type"].startswith("application/openmetrics-text; ")
            assert (await answer.read()).endswith(b"# EOF\n")
    assert values(series_of(text), "pgrepl_up", "target") == {("primary",): 1}


async def test_metrics_are_compressed_only_when_accepted() -> None:
    async with site(RECORD) as shown:
        headers = {"Accept-Encoding": "gzip"}
        async with shown.client.get(f"{shown.url}/metrics", headers=headers) as answer:
            assert answer.headers["Content-Encoding"] == "gzip"
            assert b"pgrepl_up{" in gzip.decompress(await answer.read())
        headers = {"Accept-Encoding": "identity"}
        async with shown.client.get(f"{shown.url}/metrics", headers=headers) as answer:
            assert "Content-Encoding" not in answer.headers
            assert b"pgrepl_up{" in await answer.read()


@pytest.mark.parametrize("path", ["/", "/metrics", "/-/healthy", "/-/ready"])
async def test_head_answers_as_get_without_a_body(path: str) -> None:
    async with site(RECORD) as shown:
        host = shown.url.removeprefix("http://")
        answer = await shown.raw(
            f"HEAD {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
        )
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert body == b""


async def test_healthy_while_nothing_has_been_polled() -> None:
    async with (
        site(NOT_POLLED) as shown,
        shown.client.get(f"{shown.url}/-/healthy") as answer,
    ):
        assert (answer.status, await answer.text()) == (200, "healthy\n")


async def test_ready_once_every_target_has_been_polled_whatever_came_of_it() -> None:
    async with site(RECORD, NOT_POLLED) as shown:
        async with shown.client.get(f"{shown.url}/-/ready") as answer:
            message = "1 of 2 targets have not been polled yet\n"
            assert (answer.status, await answer.text()) == (503, message)
        shown.records = (RECORD, DOWN)
        async with shown.client.get(f"{shown.url}/-/ready") as answer:
            assert (answer.status, await answer.text()) == (200, "ready\n")


@pytest.mark.parametrize("path", ["/nope", "/metrics/", "/%2e%2e/etc/passwd", "/<script>"])
async def test_an_unknown_path_is_not_found_and_not_repeated(path: str) -> None:
    async with site(RECORD) as shown, shown.client.get(f"{shown.url}{path}") as answer:
        assert (answer.status, await answer.text()) == (404, "404: Not Found\n")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
async def test_other_methods_are_not_allowed(method: str) -> None:
    async with (
        site(RECORD) as shown,
        shown.client.request(method, f"{shown.url}/metrics") as answer,
    ):
        assert answer.status == 405
        assert answer.headers["Allow"] == "GET,HEAD"


@pytest.mark.parametrize("path", ["/", "/metrics", "/-/healthy", "/nope"])
async def test_every_answer_carries_the_security_headers(path: str) -> None:
    async with site(RECORD) as shown, shown.client.get(f"{shown.url}{path}") as answer:
        assert answer.headers["Server"] == SERVER_NAME
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; ")
        assert "unsafe" not in policy


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /" + b"a" * MAX_LINE_BYTES + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 9000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 100 + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS client\r\n\r\n",
        b"secret-of-the-client\r\n\r\n",
    ],
    ids=["long line", "long header", "many headers", "TLS", "no HTTP"],
)
async def test_a_malformed_request_is_refused_in_one_line(
    request_bytes: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with site(RECORD) as shown:
        answer = await shown.raw(request_bytes)
        assert answer.split(b"\r\n")[0].endswith(b"400 Bad Request")
        assert answer.endswith(b"\r\n\r\n400: Bad Request\n")
        assert f"Server: {SERVER_NAME}\r\n".encode() in answer
        assert b"secret" not in answer
        async with shown.client.get(f"{shown.url}/-/healthy") as healthy:
            assert healthy.status == 200
    assert caplog.text == ""


async def test_silent_clients_do_not_delay_a_scrape() -> None:
    async with site(RECORD) as shown, AsyncExitStack() as stack:
        for number in range(50):
            _, writer = await stack.enter_async_context(shown.connected())
            if number % 2:
                writer.write(b"GET /metrics HTTP/1.1\r\nHos")
        before = time.monotonic()
        async with shown.client.get(f"{shown.url}/metrics") as answer:
            assert answer.status == 200
            await answer.read()
        assert time.monotonic() - before < 2


@pytest.mark.parametrize("said", [b"", b"GET /metrics HTTP/1.1\r\nHos"])
async def test_a_client_that_sends_no_whole_request_is_hung_up_on(said: bytes) -> None:
    async with site(RECORD, silence_seconds=0.1) as shown:
        assert await shown.raw(said) == b""


async def test_a_client_that_has_asked_once_may_stay() -> None:
    request = b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n"
    async with site(RECORD, silence_seconds=0.1) as shown, shown.connected() as (reader, writer):
        writer.write(request)
        await reader.readuntil(b"healthy\n")
        # when this one, who came later, has been hung up on, the time of the first is over too
        assert await shown.raw(b"") == b""
        writer.write(request)
        assert (await reader.readuntil(b"healthy\n")).startswith(b"HTTP/1.1 200 OK")


async def test_a_client_that_does_not_read_does_not_delay_another() -> None:
    senders = (
        replace(PLAINTEXT.wal_sender, application_name="x" * 250 + str(i)) for i in range(1000)
    )
    many = with_connections([replace(PLAINTEXT, wal_sender=sender) for sender in senders])
    async with site(many) as shown, AsyncExitStack() as stack:
        for _ in range(3):
            _, writer = await stack.enter_async_context(shown.connected())
            writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
        async with asyncio.timeout(20), shown.client.get(f"{shown.url}/metrics") as answer:
            assert len(await answer.read()) > 1_000_000


async def test_pages_assets_and_the_report_have_their_types() -> None:
    types = {
        "/": "text/html; charset=utf-8",
        "/targets/primary": "text/html; charset=utf-8",
        "/assets/status.css": "text/css; charset=utf-8",
        "/assets/status.js": "text/javascript; charset=utf-8",
        "/assets/icon.svg": "image/svg+xml; charset=utf-8",
        "/api/v1/report": "application/json; charset=utf-8",
    }
    async with site(RECORD) as shown:
        for path, content_type in types.items():
            async with shown.client.get(f"{shown.url}{path}") as answer:
                assert (answer.status, answer.headers["Content-Type"]) == (200, content_type)


@pytest.mark.parametrize(
    "path", ["/targets/nope", "/assets/nope", "/assets/..%2fpages.py", "/api/v1/report?target=nope"]
)
async def test_what_there_is_not_is_not_found(path: str) -> None:
    async with site(RECORD) as shown, shown.client.get(f"{shown.url}{path}") as answer:
        assert (answer.status, await answer.text()) == (404, "404: Not Found\n")


async def test_the_report_is_of_all_targets_or_of_one() -> None:
    async with site(RECORD, DOWN) as shown:
        async with shown.client.get(f"{shown.url}/api/v1/report") as answer:
            assert [t["name"] for t in (await answer.json())["targets"]] == ["primary", "standby"]
        async with shown.client.get(f"{shown.url}/api/v1/report?target=standby") as answer:
            assert [t["name"] for t in (await answer.json())["targets"]] == ["standby"]


async def test_a_page_that_has_not_changed_is_not_sent_again() -> None:
    async with site(RECORD) as shown:
        async with shown.client.get(f"{shown.url}/") as answer:
            tag = answer.headers["ETag"]
        headers = {"If-None-Match": tag}
        async with shown.client.get(f"{shown.url}/", headers=headers) as answer:
            assert (answer.status, await answer.read()) == (304, b"")
        shown.records = (DOWN,)
        async with shown.client.get(f"{shown.url}/", headers=headers) as answer:
            assert answer.status == 200
            assert answer.headers["ETag"] != tag


@pytest.mark.parametrize("name", ["a/b", "über", "100%", "a b?c#d", "..", "{name}"])
async def test_every_name_of_a_target_has_a_page(name: str) -> None:
    record = named(RECORD, name)
    async with site(record) as shown:
        async with shown.client.get(f"{shown.url}/") as answer:
            page = await answer.text()
        (path,) = set(re.findall(r'href="(/targets/[^"]*)"', page))
        url = URL(f"{shown.url}{unescape(path)}", encoded=True)
        async with shown.client.get(url) as answer:
            assert answer.status == 200
            assert f"<h1>{escape(name)}</h1>" in await answer.text()


async def test_viewers_hold_up_no_scrape_and_are_refused_when_too_many_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held = threading.Event()

    def slow(*_: object) -> str:
        assert held.wait(20)
        return "shown"

    monkeypatch.setattr(publish_web, "overview_html", slow)
    monkeypatch.setattr(publish_web, "report_json", slow)

    async def status(shown: Site, path: str) -> int:
        async with shown.client.get(f"{shown.url}{path}") as answer:
            await answer.read()
            return answer.status

    async with site(RECORD) as shown:
        paths = ("/", "/api/v1/report") * MOST_WAITING
        viewers = [asyncio.create_task(status(shown, path)) for path in paths]
        try:
            # those beyond the limit are answered while the others wait
            for answered in islice(asyncio.as_completed(viewers), MOST_WAITING):
                assert await answered == 503
            assert await status(shown, "/metrics") == 200
            assert await status(shown, "/-/healthy") == 200
        finally:
            held.set()
        statuses = await asyncio.gather(*viewers)
    assert statuses.count(200) == statuses.count(503) == MOST_WAITING


async def test_a_port_in_use_is_an_error_and_leaves_nothing_behind() -> None:
    async with site(RECORD) as shown:
        port = urlsplit(shown.url).port
        assert port is not None
        app = create_app(lambda: (RECORD,), lambda: STATE, lambda: NOW)
        with pytest.raises(OSError, match="address already in use"):
            async with serving(app, "127.0.0.1", port):
                pass


async def test_a_fault_of_a_page_is_reported_without_its_details(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def faulty() -> Sequence[TargetRecord]:
        raise RuntimeError("secret detail")

    async with (
        serving(create_app(faulty, lambda: STATE, lambda: NOW), "127.0.0.1", 0) as url,
        aiohttp.ClientSession() as client,
        client.get(f"{url}/metrics") as answer,
    ):
        assert (answer.status, await answer.text()) == (500, "500: Internal Server Error\n")
    assert "'/metrics' could not be answered" in caplog.text
