"""The pages in a real browser: no error, kept up to date, usable by keyboard, accessible to all."""

import os
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, async_playwright, expect

from exporter.model.record import TargetRecord
from exporter.publish.http.web import create_app, serving
from tests.unit.publish.metrics.scrape import STATE
from tests.unit.publish.pages.test_pages import HOSTILE, hostile
from tests.unit.reports import (
    BLIND,
    DOWN,
    NOT_POLLED,
    NOW,
    PLAINTEXT,
    RECORD,
    REPLICA,
    named,
    with_connections,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

FLEET = (
    RECORD,
    DOWN,
    BLIND,
    named(with_connections([REPLICA]), "db2"),
    replace(NOT_POLLED, target=replace(NOT_POLLED.target, name="new")),
)
LATER = NOW + timedelta(hours=1)
PERIOD_MS = 5_000
"""As in status.js."""
PATHS = ("/", "/targets/primary", "/targets/standby", "/targets/managed")

# no sandbox for root; the rest keeps the browser from calling home
FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    *(["--no-sandbox"] if os.geteuid() == 0 else []),
]


@dataclass
class Site:
    """The exporter's web server, and a browser.

    Attributes:
        faults: what the browser complained about.
        elsewhere: addresses beyond the server that a page asked for.
    """

    url: str
    records: Sequence[TargetRecord]
    browser: Browser
    faults: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def page(
        self, path: str = "/", *, scheme: str = "light", width: int = 1280
    ) -> AsyncIterator[Page]:
        context = await self.browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
        )
        page = await context.new_page()
        page.on("console", lambda m: self.faults.append(m.text))
        page.on("pageerror", lambda e: self.faults.append(str(e)))
        page.on("dialog", lambda d: self.faults.append(f"dialog: {d.message}"))
        page.on(
            "request",
            lambda r: None if r.url.startswith(self.url) else self.elsewhere.append(r.url),
        )
        await page.clock.install(time=NOW)
        await page.goto(self.url + path)
        try:
            yield page
        finally:
            await context.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    assert chromium is not None, "chromium is missing: apt-get install chromium"
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield started
        await started.close()


@pytest_asyncio.fixture(loop_scope="module")
async def site(browser: Browser) -> AsyncIterator[Site]:
    shown = Site("", FLEET, browser)
    app = create_app(lambda: shown.records, lambda: STATE, lambda: NOW)
    async with serving(app, "127.0.0.1", 0) as shown.url:
        yield shown
    assert shown.faults == []
    assert shown.elsewhere == []


async def wait_for_update(page: Page) -> None:
    async with page.expect_response(lambda r: "assets" not in r.url):
        await page.clock.run_for(PERIOD_MS)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
async def test_no_page_has_a_barrier(site: Site, scheme: str, width: int) -> None:
    for path in PATHS:
        async with site.page(path, scheme=scheme, width=width) as page:
            results = await Axe().run(page)
            assert results.violations_count == 0, results.generate_report()


@pytest.mark.parametrize("path", PATHS)
async def test_a_phone_scrolls_no_page_sideways(site: Site, path: str) -> None:
    async with site.page(path, width=390) as page:
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390


async def test_the_page_follows_what_is_known_without_being_loaded_again(site: Site) -> None:
    async with site.page("/targets/primary") as page:
        await page.evaluate("window.mark = 'still here'")
        await expect(page.locator("details")).to_have_count(3)
        site.records = (with_connections([PLAINTEXT]),)
        await wait_for_update(page)
        await expect(page.locator("details")).to_have_count(1)
        await expect(page.locator("#freshness")).to_contain_text("Up to date at")
        assert await page.evaluate("window.mark") == "still here"


async def test_what_the_reader_opened_closed_or_focused_stays_so(site: Site) -> None:
    async with site.page("/targets/primary") as page:
        first, last = page.locator("details").first, page.locator("details").last
        await first.locator("summary").click()
        await last.locator("summary").click()
        await last.locator("summary").focus()
        assert RECORD.report is not None
        site.records = (replace(RECORD, report=replace(RECORD.report, polled_at=LATER)),)
        await wait_for_update(page)
        await expect(page.locator("main")).to_contain_text("polled 2026-11-20 13:00 UTC")
        await expect(first).not_to_have_attribute("open", "")
        await expect(last).to_have_attribute("open", "")
        await expect(last.locator("summary")).to_be_focused()


async def test_updates_can_be_paused(site: Site) -> None:
    async with site.page() as page:
        await page.get_by_role("button", name="Pause updates").click()
        site.records = (DOWN,)
        await page.clock.run_for(3 * PERIOD_MS)
        await expect(page.get_by_role("link", name="db2")).to_be_visible()
        await page.get_by_role("button", name="Go on updating").click()
        await expect(page.get_by_role("link", name="db2")).to_have_count(0)


async def test_a_page_that_is_out_of_date_says_so(site: Site) -> None:
    async with site.page() as page:
        await page.route("**/*", lambda route: route.abort())
        await page.clock.run_for(PERIOD_MS)
        await expect(page.locator("#freshness")).to_have_text(
            "Not up to date: the exporter does not answer."
        )
        await page.unroute("**/*")
        await wait_for_update(page)
        await expect(page.locator("#freshness")).to_contain_text("Up to date at")
    # the browser reports the requests that the test cut off
    site.faults[:] = [f for f in site.faults if "net::ERR_FAILED" not in f]


async def test_the_search_narrows_as_it_is_typed_and_stands_in_the_address(site: Site) -> None:
    async with site.page() as page:
        await page.get_by_label("Search").press_sequentially("db2")
        await page.clock.run_for(PERIOD_MS)
        await expect(page.get_by_role("link", name="standby", exact=True)).to_have_count(0)
        await expect(page.get_by_role("link", name="db2")).to_be_visible()
        assert page.url.endswith("/?q=db2")
        await page.get_by_label("Show").select_option("insecure")
        await page.clock.run_for(PERIOD_MS)
        await expect(page.locator("main")).to_contain_text("Nothing matches.")
        await page.goto(page.url)
        await expect(page.get_by_label("Search")).to_have_value("db2")


async def test_the_search_works_without_a_script(site: Site) -> None:
    context = await site.browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(site.url)
    await page.get_by_label("Search").fill("db2")
    await page.get_by_role("button", name="Apply").click()
    await expect(page.get_by_role("link", name="standby", exact=True)).to_have_count(0)
    await page.get_by_role("link", name="db2").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("db2")
    await context.close()


async def test_everything_can_be_reached_by_keyboard(site: Site) -> None:
    async with site.page("/targets/primary") as page:
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
        await page.keyboard.press("Enter")
        await page.keyboard.press("Tab")
        first = page.locator("details").first
        await expect(first.locator("summary")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(first).not_to_have_attribute("open", "")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_hostile_names_do_nothing(site: Site, scheme: str) -> None:
    site.records = (hostile(HOSTILE),)
    async with site.page(scheme=scheme) as page:
        await page.get_by_role("link", name="<script>alert(1)").first.click()
        await expect(page.locator("h1")).to_contain_text("<script>alert(1)</script>")
        await wait_for_update(page)
        assert await page.evaluate("document.querySelectorAll('script, img').length") == 1
