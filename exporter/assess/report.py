"""A whole target, judged: the door of this room."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from exporter.assess.advice.rules_remedy import rules_remedy
from exporter.assess.certificates.connection import certificates_known
from exporter.assess.certificates.target import target_certificates
from exporter.assess.connection import RulesInForce, peers_of
from exporter.assess.recall import Basis, judge_all
from exporter.assess.remembered_report import again, remember
from exporter.assess.rules.load_state import follow, in_force, newest_change
from exporter.assess.rules.outcome import InForce
from exporter.assess.work import MOST_STEPS, TooMuchWorkError, Work
from exporter.model.failure import FailureReason, Read, Reader, Unread
from exporter.model.finding import LineInError, RulesState
from exporter.model.hba import HbaContent, LineTraits, ServerFile
from exporter.model.history import Judgements, RulesHistory
from exporter.model.judgement import HbaState, Posture, Verdict
from exporter.model.knowledge import Knowledge
from exporter.model.observation import Observation
from exporter.model.policy import LOOPBACK_EXEMPTION
from exporter.model.report import Connection, ExemptionUse, RulesReport, TargetReport
from exporter.model.target import Target
from exporter.model.tls_files import Receiver
from exporter.model.wal_sender import WalSender

STEPS_OF_A_LINE = 10
"""Of work, as exporter/assess/work.py counts it."""

_HBA_FILES = (ServerFile.HBA, ServerFile.HBA_INCLUDED)
_IDENT_FILES = (ServerFile.IDENT, ServerFile.IDENT_INCLUDED)
_WORST_FIRST = (Verdict.INSECURE, Verdict.UNKNOWN, Verdict.EXEMPT, Verdict.SECURE)
_POSTURES = tuple(Posture)


def assess(  # noqa: PLR0913  each of another subject
    observation: Observation,
    target: Target,
    history: RulesHistory,
    knowledge: Knowledge,
    *,
    now: datetime,
    most_steps: int = MOST_STEPS,
) -> tuple[TargetReport, RulesHistory]:
    """Return the report on ``target``, and its history after this poll.

    Args:
        observation: what the poll read.
        target: as configured.
        history: after the poll before.
        knowledge: of certificates.
        now: for exemptions and certificates that expire.
        most_steps: the limit of work; beyond it the report is a failure, ``limit_exceeded``.
    """
    known_already = again(history.last, observation, target, knowledge, now=now)
    if known_already is not None:
        return known_already, history
    before = history
    known, history = _rules_in_force(observation, history)
    # what the next poll compares the same files with
    is_steady = (history.hba, history.ident) == (before.hba, before.ident)
    certificates = certificates_known(observation, target, knowledge, now=now)
    basis = Basis(observation, known, certificates, target.policy, peers_of(observation))
    judgements = _judge_all(basis, history.judged, now=now, most_steps=most_steps)
    connections: Read[tuple[Connection, ...]]
    if isinstance(judgements, Unread):
        connections, failure = judgements, judgements
        judged: tuple[Connection, ...] = ()
        wal_senders: tuple[WalSender, ...] = ()
    else:
        wal_senders = tuple(c.wal_sender for c in judgements.connections)
        history = replace(history, judged=judgements)
        judged = tuple(sorted(judgements.connections, key=_worst_first))
        connections, failure = judged, None
    report = TargetReport(
        target=target,
        polled_at=observation.at,
        duration_seconds=observation.duration_seconds,
        failure=failure,
        readers=_readers(observation, knowledge),
        server=observation.server,
        rules=_rules_report(observation, known, wal_senders),
        connections=connections,
        exemptions=_exemptions(target, judged),
        certificates=target_certificates(observation, knowledge, certificates, judged, now=now),
        receiver=observation.receiver if isinstance(observation.receiver, Receiver) else None,
    )
    last = remember(report, observation, knowledge, now=now) if is_steady else None
    return report, replace(history, last=last)


def _judge_all(
    basis: Basis, before: Judgements, *, now: datetime, most_steps: int
) -> Read[Judgements]:
    """Return every walsender judged; ``limit_exceeded`` where that is too much work."""
    wal_senders = basis.read.wal_senders
    if isinstance(wal_senders, Unread):
        return wal_senders
    work = Work(most_steps)
    try:
        work.add(_steps_of_rules_report(basis.read.hba, wal_senders))
        return judge_all(basis, wal_senders, before, now=now, work=work)
    except TooMuchWorkError:
        detail = _too_much(len(wal_senders), basis.known.in_force, most_steps)
        return Unread(FailureReason.LIMIT_EXCEEDED, detail)


def _steps_of_rules_report(hba: Read[HbaContent], wal_senders: Sequence[WalSender]) -> int:
    """Return what the steps against errors cost, which may have a line for each walsender."""
    errors = () if isinstance(hba, Unread) else hba.errors
    return STEPS_OF_A_LINE * sum(e.blocks_loading for e in errors) * len(wal_senders)


def _too_much(connections: int, in_force: InForce, most_steps: int) -> str:
    rules = " + ".join(str(len(content.rules)) for content in in_force.rules)
    mappings = " + ".join(str(len(content.mappings)) for content in in_force.maps)
    return (
        f"judging {connections} connections by {rules or 0} rules of pg_hba.conf and "
        f"{mappings or 0} lines of pg_ident.conf takes more than {most_steps} steps"
    )


def failed(
    target: Target,
    failure: Unread,
    knowledge: Knowledge,
    *,
    at: datetime,
    duration_seconds: float,
) -> TargetReport:
    """Return the report on a poll that read nothing: what is served may be known all the same."""
    return TargetReport(
        target=target,
        polled_at=at,
        duration_seconds=duration_seconds,
        failure=failure,
        readers=_of_served_chain(knowledge),
        server=None,
        rules=None,
        connections=failure,
        exemptions=_exemptions(target, ()),
        certificates=target_certificates(None, knowledge, None, (), now=at),
    )


def _worst_first(connection: Connection) -> tuple[int, int, datetime, int]:
    return (
        _WORST_FIRST.index(connection.verdict),
        -_POSTURES.index(connection.posture),
        connection.wal_sender.backend_start,
        connection.wal_sender.pid,
    )


def _rules_in_force(
    observation: Observation, history: RulesHistory
) -> tuple[RulesInForce, RulesHistory]:
    server = observation.server
    hba_state, ident_state = HbaState.UNREADABLE, HbaState.UNREADABLE
    if not isinstance(observation.hba, Unread):
        hba_state, hba = follow(
            history.hba,
            _with_lines(observation.hba, observation.hba_lines),
            loaded_at=server.configuration_loaded_at,
            started_at=server.started_at,
            newest=newest_change(observation.file_times, observation.hba_lines, _HBA_FILES),
        )
        history = replace(history, hba=hba)
    if not isinstance(observation.ident, Unread):
        ident_state, ident = follow(
            history.ident,
            observation.ident,
            loaded_at=server.configuration_loaded_at,
            started_at=server.started_at,
            newest=newest_change(observation.file_times, (), _IDENT_FILES),
        )
        history = replace(history, ident=ident)
    rules = in_force(history.hba, hba_state, loaded_at=server.configuration_loaded_at)
    maps = in_force(history.ident, ident_state, loaded_at=server.configuration_loaded_at)
    known = RulesInForce(
        state=hba_state,
        ident_state=ident_state,
        in_force=InForce(rules=rules, maps=maps),
        hba_since=history.hba.confirmed_since,
        ident_since=history.ident.confirmed_since if maps else None,
        regular_expressions=_regular_expressions(observation),
    )
    return known, history


def _regular_expressions(observation: Observation) -> dict[tuple[str, str], bool]:
    if isinstance(observation.regular_expressions, Unread):
        return {}
    return {(r.token, r.name): r.matches for r in observation.regular_expressions}


def _with_lines(content: HbaContent, lines: Read[tuple[LineTraits, ...]]) -> HbaContent:
    return content if isinstance(lines, Unread) else content.with_lines(lines)


def _readers(observation: Observation, knowledge: Knowledge) -> dict[Reader, Unread | None]:
    return {**observation.failures, **_of_served_chain(knowledge)}


def _of_served_chain(knowledge: Knowledge) -> dict[Reader, Unread | None]:
    """Return how reading the served chain went; empty if it was not read."""
    served = knowledge.served
    if served is None:
        return {}
    return {Reader.SERVED_CHAIN: served if isinstance(served, Unread) else None}


def _rules_report(
    observation: Observation, known: RulesInForce, wal_senders: Sequence[WalSender]
) -> RulesReport:
    errors = () if isinstance(observation.hba, Unread) else observation.hba.errors
    return RulesReport(
        state=known.state,
        error_lines=errors,
        findings=(RulesState(known.state), *map(LineInError, errors)),
        remedy=rules_remedy(
            known.state,
            errors,
            wal_senders,
            observation.server.version_number,
            is_under_patroni=_is_under_patroni(observation),
        ),
    )


def _is_under_patroni(observation: Observation) -> bool:
    lines = observation.hba_lines
    return not isinstance(lines, Unread) and any(line.is_patroni_header for line in lines)


def _exemptions(target: Target, judged: tuple[Connection, ...]) -> tuple[ExemptionUse, ...]:
    policy = target.policy
    covered = Counter(connection.exemption for connection in judged)
    uses = [(e.name, e.reason, e.until) for e in policy.exemptions]
    if policy.exempt_loopback:
        uses.append((LOOPBACK_EXEMPTION, "built in: the connection never leaves the host", None))
    return tuple(ExemptionUse(name, reason, until, covered[name]) for name, reason, until in uses)
