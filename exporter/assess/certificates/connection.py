"""Judges the certificates of one connection: in use, sent next, the outcome, and until when."""

from collections import Counter
from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain

from exporter.assess.certificates.acceptance import Accept, accepting, files_in_force
from exporter.assess.certificates.forecast import (
    Reconnect,
    breaks,
    demands_name,
    forecast,
    next_certificate,
    pending,
)
from exporter.assess.certificates.inventory_index import InventoryIndex, Pool, inventory_index, pool
from exporter.assess.certificates.match import Shown, match, shown_by, shown_of
from exporter.assess.certificates.name import Namings
from exporter.assess.certificates.next_certificate import Sends, SendsOneOf, sends
from exporter.assess.certificates.owned import Owner, named
from exporter.assess.certificates.passed_dates import Passed, other_boundaries, passed
from exporter.assess.certificates.standbys import Standbys, standbys_of
from exporter.assess.posture import shown_certificate
from exporter.assess.rules.case import Case
from exporter.assess.rules.outcome import Outcomes, outcomes
from exporter.model.certificate import Certificate
from exporter.model.certificates_report import (
    Ambiguous,
    InUse,
    Matched,
    NameFit,
    NextCertificate,
    NextUnknown,
    Unmatched,
)
from exporter.model.failure import Unread
from exporter.model.hba import HbaRule
from exporter.model.judgement import FilesInForce, Forecast, ForecastCause, Reason
from exporter.model.knowledge import Knowledge
from exporter.model.observation import Observation
from exporter.model.target import Target
from exporter.model.wal_sender import PeerCertificate, TcpPeer, WalSender

# steps of work (exporter/assess/work.py)
STEPS_OF_A_STANDBY = 20
STEPS_OF_A_CHAIN = 200

_NamedKey = tuple[str, tuple[tuple[HbaRule, frozenset[bool | None]], ...]]
"""Role, and rules with whether each has ``clientname=``."""
_Client = tuple[str, object]
"""Application name and address."""


@dataclass(frozen=True, slots=True)
class Users:
    """The clients that log in by one role and show one subject.

    Attributes:
        certificates: fingerprints of the certificates that each of them uses.
        number: of the clients that use a certificate, by its fingerprint.
    """

    certificates: Mapping[_Client, frozenset[str]]
    number: Counter[str]

    def taken(self, client: _Client, own: Collection[str]) -> Container[str] | None:
        """Return what clients other than ``client`` use, without ``own``; None if there is none."""
        if len(self.certificates) == 1:
            return None
        alone = (f for f in self.certificates[client] if self.number[f] == 1)
        return _Without(self.number, frozenset((*own, *alone)))


@dataclass(frozen=True, slots=True)
class _Without(Container[str]):
    """A collection without a few of its members; to copy it for each client takes too long."""

    members: Container[str]
    left_out: frozenset[str]

    def __contains__(self, member: object) -> bool:
        return member in self.members and member not in self.left_out


@dataclass(frozen=True, slots=True)
class CertificatesKnown:
    """The certificates known at one poll of one target.

    Equal values, with equal readings of the server, lead to the same judgements.

    Attributes:
        has_inventory: one is configured and was read.
        others: certificates known otherwise than from the inventory, by what a session shows.
        standbys: that may receive from the target.
        accept: how the server would receive a chain.
        files: whether the authorities and lists on its disk are in force.
        users: the clients by role and subject shown.
        passed: the validity boundaries of known certificates and lists before and after now.
        named: memory for what was looked up once, by role and rules.
        named_for: under which of these keys the owner of each judged walsender is, by its process.
    """

    inventory: InventoryIndex
    has_inventory: bool
    others: Mapping[Shown, Sequence[Certificate]]
    standbys: Standbys
    accept: Accept = field(compare=False)
    files: FilesInForce
    users: Mapping[tuple[str, str], Users]
    passed: Passed
    named: dict[_NamedKey, Pool] = field(default_factory=dict, compare=False)
    named_for: dict[int, _NamedKey] = field(default_factory=dict, compare=False)

    def in_use(self, peer: PeerCertificate) -> InUse:
        """Return which known certificate a session uses."""
        shown = shown_by(peer)
        of_inventory = (known.certificate for known in self.inventory.shown.get(shown, ()))
        return match((*of_inventory, *self.others.get(shown, ())))

    def take_over(self, wal_sender: WalSender, earlier: "CertificatesKnown") -> None:
        """Take over what was looked up for a walsender that is not judged again.

        Args:
            wal_sender: which was judged by ``earlier``.
            earlier: equal to this.
        """
        key = self.named_for[wal_sender.pid] = earlier.named_for[wal_sender.pid]
        self.named[key] = earlier.named[key]


@dataclass(frozen=True, slots=True)
class ConnectionCertificates:
    """The judgement of a connection's certificates; fields of ``Connection``."""

    in_use: InUse | None
    upcoming: NextCertificate | NextUnknown
    pending: bool | None
    forecast: Forecast
    cause: ForecastCause
    breaks_at: datetime | None
    breaks_cause: ForecastCause
    reasons: tuple[Reason, ...]


def certificates_known(
    observation: Observation, target: Target, knowledge: Knowledge, *, now: datetime
) -> CertificatesKnown:
    """Return what is known at this poll of ``target``."""
    certificates = () if knowledge.inventory is None else knowledge.inventory.certificates
    inventory = inventory_index(certificates)
    others: dict[Shown, tuple[Certificate, ...]] = {}
    for certificate in _known_otherwise(observation, knowledge):
        shown = shown_of(certificate)
        others[shown] = (*others.get(shown, ()), certificate)
    wal_senders = () if isinstance(observation.wal_senders, Unread) else observation.wal_senders
    known = CertificatesKnown(
        inventory=inventory,
        has_inventory=knowledge.inventory is not None,
        others=others,
        standbys=standbys_of(target, observation.server, knowledge.standbys, wal_senders),
        accept=accepting(observation.tls_files, knowledge.verify, at=now),
        files=files_in_force(observation, knowledge.served),
        users={},
        passed=passed(inventory.boundaries, other_boundaries(observation, knowledge), now),
    )
    return replace(known, users=_users(wal_senders, known))


def _known_otherwise(observation: Observation, knowledge: Knowledge) -> Sequence[Certificate]:
    """Return the leaves from other sources than the inventory: of standbys and of the server."""
    found: list[Certificate] = list(knowledge.seen)
    for standby in knowledge.standbys:
        if not isinstance(standby.receiver.certificate, Unread):
            found += standby.receiver.certificate.certificates[:1]
    tls_files = observation.tls_files
    if not isinstance(tls_files, Unread) and not isinstance(tls_files.certificate, Unread):
        # one certificate may serve as the server's and as its standbys' own
        found += tls_files.certificate.certificates[:1]
    if knowledge.served is not None and not isinstance(knowledge.served, Unread):
        found += knowledge.served.certificates[:1]
    return found


def _users(
    wal_senders: Sequence[WalSender], known: CertificatesKnown
) -> Mapping[tuple[str, str], Users]:
    found: dict[tuple[str, str], dict[_Client, set[str]]] = {}
    for sender in wal_senders:
        shown = shown_certificate(sender)
        if shown is None or shown.subject is None:
            continue
        clients = found.setdefault((sender.role, shown.subject.text), {})
        clients.setdefault(_client(sender), set()).update(_used(known.in_use(shown)))
    return {
        key: Users(
            {client: frozenset(used) for client, used in clients.items()},
            Counter(chain.from_iterable(clients.values())),
        )
        for key, clients in found.items()
    }


def _client(sender: WalSender) -> _Client:
    peer = sender.peer
    return sender.application_name, peer.address if isinstance(peer, TcpPeer) else peer


def judge_certificates(
    case: Case, certificates: CertificatesKnown, *, now: datetime
) -> ConnectionCertificates:
    """Return the report on a connection's certificates.

    Args:
        case: the connection.
        certificates: what is known.
        now: the time to judge at.
    """
    clientname = case.found.clientname
    namings = Namings(case.client.role, case.in_force.maps, case.surroundings, clientname)

    def without_tls() -> Outcomes:
        client = replace(case.client, tls=False)
        return outcomes(client, case.in_force, case.surroundings)

    rules = tuple(rule for rule in case.found.rules if demands_name(rule))
    key = (case.client.role, tuple((rule, clientname(rule)) for rule in rules))
    certificates.named_for[case.wal_sender.pid] = key
    if key not in certificates.named:
        around = replace(case.surroundings, work=case.surroundings.work.shared)
        counted = replace(namings, surroundings=around)
        certificates.named[key] = pool(
            named(
                certificates.inventory,
                case.client.role,
                rules,
                case.in_force.maps,
                lambda rule, certificate: counted.fit(rule, certificate) is NameFit.ADMITTED,
            )
        )
    owner = _owner(case.wal_sender, certificates, certificates.named[key])
    reconnect = Reconnect(
        wal_sender=case.wal_sender,
        demanded=case.demanded,
        found=case.found,
        without_tls=without_tls,
        fit=namings.fit,
        server=case.server,
        accept=certificates.accept,
        files=certificates.files,
        now=now,
    )
    inventory = certificates.inventory if certificates.has_inventory else None
    sent = sends(owner, certificates.standbys, inventory)
    case.surroundings.work.add(_steps(owner, sent, certificates))
    upcoming = next_certificate(reconnect, sent)
    expected, cause = forecast(reconnect, sent, owner.in_use)
    breaks_at, breaks_cause = breaks(reconnect, expected, upcoming, sent)
    return ConnectionCertificates(
        in_use=owner.in_use,
        upcoming=upcoming,
        pending=pending(case.wal_sender, owner.in_use, upcoming),
        forecast=expected,
        cause=cause,
        breaks_at=breaks_at,
        breaks_cause=breaks_cause,
        reasons=_reasons(owner.in_use, certificates, now),
    )


def _steps(owner: Owner, sent: Sends, certificates: CertificatesKnown) -> int:
    """Return the work to determine what a client sends, and whether the server accepts it."""
    sender = owner.wal_sender
    standbys = certificates.standbys.by_name.get((sender.role, sender.application_name), ())
    candidates = sent.candidates if isinstance(sent, SendsOneOf) else ()
    return STEPS_OF_A_STANDBY * len(standbys) + STEPS_OF_A_CHAIN * len(candidates)


def _owner(sender: WalSender, certificates: CertificatesKnown, accepted: Pool) -> Owner:
    shown = shown_certificate(sender)
    if shown is None:
        return Owner(sender, shown=None, in_use=None, named=accepted)
    uses = certificates.in_use(shown)
    taken = None
    if shown.subject is not None:
        users = certificates.users[sender.role, shown.subject.text]
        taken = users.taken(_client(sender), _used(uses))
    return Owner(sender, shown=shown, in_use=uses, named=accepted, taken=taken)


def _used(uses: InUse) -> tuple[str, ...]:
    return (uses.certificate.fingerprint,) if isinstance(uses, Matched) else ()


def _reasons(
    uses: InUse | None, certificates: CertificatesKnown, now: datetime
) -> tuple[Reason, ...]:
    """Return what there is to say of the certificate in use; none of it lowers the posture."""
    match uses:
        case Matched(certificate) if certificate.not_after < now:
            return (Reason.CERTIFICATE_EXPIRED_IN_USE,)
        case Ambiguous():
            return (Reason.CERTIFICATE_AMBIGUOUS,)
        case Unmatched() if certificates.has_inventory:
            return (Reason.CERTIFICATE_UNKNOWN,)
        case _:
            return ()
