"""Reports the certificates of one target: their sources, and the results of verifying them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from exporter.assess.certificates.acceptance import server_certificate_pending
from exporter.assess.certificates.connection import CertificatesKnown
from exporter.assess.certificates.server_findings import server_findings
from exporter.model.certificate import (
    Certificate,
    CertificateFile,
    CertificateSource,
    CertificateUsage,
)
from exporter.model.certificates_report import Matched, NextCertificate
from exporter.model.failure import FailureReason, Read, Unread
from exporter.model.inventory import InventoryCertificate
from exporter.model.knowledge import Knowledge
from exporter.model.observation import Observation
from exporter.model.report import Connection
from exporter.model.served import ServedChain
from exporter.model.target_certificates import (
    CertificatePlace,
    ListedRevocations,
    TargetCertificates,
    VerifiedCertificate,
)
from exporter.model.tls_files import Receiver, TlsFiles
from exporter.model.verification import NOT_CHECKED, Purpose, Verification

VERIFIED_AT_MOST = 200
"""Certificates of one target's roles that are verified at each poll, the newest."""

_NOT_READ = Unread(FailureReason.INTERNAL, "the poll failed")


def target_certificates(
    observation: Observation | None,
    knowledge: Knowledge,
    certificates: CertificatesKnown | None,
    connections: Sequence[Connection],
    *,
    now: datetime,
) -> TargetCertificates:
    """Return the certificates of a target.

    Args:
        observation: None when the poll failed.
        knowledge: what is known from other sources than the poll.
        certificates: the same for its connections; None when the poll failed.
        connections: as judged.
        now: the time to judge at.
    """
    tls_files: Read[TlsFiles] = _NOT_READ
    receiver: Read[Receiver | None] = None
    if observation is not None:
        tls_files, receiver = observation.tls_files, observation.receiver
    served = knowledge.served
    if isinstance(served, Unread):
        served = None
    checked = None if served is None else _check(served, knowledge, now)
    asks = observation is not None and observation.server.requests_client_certificate
    clients: tuple[Client, ...] = ()
    if asks and certificates is not None:
        clients = tuple(_clients(certificates, connections))
    return TargetCertificates(
        places=_places(tls_files, receiver, served),
        verified=(*_served_leaf(served, checked), *(c.verified for c in clients)),
        revocation_lists=_lists(tls_files),
        server_certificate_pending=server_certificate_pending(tls_files, served),
        served_at=None if served is None else served.read_at,
        findings=server_findings(
            tls_files,
            served,
            checked,
            tuple(c.verified for c in clients if c.idle),
            now=now,
        ),
    )


def _check(served: ServedChain, knowledge: Knowledge, now: datetime) -> Verification | None:
    """Return what a client with sslmode=verify-full would say; None where it is not known."""
    if served.trust is None or isinstance(served.trust, Unread) or not served.certificates:
        return None
    return knowledge.verify(
        served.certificates, served.trust, Purpose.SERVER, at=now, host=served.host
    )


def _served_leaf(
    served: ServedChain | None, checked: Verification | None
) -> Iterable[VerifiedCertificate]:
    if served is None or not served.certificates:
        return
    result = NOT_CHECKED if checked is None else checked.result
    yield VerifiedCertificate(served.certificates[0], CertificateUsage.SERVER, result)


def _places(
    tls_files: Read[TlsFiles], receiver: Read[Receiver | None], served: ServedChain | None
) -> tuple[CertificatePlace, ...]:
    found: dict[tuple[str, CertificateUsage, CertificateSource], CertificatePlace] = {}

    def add(
        certificates: Sequence[Certificate],
        usage: CertificateUsage,
        source: CertificateSource,
        *paths: str,
    ) -> None:
        for certificate in certificates:
            key = (certificate.fingerprint, usage, source)
            before = found[key].paths if key in found else ()
            merged = tuple(dict.fromkeys((*before, *paths)))
            found[key] = CertificatePlace(certificate, usage, source, merged)

    def add_chain(file: Read[CertificateFile], usage: CertificateUsage) -> None:
        if isinstance(file, Unread):
            return
        source = (
            CertificateSource.STANDBY_FILE
            if usage is CertificateUsage.CLIENT
            else CertificateSource.SERVER_FILE
        )
        add(file.certificates[:1], usage, source, file.path)
        add(file.certificates[1:], CertificateUsage.AUTHORITY, source, file.path)

    if served is not None:
        add(served.certificates[:1], CertificateUsage.SERVER, CertificateSource.SERVED)
        add(served.certificates[1:], CertificateUsage.AUTHORITY, CertificateSource.SERVED)
    if not isinstance(tls_files, Unread):
        add_chain(tls_files.certificate, CertificateUsage.SERVER)
        authority = tls_files.authority
        if not isinstance(authority, Unread):
            add(
                authority.certificates,
                CertificateUsage.AUTHORITY,
                CertificateSource.SERVER_FILE,
                authority.path,
            )
    if isinstance(receiver, Receiver):
        add_chain(receiver.certificate, CertificateUsage.CLIENT)
    return tuple(found.values())


def _lists(tls_files: Read[TlsFiles]) -> tuple[ListedRevocations, ...]:
    if isinstance(tls_files, Unread) or isinstance(tls_files.revocation, Unread):
        return ()
    return tuple(
        ListedRevocations(found, CertificateSource.SERVER_FILE)
        for found in dict.fromkeys(tls_files.revocation.revocation_lists)
    )


@dataclass(frozen=True, slots=True)
class Client:
    """A certificate of a replication role.

    Attributes:
        idle: no connection uses it, or will at its next connect.
    """

    verified: VerifiedCertificate
    idle: bool


def _clients(
    certificates: CertificatesKnown, connections: Sequence[Connection]
) -> Iterable[Client]:
    """Yield the results of verifying the certificates of the server's clients.

    First those that they will send next, then the others that the inventory has for their roles,
    the newest first.
    """
    upcoming = [
        c.next_certificate for c in connections if isinstance(c.next_certificate, NextCertificate)
    ]
    used = {u.certificate for u in upcoming} | {
        c.in_use.certificate for c in connections if isinstance(c.in_use, Matched)
    }
    chains = dict.fromkeys((u.certificate, *u.chain) for u in upcoming)
    chains.update(
        dict.fromkeys((k.certificate, *k.chain) for k in _of_roles(certificates, connections))
    )
    verified: set[Certificate] = set()
    for chain in islice(chains, VERIFIED_AT_MOST):
        found = certificates.accept(chain)
        if found is None or chain[0] in verified:
            continue
        verified.add(chain[0])
        yield Client(
            VerifiedCertificate(chain[0], CertificateUsage.CLIENT, found.result),
            idle=chain[0] not in used,
        )


def _of_roles(
    certificates: CertificatesKnown, connections: Sequence[Connection]
) -> Sequence[InventoryCertificate]:
    """Return the newest of each subject that the inventory has for the roles that replicate."""
    inventory = certificates.inventory
    roles = {c.wal_sender.role for c in connections}
    names = {c.wal_sender.application_name for c in connections}
    pools = [
        *(pool for role, pool in inventory.of_role.items() if role in roles),
        *(
            pool
            for (name, role), pool in inventory.of_standby.items()
            if name in names and (role in roles or not role)
        ),
        *certificates.named.values(),
    ]
    found = {k.certificate.fingerprint: k for pool in pools for k in pool.newest}
    return sorted(
        found.values(),
        key=lambda k: (k.certificate.not_before, k.certificate.fingerprint),
        reverse=True,
    )
