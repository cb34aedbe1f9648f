"""The readers that there are: complete, in order, and what they ask of a server in common cases."""

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import get_type_hints

import pytest

from exporter.model.failure import FailureReason, Read, Reader, Unread
from exporter.model.kept import Kept
from exporter.model.observation import FIELD_READERS, Observation
from exporter.observe.postgres.collect import Collection
from exporter.observe.postgres.readers.all_readers import READERS
from exporter.observe.postgres.readers.spec import ReaderSpec
from exporter.observe.postgres.session.statement import Context, Row

NOW = datetime(2026, 1, 2, tzinfo=UTC)
PASSED = {"target", "at", "duration_seconds"}
"""Fields of an observation that are not read."""
FIELDS_OF = [(spec, name) for spec in READERS for name in spec.fields]

Rows = Mapping[str, Read[list[Row]]]


def test_every_field_of_an_observation_comes_of_one_reader() -> None:
    names = [name for _, name in FIELDS_OF]
    assert sorted([*names, *PASSED]) == sorted(field.name for field in fields(Observation))


@pytest.mark.parametrize(("spec", "name"), FIELDS_OF, ids=[name for _, name in FIELDS_OF])
def test_a_reader_computes_the_type_of_its_field(spec: ReaderSpec, name: str) -> None:
    computed = get_type_hints(spec.fields[name])["return"]
    wanted = get_type_hints(Observation)[name]
    # without it there is no observation
    assert computed == (wanted | Unread if spec.is_essential else wanted)


def test_a_failure_is_reported_under_the_reader_whose_field_it_is() -> None:
    of_field = {name: spec.reader for spec in READERS for name in spec.fields}
    assert {name: of_field[name] for name in FIELD_READERS} == FIELD_READERS
    # over the wire, during the poll
    assert set(FIELD_READERS.values()) == set(Reader) - {Reader.SERVED_CHAIN}


def test_what_a_reader_needs_is_read() -> None:
    readers = [spec.reader for spec in READERS]
    assert len(set(readers)) == len(readers)
    for spec in READERS:
        assert spec.needs <= set(readers) - {spec.reader}


# --- what is asked

FIRST = [
    *("server", "wal_senders", "hba_rules", "ident_mappings"),
    *("file_times", "role_memberships", "receiver"),
]
SERVER: Row = (
    *(b"1", b"18.4", b"f", b"1700000000", b"1700000000", b"on", b"ca.crt", None, b"t"),
    *(b"/d/pg_hba.conf", b"/d/pg_ident.conf", b"1767312000", b"7"),
)
TIMES: list[Row] = [
    (setting, path, b"10", b"1700000000", b"1700000000")
    for setting, path in (
        (b"hba_file", b"/d/pg_hba.conf"),
        (b"ssl_cert_file", b"server.crt"),
        (b"ssl_ca_file", b"ca.crt"),
    )
]
RECEIVER: Row = (
    *(b"streaming", None, b"primary", b"5432"),
    b"user=r sslmode=prefer sslcert=own.crt gssencmode=disable",
)
ANSWERS: Rows = {
    "server": [SERVER],
    "wal_senders": [],
    "hba_rules": [],
    "ident_mappings": [],
    "file_times": TIMES,
    "file_times again": TIMES,
    "role_memberships": [],
    "receiver": [],
    "receiver's certificate": [(b"own.crt", None, b"")],
    "hba_lines": [],
    "tls_files": [],
    "memberships of replicating roles": [],
    "regular_expressions": [],
}
WITH_EXPRESSION: Rows = {
    "hba_rules": [(None, b"1", b"local", b"{all}", b"{/r}", None, None, b"peer", None, None)],
    "wal_senders": [
        (
            *(b"2", b"1700000000", b"r", b"", None, b"-1", b"streaming", b"async", None, None),
            *(b"f", None, None, None, None, None, None, b"f", b"10"),
        )
    ],
}
MANY_MEMBERSHIPS: Rows = {
    "role_memberships": [(str(n).encode(), b"1", b"group") for n in range(201)]
}
DENIED = Unread(FailureReason.PERMISSION, "denied")
NOT_SENT = Unread(FailureReason.INTERNAL, "a statement was not sent")


def poll(
    answers: Rows, context: Context, **changes: Read[list[Row]]
) -> tuple[list[list[str]], Observation]:
    """Return the names of what is sent in each round, and what comes of the answers."""
    collection = Collection(context)
    statements = collection.first_statements()
    rounds = []
    while statements:
        rounds.append(list(statements))
        for name in statements:
            collection.add(name, {**answers, **changes}[name])
        statements = collection.further_statements()
    collection.finish()
    read = collection.observation("db1", NOT_SENT, at=NOW, duration_seconds=1)
    assert isinstance(read, Observation), read
    return rounds, read


def context(kept: Kept | None = None) -> Context:
    return Context(180000, 1, kept=kept or Kept())


def test_the_first_poll_reads_files_in_a_second_round() -> None:
    rounds, read = poll(ANSWERS, context())
    assert rounds == [FIRST, ["hba_lines", "file_times again", "tls_files"]]
    assert not any(read.failures.values())


def test_a_usual_poll_is_one_round() -> None:
    _, before = poll(ANSWERS, context())
    assert before.kept.is_settled
    rounds, read = poll(ANSWERS, context(before.kept))
    assert rounds == [FIRST]
    assert read == before


def test_a_server_that_is_not_a_standby_is_not_asked_for_its_receiver() -> None:
    rounds, read = poll(ANSWERS, replace(context(), may_receive=False))
    assert "receiver" not in rounds[0]
    assert read.receiver is None


def test_everything_that_may_be_asked_in_a_second_round_is_in_one_order() -> None:
    answers = {**ANSWERS, **WITH_EXPRESSION, **MANY_MEMBERSHIPS}
    rounds, read = poll(answers, context(), receiver=[RECEIVER])
    assert rounds[1:] == [
        [
            *("hba_lines", "file_times again", "tls_files", "receiver's certificate"),
            *("regular_expressions", "memberships of replicating roles"),
        ]
    ]
    assert not any(read.failures.values())


def test_where_a_file_is_out_of_reach_the_next_poll_asks_one_by_one() -> None:
    unreachable: list[Row] = [*TIMES, (b"ssl_crl_file", b"out.crl", None, None, None)]
    answers = {**ANSWERS, "file_times again": unreachable}
    rounds, read = poll(answers, context(), file_times=DENIED)
    assert rounds[1:] == [["hba_lines", "file_times again", "tls_files"]]
    assert read.out_of_reach == {"out.crl"}
    assert "file_times()" in _sql(context(read.kept))
    assert "file_times_at_once()" in _sql(context())


def _sql(context: Context) -> str:
    return Collection(context).first_statements()["file_times"].sql


def test_without_the_shipped_functions_none_of_them_is_asked() -> None:
    not_installed = Unread(FailureReason.NOT_INSTALLED, "there is no such function")
    rounds, read = poll(ANSWERS, context(), file_times=not_installed, receiver=[RECEIVER])
    assert rounds == [FIRST]
    assert (read.file_times, read.hba_lines, read.tls_files) == (not_installed,) * 3
    assert not isinstance(read.receiver, Unread)
    assert read.receiver is not None
    assert read.receiver.certificate is not_installed


def test_where_the_identifier_is_refused_everything_is_asked_again() -> None:
    collection = Collection(context())
    for name in collection.first_statements():
        collection.add(name, DENIED if name == "server" else ANSWERS[name])
    again = collection.further_statements()
    assert list(again) == FIRST
    assert "pg_control_system" not in again["server"].sql


def test_lines_are_not_kept_if_a_file_changed_while_they_were_read() -> None:
    changed = [(*row[:2], b"11", *row[3:]) for row in TIMES]
    _, read = poll({**ANSWERS, "file_times again": changed}, context())
    assert read.hba_lines == ()
    assert read.hba_lines_of == ()


def test_lines_without_the_times_after_them_are_not_used() -> None:
    """A line written after the rules would look older than it is."""
    collection = Collection(context())
    for name in collection.first_statements():
        collection.add(name, ANSWERS[name])
    collection.further_statements()
    collection.add("hba_lines", [])
    read = collection.so_far().observation("db1", NOT_SENT, at=NOW, duration_seconds=1)
    assert isinstance(read, Observation)
    assert read.hba_lines is NOT_SENT
    assert read.tls_files is NOT_SENT


def test_a_file_that_is_missing_is_not_out_of_reach() -> None:
    missing: list[Row] = [*TIMES, (b"ssl_crl_file", b"gone.crl", None, None, None)]
    _, read = poll({**ANSWERS, "file_times again": missing}, context(), file_times=missing)
    assert read.out_of_reach == frozenset()


def test_a_server_whose_rows_are_malformed_is_not_asked_again() -> None:
    collection = Collection(context())
    for name in collection.first_statements():
        collection.add(name, [(b"not", b"a", b"server")] if name == "server" else ANSWERS[name])
    assert collection.further_statements() == {}
