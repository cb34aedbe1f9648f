"""Draws the dashboard from the demo's cluster with Grafana's own libraries, wide and narrow.

The program that draws is not part of this repository: a folder with ``out/index.html`` that takes
the addresses of a Prometheus (``prom``) and of a dashboard (``dash``), draws it, and tells in
``window.__render`` what became of every panel and variable.
"""

import argparse
import functools
import shutil
import subprocess
import sys
import tempfile
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from grafana.source.__main__ import PATH
from lab.account import workspace
from lab.watched import watched

_REPOSITORY = Path(__file__).resolve().parent.parent
_WIDE = _REPOSITORY / "docs" / "images" / "dashboard.png"
_NARROW = _REPOSITORY / ".tools" / "dashboard-narrow.png"
_COPY = _REPOSITORY / ".tools" / "grafana-render"
_WIDTHS = {_WIDE: 1400, _NARROW: 700}
_DRAWN_MILLISECONDS = 60_000
_SETTLE_MILLISECONDS = 1500


def main(arguments: list[str] | None = None) -> int:
    """Draw, and return 1 if a query, a variable or a panel failed or is empty."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("renderer", type=Path, help="the folder of the program that draws")
    parser.add_argument("--seconds", type=int, default=300, help="to watch first (%(default)s)")
    options = parser.parse_args(arguments)
    built = _built(options.renderer)
    with (
        tempfile.TemporaryDirectory() as directory,
        workspace() as servers,
        watched(Path(directory), servers) as found,
        _served(built) as port,
    ):
        threading.Event().wait(options.seconds)
        shutil.copy(PATH, built / "dashboard.json")
        parameters = urllib.parse.urlencode(
            {
                "prom": found.prometheus.url,
                "dash": "dashboard.json",
                "from": f"now-{options.seconds}s",
            }
        )
        address = f"http://127.0.0.1:{port}/index.html?{parameters}"
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            wrong = [_draw(browser, address, to, width) for to, width in _WIDTHS.items()]
            browser.close()
    return int(any(wrong))


def _built(renderer: Path) -> Path:
    """Return the built program; a copy, so that nothing is written where it came from."""
    out = _COPY / "out"
    if not (out / "app.js").exists():
        shutil.rmtree(_COPY, ignore_errors=True)
        shutil.copytree(renderer, _COPY, copy_function=shutil.copyfile)
        for made in (_COPY, *(path for path in _COPY.rglob("*") if path.is_dir())):
            made.chmod(0o755)
        for command in (
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"],
            ["node", "build.mjs"],
        ):
            subprocess.run(command, cwd=_COPY, check=True)
    return out


@contextmanager
def _served(directory: Path) -> Iterator[int]:
    handler = functools.partial(_Quiet, directory=str(directory))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _draw(browser: Browser, address: str, to: Path, width: int) -> list[str]:
    """Write a picture and return what is wrong with it."""
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(address)
    page.wait_for_function("window.__render && window.__render.ready", timeout=_DRAWN_MILLISECONDS)
    height = max(
        page.evaluate("document.documentElement.scrollHeight"),
        page.evaluate("document.body.scrollHeight"),
    )
    page.set_viewport_size({"width": width, "height": height})
    page.wait_for_timeout(_SETTLE_MILLISECONDS)
    to.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=to)
    wrong = _wrong(page.evaluate("window.__render"))
    page.close()
    print(f"{to}: {width}x{height}, {to.stat().st_size} bytes", *wrong, sep="\n  ")
    return wrong


def _wrong(status: dict[str, Any]) -> list[str]:
    panels, variables = status["panels"], status["variables"]
    return [
        *status["errors"],
        *(f"{p['title']}: {p['error']}" for p in panels if p.get("error")),
        *(f"{p['title']} is empty" for p in panels if not p["rows"]),
        *(f"{name}: {v['error']}" for name, v in variables.items() if v.get("error")),
    ]


if __name__ == "__main__":
    sys.exit(main())
