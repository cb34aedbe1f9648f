"""The texts that advise a user, and what makes an advice dangerous for a running standby."""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from exporter.publish.words.advice import ADVICE
from grafana.source.__main__ import PATH as DASHBOARD
from scripts import prometheusrule
from tests.steps import action, lines
from tests.unit.assess.facts import CERT, PLAIN, POLL, SCRAM, WITHOUT_CERTIFICATE, mapping, maps
from tests.unit.assess.remedies import HOSTSSL_SCRAM, MAPPED, TLS_OFF, remedy, showing

REPOSITORY = Path(__file__).resolve().parents[2]
RUNBOOKS = REPOSITORY / "docs" / "runbooks"
STEPS = RUNBOOKS / "require-certificate.md"
PROSE = ("README.md", "grafana/README.md", "config.example.yml")
_NAME_ACCEPTED = r"\bname\b[^.;]*\baccept|\baccept\w*\b[^.;]*\bname\b"
_CODE_MARK = re.compile(r"(?<!`)`(?!`)")
_OWN_LINE = re.compile(r"hostssl +postgres +replication_cert_exporter +\S+ +\S+")


@dataclass(frozen=True, slots=True)
class Danger:
    """A kind of dangerous advice; without further patterns, the advice itself is dangerous.

    Attributes:
        advised: pattern of the advice.
        before: pattern that must occur in the same text, before each occurrence of ``advised``.
        anywhere: pattern that must occur in the same text, before or after.
    """

    advised: str
    before: str = ""
    anywhere: str = ""

    def is_in(self, text: str) -> bool:
        """Return whether ``text`` gives the advice without what makes it safe."""
        return any(
            not self._is_safe(text[: match.start()], text)
            for match in re.finditer(self.advised, text, re.IGNORECASE)
        )

    def _is_safe(self, before: str, text: str) -> bool:
        if self.before:
            return _has(self.before, before)
        return bool(self.anywhere) and _has(self.anywhere, text)


# What makes a step safe is in the steps before it and in its other sentences, so that they are read
# together (_remedies()). That their order is safe, tests/live shows by following them.
DANGERS = {
    # the server would refuse every client that cannot use the new version yet
    "minimum TLS version before the client": Danger(
        r"ssl_min_protocol_version(?!=)", before=r"on the client.*no connection is older"
    ),
    # a rule in force may not accept the name; a forecast of explain covers the name
    "reconnect before the name is checked": Danger(
        r"pg_terminate_backend"
        r"|\b(?:let|make|force) (?:it|them|the (?:client|connection)s?)\W+(?:to )?"
        r"(?:re)?(?:connect|begin anew)"
        r"|(?:,|\band|\bthen) reconnect\b",
        before=rf"{_NAME_ACCEPTED}|same name|forecast",
    ),
    # without cluster_name, every standby is called walreceiver
    "reconnect of every connection with one application name": Danger(
        r"pg_terminate_backend\(pid\)(?!.{0,80}\busename = .{0,80}\bapplication_name = "
        r".{0,80}\bclient_addr = )"
    ),
    "certificate required before every client presents one": Danger(
        r"\bhostssl\b|\bmethod cert\b|\bclientcert=verify-full|\bhost +\S+ +\S+ +\S+ +reject\b"
        r"|\bdemand it in pg_hba\.conf|\bmake the rule\b",
        before=r"\b(?:every|each)(?: other)? client\b",
    ),
    "name of the certificate without the map": Danger(
        r"\b(?:CN|common name)\b(?: \(CN\))?(?: is| =)? (?:the role|ROLE)\b"
        r"|\brole(?:'s name)? as (?:the |its )?(?:CN|common name)",
        anywhere=r"\bmap\b|\bmap=",
    ),
    # pg_monitor includes pg_read_all_settings, which shows primary_conninfo with its password
    "rights that show passwords": Danger(
        r"(?<!not )\bpg_monitor\b|\bGRANT\b[^.;]*\bpg_(?:read_all_settings|read_server_files)\b"
        r"|\bGRANT\b[^.;]*\bpg_execute_server_program\b|\bALTER ROLE\b[^.;]*\bSUPERUSER\b"
    ),
    # without --role, the script makes another role that can log in
    "rights for a role that nobody uses": Danger(r"exporter sql \| psql -d DATABASE"),
    # a reload also loads an edited pg_hba.conf
    "reload without a look at pg_hba.conf": Danger(
        r"pg_reload_conf\(\)", anywhere=r"pg_hba(?:\.conf|_file_rules|_state)"
    ),
    # the password, and application_name with its part in synchronous replication, would be lost
    "connection string replaced as a whole": Danger(
        r"primary_conninfo = '(?!\.\.\.|PRIMARY)|\bCONNECTION '", before=r"\bkeep\b"
    ),
    "certificate authority without the others": Danger(
        r"\bset (?:it|ssl_ca_file)\b[^.]*|\bssl_ca_file = '",
        anywhere=r"\b(?:every|each) (?:certificate )?authority\b",
    ),
    # Patroni undoes it, within seconds
    "hand edit under Patroni": Danger(
        r"```text (?:host|hostssl|local|\w+ =) |\bALTER SYSTEM\b", before=r"\bPatroni\b"
    ),
    "key readable by others": Danger(r"chmod 0?[0-7]?[0-7][4-7][4-7]", before=r"private key"),
}


def _has(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.IGNORECASE) is not None


def dangers(text: str) -> set[str]:
    """Return the kinds of danger in ``text``; the exporter's own line of pg_hba.conf is none."""
    flat = _OWN_LINE.sub("", " ".join(text.split()))
    plain = _CODE_MARK.sub("", flat)
    return {kind for kind, danger in DANGERS.items() if danger.is_in(plain)}


def advice() -> dict[str, str]:
    """Return every shipped text that advises something, by its place."""
    return dict([*_dashboard(), *_alerts(), *_runbooks(), *_prose(), *_pages(), *_remedies()])


def _dashboard() -> Iterator[tuple[str, str]]:
    for reason, text in ADVICE.items():
        yield f"exporter/publish/words/advice.py, {reason.value}", text
    for panel in json.loads(DASHBOARD.read_text("utf-8"))["panels"]:
        yield f"grafana/dashboard.json, {panel['title']}", panel.get("description", "")


def _alerts() -> Iterator[tuple[str, str]]:
    for group in prometheusrule.rule_groups():
        for rule in group["rules"]:
            if "alert" in rule:
                name = f"{rule['alert']} ({rule['labels']['severity']})"
                yield f"alerts, {name}", rule["annotations"]["description"]


def _runbooks() -> Iterator[tuple[str, str]]:
    for path in sorted(RUNBOOKS.glob("*.md")):
        text = path.read_text("utf-8")
        if path != STEPS:
            _, _, text = text.partition("\n## How to fix it\n")
            text, _, _ = text.partition("\n## ")
        yield f"docs/runbooks/{path.name}", text


def _prose() -> Iterator[tuple[str, str]]:
    """Yield each row of a table, and each section without its tables."""
    paths = [REPOSITORY / name for name in PROSE]
    for path in [*paths, *sorted((REPOSITORY / "docs").glob("*.md"))]:
        for number, section in enumerate(re.split(r"(?m)^#+ ", path.read_text("utf-8"))):
            place = f"{path.relative_to(REPOSITORY)}, section {number}"
            lines = section.splitlines()
            rows = [line for line in lines if line.startswith("|")]
            yield place, "\n".join(line for line in lines if line not in rows)
            yield from ((f"{place}, row {row}", line) for row, line in enumerate(rows))


def _pages() -> Iterator[tuple[str, str]]:
    """Yield the literals of what is printed: pages, the terminal, help of metrics."""
    for path in sorted((REPOSITORY / "exporter" / "publish").rglob("*.py")):
        if path.name == "advice.py" or path.parent.name == "steps":
            # sentences of advice, and whole remedies, are looked at above
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                place = f"{path.relative_to(REPOSITORY)}:{node.lineno}:{node.col_offset}"
                yield place, node.value


def _remedies() -> Iterator[tuple[str, str]]:
    """Yield whole remedies as they are printed."""
    for name, steps in {
        "without TLS": remedy(PLAIN, SCRAM, poll=TLS_OFF),
        "without a certificate": remedy(WITHOUT_CERTIFICATE, HOSTSSL_SCRAM, SCRAM),
        "certificate of another name": remedy(showing("/O=Lab/CN=alice"), HOSTSSL_SCRAM),
        "map of any name": remedy(
            showing("/O=Lab/CN=alice"),
            MAPPED,
            poll=replace(POLL, ident=maps(mapping("/.*", "replica"))),
        ),
        "closed rule": remedy(PLAIN, CERT, SCRAM),
    }.items():
        texts = (line for step in steps for line in (action(step), *lines(step)))
        yield f"remedy, {name}", "\n".join(texts)
