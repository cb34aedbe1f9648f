"""One walsender, judged."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from exporter.assess.advice.certificate_remedy import usable_certificate, with_certificates
from exporter.assess.advice.length import length
from exporter.assess.advice.remedy import remedy
from exporter.assess.certificates.connection import CertificatesKnown, judge_certificates
from exporter.assess.certificates.findings import certificate_findings
from exporter.assess.posture import demanded_of, posture, shown_certificate, shown_subject
from exporter.assess.reasons import reasons
from exporter.assess.rules.case import Case
from exporter.assess.rules.demand import map_name
from exporter.assess.rules.findings import rule_findings
from exporter.assess.rules.identity import certificate_name, distinguished_name, issuer_name, proves
from exporter.assess.rules.outcome import InForce, Outcomes, outcomes
from exporter.assess.rules.peers import MOST_PEERS, Peers, client_of, other_peers, peer_of, together
from exporter.assess.rules.surroundings import Surroundings
from exporter.assess.verdict import verdict
from exporter.assess.work import Work, size_of
from exporter.model.doubt import ConnectionHidden, RulesNotKnown
from exporter.model.failure import Unread
from exporter.model.hba import HbaRule
from exporter.model.judgement import Demand, HbaState
from exporter.model.observation import Observation
from exporter.model.policy import Policy
from exporter.model.report import Connection
from exporter.model.wal_sender import OtherPeer, TcpPeer, WalSender

# steps of work (exporter/assess/work.py)
STEPS_OF_A_CONNECTION = 1200
CHARACTERS_OF_A_STEP = 16


@dataclass(frozen=True, slots=True)
class RulesInForce:
    """What is known of the rules that are in force at this poll.

    Attributes:
        state, ident_state: of pg_hba.conf and pg_ident.conf.
        hba_since, ident_since: the earliest load known to have brought them; None if unknown.
            ``hba_since`` says nothing where ``in_force.rules`` is empty.
        regular_expressions: the server's answers, by token and name.
    """

    state: HbaState
    ident_state: HbaState
    in_force: InForce
    hba_since: datetime | None
    ident_since: datetime | None
    regular_expressions: Mapping[tuple[str, str], bool]


def judge(  # noqa: PLR0913  each of another subject
    wal_sender: WalSender,
    observation: Observation,
    known: RulesInForce,
    certificates: CertificatesKnown,
    policy: Policy,
    *,
    peers: Peers,
    now: datetime,
    work: Work,
) -> Connection:
    """Return ``wal_sender`` judged under the rules in force and the user's policy.

    Raises:
        TooMuchWorkError: the judgement of the target has reached its limit.
    """
    client = client_of(wal_sender)
    surroundings = Surroundings(
        server_version_number=observation.server.version_number,
        member_of=_member_of(observation, wal_sender.role),
        regular_expressions=known.regular_expressions,
        work=work,
    )
    if wal_sender.peer is OtherPeer.HIDDEN:
        found = outcomes(client, InForce((), ()), surroundings, unknown=ConnectionHidden())
    else:
        found = outcomes(client, known.in_force, surroundings, unknown=RulesNotKnown(known.state))
    demanded = demanded_of(wal_sender, found, observation.server)
    since = _in_force_since(found, known)
    predates = None if since is None else wal_sender.backend_start <= since
    name_unproven = predates is not False and not _name_proven(wal_sender, found, known)
    reached = posture(wal_sender, demanded, name_unproven=name_unproven)
    case = Case(
        wal_sender=wal_sender,
        client=client,
        posture=reached,
        demanded=demanded,
        found=found,
        name_unproven=name_unproven,
        server=observation.server,
        hba_state=known.state,
        ident_state=known.ident_state,
        in_force=known.in_force,
        surroundings=surroundings,
        policy=policy,
        peers=other_peers(peers, peer_of(wal_sender, surroundings.member_of)),
    )
    given, exemption = verdict(wal_sender, reached, policy, now=now)
    owned = judge_certificates(case, certificates, now=now)
    why = reasons(case)
    shown = shown_certificate(wal_sender)
    connection = Connection(
        wal_sender=wal_sender,
        posture=reached,
        verdict=given,
        reasons=(*why, *owned.reasons),
        rule_match=found.match,
        predates_rules=predates,
        certificate_name=None if shown is None else certificate_name(shown.subject),
        issuer_name=None if shown is None else issuer_name(shown.issuer),
        exemption=exemption,
        forecast=owned.forecast,
        forecast_cause=owned.cause,
        findings=(
            *rule_findings(case, since=since),
            *certificate_findings(case, owned, certificates),
        ),
        remedy=with_certificates(case, owned, remedy(case, why, owned=usable_certificate(owned))),
        in_use=owned.in_use,
        next_certificate=owned.upcoming,
        certificate_pending=owned.pending,
        breaks_at=owned.breaks_at,
        breaks_cause=owned.breaks_cause,
    )
    exemptions = len(policy.exemptions)
    work.add(STEPS_OF_A_CONNECTION + exemptions + _characters(connection) // CHARACTERS_OF_A_STEP)
    return connection


def _characters(connection: Connection) -> int:
    """Return about how long the texts are: they are written into every page and report."""
    return size_of(connection.findings) + sum(map(length, connection.remedy))


def _in_force_since(found: Outcomes, known: RulesInForce) -> datetime | None:
    """Return since when the rules that may govern, and their maps, are known to be in force.

    A process that started after that load was forked with its rules (postmaster.c).
    """
    if known.hba_since is None or not found.possible:
        return None
    if not any(map_name(rule) for rule in found.rules):
        return known.hba_since
    return None if known.ident_since is None else max(known.hba_since, known.ident_since)


def _name_proven(wal_sender: WalSender, found: Outcomes, known: RulesInForce) -> bool:
    """Return whether the name shown is certainly one that each possible rule requires."""
    subject = shown_subject(wal_sender)
    common_name, whole_name = certificate_name(subject), distinguished_name(subject)

    def proven(rule: HbaRule) -> bool:
        by_common_name = _demands_name(rule, common_name, wal_sender.role, known)
        by_whole_name = _demands_name(rule, whole_name, wal_sender.role, known)
        compares_whole_name = found.clientname(rule)
        if True in compares_whole_name:
            return by_whole_name and (by_common_name or compares_whole_name == {True})
        # None: its line could not be read, so that it may compare either
        return by_common_name or (compares_whole_name == {None} and by_whole_name)

    return all(
        proven(rule)
        for rule, demanded in found.possible
        if rule is not None and demanded != {Demand.REFUSES}
    )


def _demands_name(rule: HbaRule, name: str | None, role: str, known: RulesInForce) -> bool:
    if name is None:
        return False
    through = map_name(rule)
    if through is None:
        return name == role
    return all(
        any(proves(m, name, role) for m in content.mappings if m.map_name == through)
        for content in known.in_force.maps
    )


def peers_of(observation: Observation) -> Peers:
    """Return all connections over TCP; None where they are too many to compare."""
    if isinstance(observation.wal_senders, Unread) or len(observation.wal_senders) > MOST_PEERS:
        return None
    return together(
        peer_of(each, _member_of(observation, each.role))
        for each in observation.wal_senders
        if isinstance(each.peer, TcpPeer)
    )


def _member_of(observation: Observation, role: str) -> frozenset[str] | None:
    if isinstance(observation.role_memberships, Unread):
        return None
    return observation.role_memberships.get(role)
