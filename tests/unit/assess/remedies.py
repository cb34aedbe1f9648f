"""Remedies as a program follows them: the kind of each step, its lines, and the files after it.

What the steps say stands here once, so that tests of their order and their lines outlive other
words.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from exporter.model.hba import ConnectionType, HbaRule
from exporter.model.observation import Observation
from exporter.model.remedy import FileEdit, Step
from exporter.model.report import Connection
from exporter.model.wal_sender import SlashName, WalSender
from tests.unit.assess.facts import (
    CERT,
    CERTIFICATE,
    POLL,
    SCRAM,
    SERVER,
    STANDBY,
    TARGET,
    TLS,
    connections,
    report,
    rules,
)

HOSTSSL_SCRAM = replace(SCRAM, connection_type=ConnectionType.HOSTSSL)
HOSTNOSSL_SCRAM = replace(SCRAM, connection_type=ConnectionType.HOSTNOSSL)
CHAIN = replace(HOSTSSL_SCRAM, options=("clientcert=verify-ca",))
MAPPED = replace(CERT, options=("map=m", "clientcert=verify-full"))
NEAR = replace(HOSTSSL_SCRAM, address="samenet", netmask=None)
TLS_OFF = replace(
    POLL, server=replace(SERVER, tls_enabled=False, requests_client_certificate=False)
)
NOT_ASKING = replace(POLL, server=replace(SERVER, requests_client_certificate=False))

_KINDS = {
    "Give the exporter its rights": "install",
    "Or load the rules once": "load once",
    "Correct the lines of pg_hba.conf": "correct rules",
    "Correct the lines of pg_ident.conf": "correct maps",
    "Make sure that no line is in error": "load rules",
    "Make sure that no line of pg_ident.conf": "load maps",
    "Let the server request client certificates": "request",
    "Use the certificate": "use",
    "Issue a client certificate": "issue",
    "Try it beside": "try",
    "Add these to primary_conninfo": "set",
    "Set these in the connection string": "set",
    "Check that the certificate is presented": "see",
    "Check that the common name": "check name",
    "Check that the distinguished name": "check name",
    "Force a reconnect": "reconnect",
    "Wait for this backup": "wait",
    "Accept the client over TLS": "open",
    "Require the certificate": "require",
    "Refuse this role without TLS": "close",
    "Complete the pattern": "complete",
    "Accept one name only": "narrow",
    "Use a libpq": "newer client",
    "Check that no connection uses": "see version",
    "Once no connection uses": "newer server",
}
PRESENT = ["issue", "try", "set", "see"]
REQUIRE = ["require", "load rules", "reconnect"]


def kind(step: Step) -> str:
    """Return what a step is about; one that is not known fails."""
    found = [name for words, name in _KINDS.items() if step.action.startswith(words)]
    assert found, step
    name = found[0]
    return "replace" if name == "issue" and "at the same paths" in step.action else name


def kinds(steps: Iterable[Step]) -> list[str]:
    return [kind(step) for step in steps]


def the(name: str, steps: Iterable[Step]) -> Step:
    """Return the one step of a kind."""
    (found,) = (step for step in steps if kind(step) == name)
    return found


def lines(steps: Iterable[Step]) -> list[str]:
    return [line for step in steps for line in step.lines]


def edits(steps: Iterable[Step]) -> list[FileEdit]:
    return [step.edit for step in steps if step.edit is not None]


def added(steps: Iterable[Step]) -> list[str]:
    """Return the lines that the steps add to files."""
    return [line.removeprefix("+ ") for line in lines(steps) if line.startswith("+ ")]


def edited(edit: FileEdit, files: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return files after an edit, which must address one of the lines that the file has then."""
    text = list(files[edit.file_name])
    at = edit.line_number - 1
    assert 0 <= at < len(text), edit
    text[at : at + edit.replaces] = edit.new
    return {**{name: list(file) for name, file in files.items()}, edit.file_name: text}


def showing(subject: str | None, role: str = "replica", *, cut: bool = False) -> WalSender:
    """Return the standby with a certificate of this subject; None for one that is empty."""
    name = None if subject is None else SlashName(subject, may_be_cut=cut)
    certificate = replace(CERTIFICATE, subject=name)
    return replace(STANDBY, role=role, tls=replace(TLS, client_certificate=certificate))


def connected(
    sender: WalSender,
    *written: HbaRule,
    others: Sequence[WalSender] = (),
    poll: Observation = POLL,
) -> Connection:
    """Return ``sender`` judged, with ``others`` connected to the same server."""
    seen = replace(poll, wal_senders=(sender, *others), hba=rules(*written))
    (found,) = (c for c in connections(report(seen, TARGET.policy)) if c.wal_sender is sender)
    return found


def remedy(
    sender: WalSender,
    *written: HbaRule,
    others: Sequence[WalSender] = (),
    poll: Observation = POLL,
) -> tuple[Step, ...]:
    """Return the steps for ``sender``, with ``others`` connected to the same server."""
    return connected(sender, *written, others=others, poll=poll).remedy
