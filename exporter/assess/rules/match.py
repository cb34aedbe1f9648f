"""Finds the rule of pg_hba.conf that governs a connection: first match, three-valued.

Source: hba.c: check_hba(), check_db(), check_role(), check_hostname(), is_member(). The server
evaluates quotes, host names and its own interfaces, which pg_hba_file_rules does not carry; a rule
that depends on those *may* match: it is kept as a candidate, and evaluation continues.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from ipaddress import ip_address
from typing import Protocol, TypeAlias

from exporter.assess.rules.surroundings import Surroundings
from exporter.assess.rules.truth import Truth
from exporter.model.doubt import (
    AddressNotShown,
    Doubt,
    HostNameLookup,
    MayBeQuoted,
    MembershipUnread,
    NetworkInterfaces,
    NotEvaluated,
    RuleInDoubt,
)
from exporter.model.hba import ConnectionType, HbaContent, HbaRule, Quoting
from exporter.model.report import Governs, NoRule, RuleMatch, Undecided
from exporter.model.rule_text import REGULAR_EXPRESSIONS_SINCE
from exporter.model.wal_sender import IpAddress, ReplicationKind

Answer: TypeAlias = bool | tuple[Doubt, ...]
"""Whether something holds, or why it may."""

# steps of work (exporter/assess/work.py)
STEPS_OF_A_RULE = 2
TOKENS_OF_A_STEP = 4
STEPS_OF_INTERPRETING = 10
STEPS_OF_A_CANDIDATE = 40
"""It is also explained, and what it requires is determined."""

_SAME_ROLE = ("samerole", "samegroup")
_INTERFACE_KEYWORDS = ("samehost", "samenet")
_OVER_TCP = {
    (tls, gss_encrypted): (
        ConnectionType.HOST,
        ConnectionType.HOSTSSL if tls else ConnectionType.HOSTNOSSL,
        # encryption by GSSAPI counts as "no SSL"
        ConnectionType.HOSTGSSENC if gss_encrypted else ConnectionType.HOSTNOGSSENC,
    )
    for tls in (False, True)
    for gss_encrypted in (False, True)
}
"""Types of rules that match a client over TCP, by whether it uses TLS and GSSAPI encryption."""


@dataclass(frozen=True, slots=True)
class Client:
    """What the server knows of a client when it looks for a rule.

    Attributes:
        address: None for a unix socket.
        database: None for a physical walsender.
    """

    kind: ReplicationKind
    role: str
    database: str | None
    address: IpAddress | None
    tls: bool
    gss_encrypted: bool

    def over_tls(self) -> "Client":
        """Return the same client over TLS."""
        return replace(self, tls=True, gss_encrypted=False)


def governing_rule(content: HbaContent, client: Client, surroundings: Surroundings) -> RuleMatch:
    """Return the first rule of ``content`` that matches ``client``, or those that may be it.

    Args:
        content: as one load of the server would hold it.
        client: the connection.
        surroundings: of the server that has the rules.
    """
    candidates: list[HbaRule] = []
    why: list[RuleInDoubt] = []
    for rule in content.rules:
        result, doubts = rule_matches_in(content, rule, client, surroundings)
        if result is Truth.NO:
            continue
        if result is Truth.YES and not candidates:
            return Governs(rule)
        surroundings.work.add(STEPS_OF_A_CANDIDATE)
        candidates.append(rule)
        if result is Truth.YES:
            return Undecided(tuple(candidates), may_match_none=False, why=tuple(why))
        why.append(RuleInDoubt(rule.location, doubts))
    if not candidates:
        return NoRule()
    return Undecided(tuple(candidates), may_match_none=True, why=tuple(why))


def rule_matches_in(
    content: HbaContent, rule: HbaRule, client: Client, surroundings: Surroundings
) -> tuple[Truth, tuple[Doubt, ...]]:
    """Return what ``rule_matches`` returns for a rule of ``content``, and count the work.

    Most rules that do not match are recognised in a fraction of the time.

    Raises:
        TooMuchWorkError: the judgement has reached its limit.
    """
    tokens = len(rule.roles) + len(rule.databases)
    surroundings.work.add(STEPS_OF_A_RULE + tokens // TOKENS_OF_A_STEP)
    if not _may_match(rule, client):
        return Truth.NO, ()
    surroundings.work.add(STEPS_OF_INTERPRETING + tokens)
    return rule_matches(rule, client, surroundings, quoting=content.quoting(rule))


def _may_match(rule: HbaRule, client: Client) -> bool:
    """Return False only if ``rule`` does not match ``client``, whatever is quoted in it."""
    if not _type_matches(rule.connection_type, client):
        return False
    if client.database is None and "replication" not in rule.databases:
        return False
    names = ("all", client.role)
    for word in rule.roles:
        if word in names or word.startswith(("+", "/")):
            break
    else:
        return False
    address = client.address
    if address is None or rule.address is None or rule.netmask is None:
        return True
    return _in_network(address, rule.address, rule.netmask)


def rule_matches(
    rule: HbaRule, client: Client, surroundings: Surroundings, *, quoting: Quoting
) -> tuple[Truth, tuple[Doubt, ...]]:
    """Return whether ``rule`` matches ``client``, and for MAY why it is in doubt.

    Args:
        rule: of one content.
        client: the connection.
        surroundings: of the server that has the rules.
        quoting: which of the rule's tokens are quoted there.
    """
    if not _type_matches(rule.connection_type, client):
        return Truth.NO, ()
    doubts: list[Doubt] = []
    tokens = _Tokens(client=client, surroundings=surroundings, quoting=quoting)
    for answer in tokens.fields(rule):
        if answer is False:
            return Truth.NO, ()
        if answer is not True:
            doubts += answer
    return (Truth.MAY, tuple(doubts)) if doubts else (Truth.YES, ())


def _type_matches(connection_type: ConnectionType, client: Client) -> bool:
    if client.address is None:
        return connection_type is ConnectionType.LOCAL
    return connection_type in _OVER_TCP[client.tls, client.gss_encrypted]


@dataclass(frozen=True, slots=True)
class _Tokens:
    """Matches the tokens of one rule with one client."""

    client: Client
    surroundings: Surroundings
    quoting: Quoting

    def fields(self, rule: HbaRule) -> Iterator[Answer]:
        """Yield whether each field matches, the cheapest first: all have to match, in any order."""
        quoted = self.quoting
        yield _any(map(partial(self._readings, self._role), rule.roles, quoted.of_roles(rule)))
        yield _any(
            map(partial(self._readings, self._database), rule.databases, quoted.of_databases(rule))
        )
        yield self._address(rule)

    def _address(self, rule: HbaRule) -> Answer:
        client = self.client.address
        if client is None:
            return True
        if rule.address is None:
            return (AddressNotShown(),)
        if rule.netmask is None:
            return self._address_name(rule.address)
        return _in_network(client, rule.address, rule.netmask)

    def _address_name(self, name: str) -> Answer:
        quoted = self.quoting.address
        if name == "all" and not quoted:
            return quoted is False or (MayBeQuoted(name, is_address=True),)
        if name in _INTERFACE_KEYWORDS and not quoted:
            return (NetworkInterfaces(name),)
        return (HostNameLookup(name),)

    def _readings(self, reading: "_Reading", word: str, quoted: bool | None) -> Answer:  # noqa: FBT001  mapped
        """Read a token as keyword, as a literal where it is quoted, or as both if not known."""
        if quoted is not None:
            return reading(word, literal=quoted)
        answer = reading(word, literal=False)
        if reading(word, literal=True) == answer:
            return answer
        return (MayBeQuoted(word, is_address=False),)

    def _database(self, word: str, *, literal: bool) -> Answer:
        database = self.client.database
        if database is None:
            # a physical walsender matches nothing but the keyword (check_db())
            return word == "replication" and not literal
        if not literal:
            if word == "all":
                return True
            if word == "sameuser":
                return database == self.client.role
            if word in _SAME_ROLE:
                return self._member_of(database)
            if word == "replication":
                return False
        return self._name(word, database)

    def _role(self, word: str, *, literal: bool) -> Answer:
        if not literal:
            if word == "all":
                return True
            if word.startswith("+"):
                return self._member_of(word[1:])
        return self._name(word, self.client.role)

    def _member_of(self, group: str) -> Answer:
        if self.surroundings.member_of is None:
            return (MembershipUnread(group),)
        return group in self.surroundings.member_of

    def _name(self, word: str, name: str) -> Answer:
        if (
            word.startswith("/")
            and self.surroundings.server_version_number >= REGULAR_EXPRESSIONS_SINCE
        ):
            # a regular expression also when quoted (hba.c, regcomp_auth_token())
            answer = self.surroundings.regular_expressions.get((word, name))
            if answer is None:
                return (NotEvaluated(word),)
            return answer
        return word == name


def _in_network(client: IpAddress, address: str, netmask: str) -> bool:
    version, network, mask = _network(address, netmask)
    # masked on both sides, and the mask need not be a prefix (ip.c, pg_range_sockaddr())
    return version == client.version and (network ^ int(client)) & mask == 0


# as many as a server may show; every connection is compared with the same ones
@lru_cache(maxsize=10_000)
def _network(address: str, netmask: str) -> tuple[int, int, int]:
    parsed = ip_address(address)
    return parsed.version, int(parsed), int(ip_address(netmask))


class _Reading(Protocol):
    """Reads one token, as a literal or as a keyword."""

    def __call__(self, word: str, *, literal: bool) -> Answer: ...


def _any(answers: Iterator[Answer]) -> Answer:
    """Return True if any is, else all doubts if there are any, else False."""
    doubts: list[Doubt] = []
    for answer in answers:
        if answer is True:
            return True
        if answer is not False:
            doubts += answer
    return tuple(doubts) if doubts else False
