"""Values to HTML: every text from outside is made printable and escaped by the template engine."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from exporter.model.record import TargetRecord
from exporter.publish.pages.dates import minute
from exporter.publish.pages.overview import overview
from exporter.publish.pages.query import Query
from exporter.publish.pages.target import target_page
from exporter.publish.reading import WORST_FIRST
from exporter.publish.words.meanings import (
    FAILURES,
    FORECASTS,
    HBA_STATES,
    POSTURES,
    READERS,
    REASONS,
    VERDICTS,
)
from exporter.publish.words.own_command import DEFAULT_COMMAND
from exporter.publish.words.printable import printable
from exporter.publish.words.steps.text import step_text

_PACKAGE: Final = "exporter.publish.pages"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of the page's own."""

    content_type: str
    body: bytes


ASSETS: Final = {
    name: Asset(content_type, files(_PACKAGE).joinpath("assets", name).read_bytes())
    for name, content_type in (
        ("status.css", "text/css"),
        ("status.js", "text/javascript"),
        ("icon.svg", "image/svg+xml"),
    )
}


def _printable(value: object) -> object:
    """Make text printable before it is escaped: nothing in it can reorder the text around it."""
    # markup that the templates themselves made passes as it is
    return printable(value) if type(value) is str else value


_ENVIRONMENT = Environment(
    loader=PackageLoader(_PACKAGE),
    autoescape=True,
    undefined=StrictUndefined,
    finalize=_printable,
    trim_blocks=True,
)
_ENVIRONMENT.globals.update(
    failures=FAILURES,
    forecasts=FORECASTS,
    hba_states=HBA_STATES,
    minute=minute,
    postures=POSTURES,
    readers=READERS,
    reasons=REASONS,
    step_text=step_text,
    verdicts=VERDICTS,
    worst_first=WORST_FIRST,
    written=DEFAULT_COMMAND.line,
)


def overview_html(
    records: Sequence[TargetRecord], query: Query, version: str, now: datetime
) -> str:
    """Return the page of all targets."""
    view = overview(records, query, now)
    return _rendered("overview.html", view, version, now)


def target_html(record: TargetRecord, version: str, now: datetime) -> str:
    """Return the page of one target."""
    return _rendered("target.html", target_page(record, now), version, now)


def entity_tag(html: str) -> str:
    """Return what changes when the page does, apart from the time at which it was rendered."""
    content = html.partition("<main")[2].partition("</main>")[0]
    return '"' + hashlib.sha256(content.encode("utf-8", "replace")).hexdigest()[:32] + '"'


def _rendered(template: str, view: object, version: str, now: datetime) -> str:
    return _ENVIRONMENT.get_template(template).render(
        view=view, version=version, shown_at=minute(now)
    )
