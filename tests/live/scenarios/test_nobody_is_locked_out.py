"""Remedies that once locked a running client out, followed literally while other clients run.

After each step every client of the server reconnects and none is refused that no step named; at the
end the same role, address and database is refused without a certificate.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from exporter.model.client_steps import NameRequirement, ReplaceCertificate
from exporter.model.finding import NextHandshake
from exporter.model.inventory import InventorySource
from exporter.model.judgement import Forecast, Posture, Reason, Verdict
from exporter.model.remedy import Place
from exporter.observe.certificates.files.inventory import InventoryReader
from exporter.publish.words.findings.text import text
from lab.cluster import quoted
from lab.source_address import SourceAddresses
from tests.live.primaries import Primaries
from tests.live.scenarios.following import Operator, Other, lines_of
from tests.live.scenarios.stage import Stage, now, stage
from tests.steps import action, exact_edit

pytestmark = pytest.mark.live

MAJORS = (13, 15, 18)
PASSWORD = "a-password"
HOST = "127.0.0.1/32"


@dataclass(frozen=True)
class Situation:
    """Rules and maps, the client to secure, and the other clients.

    Attributes:
        rules: of pg_hba.conf.
        maps: of pg_ident.conf.
        client: role, and common name of its certificate; empty for none.
        tls: the client uses it.
        others: name to role and common name, empty for none (they then use no TLS).
        posture: of the client before.
        since: the oldest major that knows what stands in the rules.
    """

    rules: str
    client: tuple[str, str]
    posture: Posture
    maps: str = ""
    tls: bool = True
    others: dict[str, tuple[str, str]] = field(default_factory=dict)
    since: int = 13


A1_MAPPED = Situation(
    rules=(
        f"hostnossl replication repl {HOST} scram-sha-256\n"
        f"hostssl replication repl {HOST} cert map=m\n"
    ),
    maps="m machine-7 repl\n",
    client=("repl", ""),
    tls=False,
    posture=Posture.PLAINTEXT,
    others={"mapped": ("repl", "machine-7")},
)
A1_MAPPED_BY_WHOLE_NAME = Situation(
    rules=(
        f"hostnossl replication repl {HOST} scram-sha-256\n"
        f"hostssl replication repl {HOST} cert clientname=DN map=m\n"
    ),
    maps='m "CN=machine-7,O=Lab" repl\n',
    client=("repl", ""),
    tls=False,
    posture=Posture.PLAINTEXT,
    since=14,
)
A2_VALUE_OF_CLIENTNAME = Situation(
    rules=f"hostssl replication repl {HOST} cert clientname=CN map=m\n",
    maps="m /^.*$ repl\n",
    client=("repl", "observer"),
    posture=Posture.CERTIFICATE_CHAIN_REQUIRED,
    others={"watcher": ("repl", "watcher")},
    since=14,
)
A3_QUOTED_ROLE = Situation(
    rules=f"host replication all {HOST} scram-sha-256\n",
    client=("replication", ""),
    posture=Posture.TLS_WITHOUT_CERTIFICATE,
    others={"somebody": ("other", "")},
)
A3_ROLE_WITH_A_BLANK = Situation(
    rules=f"host replication all {HOST} scram-sha-256\n",
    client=("repl user", ""),
    posture=Posture.TLS_WITHOUT_CERTIFICATE,
)
A4_SHARED_PATTERN = Situation(
    rules=f"hostssl replication +users {HOST} cert map=user-map\n",
    maps="user-map /^(.*)\\.user\\.example\\.com \\1\n",
    client=("alice", "alice.user.example.com"),
    posture=Posture.CERTIFICATE_CHAIN_REQUIRED,
    others={"bob": ("bob", "bob.user.example.com"), "ann": ("ann", "ann.user.example.com.x")},
)
A8_OTHER_RULE = Situation(
    rules=(f"hostssl replication repl {HOST} cert\nhost replication repl {HOST} scram-sha-256\n"),
    client=("repl", "repl"),
    posture=Posture.CERTIFICATE_REQUIRED,
)
A8_PLAINTEXT = Situation(
    rules=A8_OTHER_RULE.rules,
    client=("repl", ""),
    tls=False,
    posture=Posture.PLAINTEXT,
    others={"secured": ("repl", "repl")},
)
A12_CHAIN_ONLY = Situation(
    rules=f"hostssl replication repl {HOST} scram-sha-256 clientcert=verify-ca\n",
    client=("repl", "machine-7"),
    posture=Posture.CERTIFICATE_CHAIN_REQUIRED,
    others={"neighbour": ("repl", "machine-8")},
)
SITUATIONS = {
    name: situation for name, situation in globals().items() if isinstance(situation, Situation)
}


@pytest.fixture(scope="module", params=MAJORS)
def shared(request: pytest.FixtureRequest, primaries: Primaries) -> Iterator[Stage]:
    with stage(primaries, request.param, "") as started:
        server = started.primary.server
        server.sql("CREATE ROLE users")
        for role in ("repl", "replication", "repl user", "other", "alice", "bob", "ann"):
            server.sql(
                f'CREATE ROLE "{role}" LOGIN REPLICATION IN ROLE users PASSWORD {quoted(PASSWORD)}'
            )
        yield started


def parameters(on: Stage, role: str, common_name: str, *, tls: bool) -> dict[str, str]:
    found = {
        "host": "127.0.0.1",
        "port": str(on.primary.server.port),
        "user": role,
        "password": PASSWORD,
        "sslmode": "require" if tls else "disable",
    }
    if common_name:
        issued = on.primary.authority.issue(common_name=common_name)
        found |= {
            "sslcert": str(issued.certificate_path),
            "sslkey": str(issued.key_path),
            "sslmode": "verify-full",
            "sslrootcert": str(on.primary.authority.certificate_path),
        }
    return found


@contextmanager
def situation_on(on: Stage, situation: Situation) -> Iterator[Operator]:
    on.primary.server.write_ident(situation.maps)
    on.load_hba(situation.rules)
    on.restart_exporter()
    others = [
        Other(name, parameters(on, role, common_name, tls=bool(common_name)))
        for name, (role, common_name) in situation.others.items()
    ]
    role, common_name = situation.client
    operator = Operator(on, parameters(on, role, common_name, tls=situation.tls), others=others)
    try:
        yield operator
    finally:
        operator.close()


def know_certificates(on: Stage, path: Path) -> None:
    """Have one certificate in the exporter's inventory."""
    reader = InventoryReader([InventorySource("clients", (str(path),))])
    on.board.certificates.inventory = reader.read(now())


@pytest.mark.parametrize("situation", SITUATIONS.values(), ids=SITUATIONS)
def test_a_remedy_followed_literally_locks_no_client_out(
    shared: Stage, situation: Situation
) -> None:
    if shared.primary.server.major < situation.since:
        return
    with situation_on(shared, situation) as operator:
        assert operator.connection().posture is situation.posture
        steps = list(operator.follow())
        connection = operator.connection()
        assert connection.posture is Posture.CERTIFICATE_REQUIRED, steps
        assert connection.verdict is Verdict.SECURE
        assert Reason.OTHER_RULE_ADMITS_WITHOUT_CERTIFICATE not in connection.reasons
        assert connection.remedy == ()
        operator.is_refused_without_certificate(PASSWORD)


def test_clients_at_other_addresses_keep_their_rule(shared: Stage) -> None:
    """Lines for this client's own address, where the rule's would refuse others of its role."""
    server = shared.primary.server
    server.write_ident("")
    shared.load_hba("host replication repl 127.0.0.0/8 scram-sha-256\n")
    shared.restart_exporter()
    with SourceAddresses(server.port, ["127.0.0.7", "127.0.0.8"]) as relay:
        there = parameters(shared, "repl", "", tls=False)
        near = there | {"port": str(relay.port("127.0.0.7"))}
        far = Other("far-away", there | {"port": str(relay.port("127.0.0.8"))})
        operator = Operator(shared, near, others=[far])
        try:
            steps = list(operator.follow())
            assert operator.connection().posture is Posture.CERTIFICATE_REQUIRED
            operator.is_refused_without_certificate(PASSWORD)
            assert operator.others == [far]
        finally:
            operator.close()
    added = [line for line in lines_of(steps, Place.SERVER) if line.startswith("+ ")]
    assert added == [
        "+ hostssl replication repl 127.0.0.7/32 cert",
        "+ host replication repl 127.0.0.7/32 reject",
    ]


def test_what_is_already_done_is_not_a_step(shared: Stage) -> None:
    situation = Situation(
        rules=f"hostssl replication repl {HOST} scram-sha-256\n",
        client=("repl", "repl"),
        posture=Posture.CERTIFICATE_OPTIONAL,
    )
    with situation_on(shared, situation) as operator:
        know_certificates(shared, Path(operator.parameters["sslcert"]))
        steps = list(operator.follow())
        assert [step.place for step in steps] == [Place.SERVER] * 3
        assert operator.connection().posture is Posture.CERTIFICATE_REQUIRED


def test_another_rule_that_admits_lowers_neither_posture_nor_verdict(shared: Stage) -> None:
    with situation_on(shared, A8_OTHER_RULE) as operator:
        connection = operator.connection()
        assert connection.posture is Posture.CERTIFICATE_REQUIRED
        assert connection.verdict is Verdict.SECURE
        assert connection.reasons == (Reason.OTHER_RULE_ADMITS_WITHOUT_CERTIFICATE,)


def test_where_only_the_chain_is_checked_a_name_is_nothing_to_repair(shared: Stage) -> None:
    with situation_on(shared, A12_CHAIN_ONLY) as operator:
        know_certificates(shared, Path(operator.parameters["sslcert"]))
        connection = operator.connection()
        assert connection.forecast is Forecast.ADMITTED_WITH_CERTIFICATE
        (handshake,) = (f for f in connection.findings if isinstance(f, NextHandshake))
        assert handshake.is_required
        assert not handshake.compares_name
        assert "no rule compares its name" in text(handshake)
        assert "rejected" not in text(handshake)
        first = connection.remedy[0]
        name = NameRequirement("repl", is_whole=False, names=("repl",))
        assert isinstance(first.kind, ReplaceCertificate)
        assert first.kind.name == name
        assert action(first).startswith("Issue a client certificate with the common name (CN) repl")
        operator.everybody_reconnects()


PATRONI = "# Do not edit this file manually!\n# It will be overwritten by Patroni!\n"


def test_under_patroni_nothing_is_edited_by_hand(shared: Stage) -> None:
    server = shared.primary.server
    server.write_ident("m /^.*$ repl\n")
    rules = (
        f"host replication other {HOST} scram-sha-256\nhostssl replication repl {HOST} cert map=m\n"
    )
    shared.write_hba(rules)
    server.hba_path.write_text(PATRONI + server.hba_path.read_text("utf-8"), "utf-8")
    server.reload()
    shared.restart_exporter()
    for role, common_name, keys in (
        ("other", "", ("postgresql.pg_hba", "postgresql.authentication.replication.sslmode")),
        ("repl", "machine-7", ("postgresql.pg_ident",)),
    ):
        client = parameters(shared, role, common_name, tls=bool(common_name))
        operator = Operator(shared, client)
        try:
            steps = operator.connection().remedy
        finally:
            operator.close()
        text = " ".join(action(step) for step in steps)
        assert all(exact_edit(step) is None for step in steps)
        assert "ALTER SYSTEM" not in " ".join(lines_of(steps))
        assert "do not edit it by hand" in text
        for key in keys:
            assert key in text
    server.write_ident("")
