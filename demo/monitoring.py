"""Prometheus and Alertmanager with the shipped rules, where this machine has them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from lab.monitoring import INSTALLED, SUITES, Suite, Webhook, alertmanager, prometheus
from lab.wait import NotWithinTimeError

_ALERTS = Path(__file__).resolve().parent.parent / "alerts"
_RULES = _ALERTS / "pg-replication-cert-exporter.rules.yml"
_ROUTING = _ALERTS / "alertmanager.example.yml"
_EXAMPLE_RECEIVER = "http://127.0.0.1:9099"

SUITES_IN_ORDER = (INSTALLED, *SUITES)
HOW_TO_HAVE_THEM = (
    "Prometheus and Alertmanager are not here; with them the demo shows its alerts as well\n"
    "(install both, or on Debian and its like: make monitoring-tools)."
)


@contextmanager
def monitoring(
    exporter_port: int, directory: Path, going_on: Callable[[], None]
) -> Iterator[tuple[str, ...]]:
    """Yield where to look at the alerts; what is missing or does not start is told and left out.

    Args:
        exporter_port: what is scraped, on 127.0.0.1.
        directory: for their files.
        going_on: called between two steps; raises to give up.
    """
    suite = next((s for s in SUITES_IN_ORDER if s.is_there()), None)
    if suite is None:
        yield (HOW_TO_HAVE_THEM,)
        return
    with ExitStack() as stack:
        yield tuple(_started(stack, suite, exporter_port, directory, going_on))


def _started(
    stack: ExitStack,
    suite: Suite,
    exporter_port: int,
    directory: Path,
    going_on: Callable[[], None],
) -> Iterator[str]:
    told: list[str] = []
    alertmanager_port = None
    try:
        webhook = stack.enter_context(Webhook())
        routing = _ROUTING.read_text("utf-8").replace(
            _EXAMPLE_RECEIVER, f"http://127.0.0.1:{webhook.port}"
        )
        routed = stack.enter_context(alertmanager(suite, directory / "alertmanager", routing))
        alertmanager_port = routed.port
        told.append(f"  routed    {routed.url}/#/alerts   (Alertmanager; nobody is notified)")
    except (LookupError, OSError, RuntimeError, NotWithinTimeError) as error:
        going_on()
        told.append(f"Alertmanager does not run here: {_first_line(error)}")
    going_on()
    try:
        configuration = _prometheus_yml(exporter_port, alertmanager_port)
        watching = stack.enter_context(prometheus(suite, directory / "prometheus", configuration))
        yield f"  alerts    {watching.url}/alerts   (Prometheus; pending first, firing in minutes)"
    except (LookupError, OSError, RuntimeError, NotWithinTimeError) as error:
        going_on()
        yield f"Prometheus does not run here: {_first_line(error)}"
    going_on()
    yield from told


def _prometheus_yml(exporter_port: int, alertmanager_port: int | None) -> str:
    alertmanagers = "[]" if alertmanager_port is None else f'["127.0.0.1:{alertmanager_port}"]'
    return f"""\
global: {{scrape_interval: 5s, evaluation_interval: 5s}}
rule_files: ["{_RULES}"]
alerting:
  alertmanagers:
    - static_configs: [{{targets: {alertmanagers}}}]
scrape_configs:
  - job_name: pg-replication-cert-exporter
    static_configs:
      - targets: ["127.0.0.1:{exporter_port}"]
"""


def _first_line(error: Exception) -> str:
    return " ".join(str(error).splitlines()[:2])
