"""Remedies as a program follows them: the kind of each step, its lines, and the files after it.

The kinds of steps have short names here, so that tests of their order can be read.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from exporter.model import client_steps, server_steps
from exporter.model.hba import ConnectionType, HbaRule
from exporter.model.observation import Observation
from exporter.model.remedy import FileEdit, Step
from exporter.model.report import Connection
from exporter.model.wal_sender import SlashName, WalSender
from tests.steps import exact_edit
from tests.steps import lines as printed
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

Kind = TypeVar("Kind")

HOSTSSL_SCRAM = replace(SCRAM, connection_type=ConnectionType.HOSTSSL)
HOSTNOSSL_SCRAM = replace(SCRAM, connection_type=ConnectionType.HOSTNOSSL)
CHAIN = replace(HOSTSSL_SCRAM, options=("clientcert=verify-ca",))
MAPPED = replace(CERT, options=("map=m", "clientcert=verify-full"))
NEAR = replace(HOSTSSL_SCRAM, address="samenet", netmask=None)
TLS_OFF = replace(
    POLL, server=replace(SERVER, tls_enabled=False, requests_client_certificate=False)
)
NOT_ASKING = replace(POLL, server=replace(SERVER, requests_client_certificate=False))

_KINDS: dict[type, str] = {
    server_steps.InstallFunctions: "install",
    server_steps.LoadOnce: "load once",
    server_steps.CorrectRules: "correct rules",
    server_steps.CorrectMaps: "correct maps",
    server_steps.LoadRules: "load rules",
    server_steps.LoadMaps: "load maps",
    server_steps.RequestCertificates: "request",
    client_steps.UseCertificate: "use",
    client_steps.IssueCertificate: "issue",
    client_steps.ReplaceCertificate: "replace",
    client_steps.TryConnection: "try",
    client_steps.ConfigureStandby: "set",
    client_steps.ConfigureSubscription: "set",
    client_steps.ConfigureBackup: "set",
    client_steps.SeeCertificate: "see",
    client_steps.CheckName: "check name",
    client_steps.Reconnect: "reconnect",
    client_steps.WaitForBackup: "wait",
    server_steps.AcceptClient: "open",
    server_steps.RequireCertificate: "require",
    server_steps.CloseRule: "close",
    server_steps.CompletePattern: "complete",
    server_steps.NarrowMap: "narrow",
    client_steps.UseNewerTls: "newer client",
    server_steps.CheckTlsVersions: "see version",
    server_steps.RequireTlsVersion: "newer server",
}
PRESENT = ["issue", "try", "set", "see"]
REQUIRE = ["require", "load rules", "reconnect"]


@dataclass(frozen=True)
class Change:
    """An edit that a program can apply, without what a person sees of it."""

    file_name: str
    line_number: int | None
    replaces: bool
    new: tuple[str, ...]


def kind(step: Step) -> str:
    """Return what a step is about; one that is not known fails."""
    return _KINDS[type(step.kind)]


def kinds(steps: Iterable[Step]) -> list[str]:
    return [kind(step) for step in steps]


def the(name: str, steps: Iterable[Step]) -> Step:
    """Return the one step of a kind."""
    (found,) = (step for step in steps if kind(step) == name)
    return found


def fact(of: type[Kind], steps: Iterable[Step]) -> Kind:
    """Return what the one step of a kind says."""
    (found,) = (step.kind for step in steps if isinstance(step.kind, of))
    return found


def file_edit(step: Step) -> FileEdit:
    """Return the edit of a step that changes a file, exact or not."""
    assert isinstance(step.edit, FileEdit)
    return step.edit


def lines(steps: Iterable[Step]) -> list[str]:
    return [line for step in steps for line in printed(step)]


def edits(steps: Iterable[Step]) -> list[Change]:
    """Return the edits that a program can apply."""
    exact = (exact_edit(step) for step in steps)
    return [
        Change(edit.file_name, edit.line_number, edit.old is not None, edit.new)
        for edit in exact
        if edit is not None
    ]


def added(steps: Iterable[Step]) -> list[str]:
    """Return the lines that the steps add to files."""
    return [line.removeprefix("+ ") for line in lines(steps) if line.startswith("+ ")]


def edited(edit: Change, files: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return files after an edit, which must address one of the lines that the file has then."""
    text = list(files[edit.file_name])
    assert edit.line_number is not None
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
