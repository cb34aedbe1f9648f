"""Remedies where files and clients are not the usual ones: they work, and lock no client out.

Also where the exporter cannot see something of a client, or has too many to list.
"""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from exporter.model.client_steps import WaitForBackup
from exporter.model.judgement import Posture
from exporter.model.server_steps import NarrowMap
from lab.cluster import quoted
from lab.replication import ReplicationClient, ReplicationRefusedError
from tests.live.primaries import Primaries
from tests.live.scenarios.following import Operator, Other
from tests.live.scenarios.stage import Stage, stage
from tests.live.scenarios.test_nobody_is_locked_out import (
    HOST,
    MAJORS,
    PASSWORD,
    Situation,
    parameters,
    situation_on,
)
from tests.steps import action, exact_edit, lines

pytestmark = pytest.mark.live

ODD_ROLE = 'a,b "$`{}%s'
PASSWORD_RULE = f"host replication repl {HOST} scram-sha-256\n"
TOO_MANY = 202

A_RULE_WITHOUT_TLS_STANDS_ABOVE = Situation(
    rules=f"hostnossl replication all {HOST} scram-sha-256\n{PASSWORD_RULE}",
    client=("repl", "repl"),
    posture=Posture.CERTIFICATE_OPTIONAL,
    others={"watcher": ("repl", "repl")},
)
CONTINUED_RULE = Situation(
    rules=f"host replication repl \\\n{HOST} scram-sha-256\n",
    client=("repl", ""),
    posture=Posture.TLS_WITHOUT_CERTIFICATE,
    since=14,
)
CONTINUED_LINES_OF_A_MAP = Situation(
    rules=f"hostssl replication all {HOST} cert map=m\n",
    maps="m \\\n/^.*$ \\\nrepl\nm /machine repl\nm /^.*$ \\\nrepl\n",
    client=("repl", "machine-7"),
    posture=Posture.CERTIFICATE_CHAIN_REQUIRED,
    others={"neighbour": ("repl", "machine-8")},
    since=14,
)
RULE_THAT_CANNOT_MATCH = Situation(
    # a build without GSSAPI has a message for it in the server's view, and loads it
    rules=f"hostgssenc replication other {HOST} scram-sha-256\n{PASSWORD_RULE}",
    client=("repl", ""),
    posture=Posture.TLS_WITHOUT_CERTIFICATE,
)
RULE_THAT_MAY_MATCH = Situation(
    rules=f"host replication all samehost trust\nhost all,replication all {HOST} scram-sha-256\n",
    client=("repl", ""),
    posture=Posture.TLS_WITHOUT_CERTIFICATE,
)
ROLE_THAT_NEEDS_ESCAPING = Situation(
    rules=f"host replication all {HOST} scram-sha-256\n",
    client=(ODD_ROLE, ""),
    posture=Posture.TLS_WITHOUT_CERTIFICATE,
)
SITUATIONS = {
    name: situation for name, situation in globals().items() if isinstance(situation, Situation)
}


def make_roles(on: Stage) -> None:
    for role in ("repl", "other", ODD_ROLE):
        name = role.replace('"', '""')
        on.primary.server.sql(f'CREATE ROLE "{name}" LOGIN REPLICATION PASSWORD {quoted(PASSWORD)}')


@pytest.fixture(scope="module", params=MAJORS)
def shared(request: pytest.FixtureRequest, primaries: Primaries) -> Iterator[Stage]:
    with stage(primaries, request.param, "") as started:
        make_roles(started)
        yield started


def load(on: Stage, rules: str, maps: str = "") -> None:
    on.primary.server.write_ident(maps)
    on.load_hba(rules)
    on.restart_exporter()


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
        assert connection.remedy == ()
        operator.is_refused_without_certificate(PASSWORD)


def test_another_connection_that_looks_the_same_is_named(shared: Stage) -> None:
    load(shared, PASSWORD_RULE)
    same = parameters(shared, "repl", "", tls=True)
    other = Other("walreceiver", same)
    operator = Operator(shared, same | {"application_name": "walreceiver"}, others=[other])
    try:
        (edit,) = [step for step in operator.connection().remedy if exact_edit(step) is not None]
    finally:
        operator.close()
    assert "walreceiver (role repl, 127.0.0.1, without certificate)" in action(edit)


def test_a_client_that_insists_on_its_password_is_named(shared: Stage) -> None:
    load(shared, PASSWORD_RULE)
    insisting = parameters(shared, "repl", "repl", tls=True) | {"channel_binding": "require"}
    operator = Operator(shared, insisting)
    try:
        with pytest.raises(ReplicationRefusedError, match="channel binding required"):
            list(operator.follow())
        assert any("channel_binding=require" in action(step) for step in operator.done)
        del operator.parameters["channel_binding"]
        operator.everybody_reconnects()
    finally:
        operator.close()


def test_a_base_backup_is_not_ended_to_have_its_other_connection_reconnect(shared: Stage) -> None:
    load(shared, PASSWORD_RULE)
    client = parameters(shared, "repl", "", tls=True) | {"application_name": "pg_basebackup"}
    with ReplicationClient(client, base_backup=True), ReplicationClient(client) as receiver:
        steps = shared.connection(receiver).remedy
    assert not any("pg_terminate_backend" in line for step in steps for line in lines(step))
    assert any(isinstance(step.kind, WaitForBackup) for step in steps)


def test_a_line_that_too_many_use_is_not_replaced_exactly(primaries: Primaries) -> None:
    rules = f"hostssl replication all {HOST} cert map=m\n"
    room = {"max_wal_senders": "240", "max_connections": "300"}
    with stage(primaries, 18, rules, settings=room) as on, ExitStack() as connected:
        make_roles(on)
        load(on, rules, "m /^.*$ repl\n")
        others = parameters(on, "repl", "machine-1", tls=True)
        for _ in range(TOO_MANY):
            connected.enter_context(ReplicationClient(others, stream=False))
        own = parameters(on, "repl", "machine-2", tls=True)
        with ReplicationClient(own) as client:
            step, *_ = on.connection(client).remedy
    assert lines(step) == ("- m /^.*$ repl", "+ m machine-2 repl")
    assert exact_edit(step) is None
    assert isinstance(step.kind, NarrowMap)
    assert not step.kind.has_others
    assert "every other client that uses this line is refused" in action(step)
