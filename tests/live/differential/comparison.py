"""The exporter's answer compared with what the server did."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from exporter.model.hba import RuleLocation
from exporter.model.judgement import Forecast, Posture
from exporter.model.report import Connection, Governs, NoRule, RuleMatch, Undecided
from tests.live.differential.arena import Arena, Judged
from tests.live.differential.clients import Client
from tests.live.differential.oracle import NoEntry, Outcome, Silent
from tests.live.differential.rule_files import RuleFiles

_ANYBODY_ELSE = "replication"
"""A CN that belongs to another role than the client's (or, for that role, ``repl``)."""

_WE_CAN = ("trust", "password", "md5", "scram-sha-256")
"""Methods that our clients pass with the right password."""


@dataclass(slots=True)
class Tally:
    """What was tried and what came of it."""

    cases: int = 0
    undecided: int = 0
    plain_cases: int = 0
    plain_governed: int = 0
    plain_undecided: int = 0
    by_truth: dict[str, int] = field(default_factory=dict)
    safety_checks: int = 0

    def count(self, truth: RuleLocation | NoEntry, outcome: Outcome) -> None:
        """Count by what the server did."""
        kind = "no rule" if isinstance(truth, NoEntry) else "a rule"
        if isinstance(outcome.governed_by, Silent):
            kind = outcome.governed_by.name.lower().replace("_", " ")
        self.by_truth[kind] = self.by_truth.get(kind, 0) + 1

    def __str__(self) -> str:
        share = 100 * self.undecided / max(self.cases, 1)
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(self.by_truth.items()))
        return (
            f"{self.cases} cases ({kinds}), undecided {self.undecided} ({share:.1f} %); "
            f"plain files: {self.plain_cases} cases, undecided {self.plain_undecided}; "
            f"{self.safety_checks} checks of what a posture promises"
        )


class WrongError(AssertionError):
    """The exporter was wrong."""


def compare(
    arena: Arena,
    files: RuleFiles,
    clients: Sequence[Client],
    tally: Tally,
    *,
    tls: bool = True,
) -> None:
    """Load ``files``, judge ``clients``, let each connect, and compare.

    Args:
        arena: the server.
        files: all of them loadable.
        clients: in the order in which they connect.
        tally: is added to.
        tls: the server's setting ``ssl``.

    Raises:
        WrongError: with the files and the client.
    """
    try:
        arena.load(files.files, tls=tls)
        judged = arena.judge(clients)
    except BaseException as error:
        error.add_note(str(files))
        raise
    outcomes = [arena.oracle.ask(client) for client in clients]
    for client, connection, outcome in zip(clients, judged.connections, outcomes, strict=True):
        for wrong in _broken_promises(arena, client, connection, outcome, tally):
            raise WrongError(_description(wrong, files, client, connection, outcome))
    truths = _truths(arena, files, clients, outcomes, tls=tls)
    for client, connection, outcome, truth in zip(
        clients, judged.connections, outcomes, truths, strict=True
    ):
        tally.cases += 1
        tally.plain_cases += files.plain
        tally.plain_governed += files.plain and isinstance(truth, RuleLocation)
        tally.count(truth, outcome)
        if isinstance(connection.rule_match, Undecided):
            tally.undecided += 1
            tally.plain_undecided += files.plain
        if not _allows(connection.rule_match, truth):
            raise WrongError(
                _description(f"the rule is {truth}", files, client, connection, outcome)
            )
        _check_oracle(judged, truth, outcome)


def _truths(
    arena: Arena,
    files: RuleFiles,
    clients: Sequence[Client],
    outcomes: Sequence[Outcome],
    *,
    tls: bool,
) -> list[RuleLocation | NoEntry]:
    """Return which rule governed each client; ask the twin where the log does not show it."""
    if any(isinstance(outcome.governed_by, Silent) for outcome in outcomes):
        arena.load(files.twin, tls=tls)
    truths: list[RuleLocation | NoEntry] = []
    for client, outcome in zip(clients, outcomes, strict=True):
        found = outcome.governed_by
        if isinstance(found, Silent):
            found = arena.oracle.ask(client).governed_by
            assert isinstance(found, RuleLocation), f"{files}\n{client}: {found} by the twin"
        truths.append(found)
    return truths


def _check_oracle(judged: Judged, truth: RuleLocation | NoEntry, outcome: Outcome) -> None:
    """A refusal without a logged line must come from a rule that refuses that way."""
    if not isinstance(outcome.governed_by, Silent):
        return
    (rule,) = (rule for rule in judged.content.rules if rule.location == truth)
    if outcome.governed_by is Silent.REJECTED:
        assert rule.auth_method == "reject", (rule, outcome.log)
    else:
        assert rule.option("clientcert") is not None, (rule, outcome.log)


def _allows(match: RuleMatch, truth: RuleLocation | NoEntry) -> bool:
    match match:
        case Governs(rule):
            return rule.location == truth
        case NoRule():
            return truth is NoEntry.NO_ENTRY
        case Undecided(candidates, may_match_none):
            if truth is NoEntry.NO_ENTRY:
                return may_match_none
            return truth in {rule.location for rule in candidates}


def _broken_promises(
    arena: Arena, client: Client, connection: Connection, outcome: Outcome, tally: Tally
) -> Iterator[str]:
    """Yield what a posture or forecast promises and the server does not keep."""
    if connection.forecast is Forecast.REFUSED:
        tally.safety_checks += 1
        if outcome.admitted:
            yield "forecast to be refused, but was accepted"
    with_password = replace(client, knows_password=True)
    match connection.posture, connection.rule_match:
        case Posture.CERTIFICATE_REQUIRED, _:
            others = [None, "repl" if client.role == _ANYBODY_ELSE else _ANYBODY_ELSE]
        case Posture.CERTIFICATE_CHAIN_REQUIRED, _:
            others = [None]
        case Posture.CERTIFICATE_OPTIONAL, Governs(rule) if rule.auth_method in _WE_CAN:
            tally.safety_checks += 1
            if not arena.oracle.ask(replace(with_password, certificate=None)).admitted:
                yield "the certificate is optional, but no client is accepted without it"
            return
        case _:
            return
    for other in others:
        tally.safety_checks += 1
        if arena.oracle.ask(replace(with_password, certificate=other)).admitted:
            yield f"the certificate is required, and one of {other} is accepted"


def _description(
    what: str, files: RuleFiles, client: Client, connection: Connection, outcome: Outcome
) -> str:
    return (
        f"{what}\n{files}\n\n{client}\n\n"
        f"the exporter says: {connection.rule_match}\n{connection.posture}, {connection.forecast}\n"
        f"\nthe server's log:\n{outcome.log}"
    )
