"""How any readers are driven: rounds of statements, what they need, when rows are interpreted."""

from dataclasses import replace

from exporter.model.failure import FailureReason, NotAsked, Read, Reader, Unread
from exporter.observe.postgres.collect import Collection
from exporter.observe.postgres.readers.spec import ReaderSpec, Results
from exporter.observe.postgres.session.statement import Row, Statement
from tests.unit.observe.postgres.made_up import (
    AT_LOGIN,
    ESSENTIAL,
    NOT_SENT,
    NOW,
    REFUSED,
    ROWS,
    SENDERS,
    Interpreted,
    answered,
    extend,
    reading,
    spec,
)

# --- rounds of statements


def test_the_first_round_is_in_the_order_of_the_readers() -> None:
    silent = ReaderSpec(Reader.HBA_LINES, {})
    collection = Collection(AT_LOGIN, [spec(SENDERS), silent, ESSENTIAL])
    statements = collection.first_statements()
    assert list(statements) == ["wal_senders", "server"]
    assert statements["server"] == Statement("SELECT server")


def test_a_second_round_is_sent_once_and_files_come_first() -> None:
    other = reading(Reader.WAL_SENDERS, name="other")
    file = reading(Reader.TLS_FILES, name="file", reads_files=True)
    times = reading(Reader.FILE_TIMES, name="times", reads_files=True)
    readers = [
        spec(SENDERS, lambda _results: (other,)),
        spec(reading(Reader.TLS_FILES), lambda _results: (file, times)),
        # two readers may ask for the same
        spec(reading(Reader.FILE_TIMES), lambda _results: (times,)),
    ]
    collection = Collection(AT_LOGIN, readers)
    answered(collection, collection.first_statements())
    assert answered(collection, collection.further_statements()) == ["file", "times", "other"]
    assert collection.further_statements() == {}


def test_a_reader_decides_by_what_another_one_read() -> None:
    more = reading(Reader.HBA_RULES, name="more")
    readers = [
        spec(SENDERS),
        spec(
            reading(Reader.HBA_RULES),
            lambda results: (more,) if results.take(SENDERS) == "x" else (),
        ),
    ]
    other: list[Row] = [(b"y",)]
    rows: Read[list[Row]]
    for rows, wanted in ((ROWS, ["more"]), (other, []), (REFUSED, [])):
        collection = Collection(AT_LOGIN, readers)
        collection.first_statements()
        collection.add("hba_rules", ROWS)
        collection.add("wal_senders", rows)
        assert list(collection.further_statements()) == wanted


def test_a_reader_is_not_asked_further_before_what_it_needs_is_answered() -> None:
    more = reading(Reader.HBA_RULES, name="more")
    readers = [
        spec(SENDERS),
        spec(
            reading(Reader.HBA_RULES),
            lambda _results: (more,),
            needs=frozenset({Reader.WAL_SENDERS}),
        ),
    ]
    collection = Collection(AT_LOGIN, readers)
    collection.first_statements()
    collection.add("hba_rules", ROWS)
    assert collection.further_statements() == {}
    # a failure is an answer, too
    collection.add("wal_senders", REFUSED)
    assert list(collection.further_statements()) == ["more"]


# --- an essential reader


def test_an_essential_reader_that_is_refused_asks_everything_again_once() -> None:
    more = reading(Reader.WAL_SENDERS, name="more")
    collection = Collection(AT_LOGIN, [ESSENTIAL, spec(SENDERS, lambda _results: (more,))])
    for name in collection.first_statements():
        collection.add(name, REFUSED)
    again = collection.further_statements()
    assert list(again) == ["server", "wal_senders"]
    assert again["server"] == Statement("SELECT less")
    for name in again:
        collection.add(name, REFUSED)
    assert collection.further_statements() == {}


def test_what_is_asked_instead_opens_the_way_for_the_others() -> None:
    more = reading(Reader.WAL_SENDERS, name="more")
    collection = Collection(AT_LOGIN, [ESSENTIAL, spec(SENDERS, lambda _results: (more,))])
    for name in collection.first_statements():
        collection.add(name, REFUSED)
    answered(collection, collection.further_statements())
    assert list(collection.further_statements()) == ["more"]


def test_an_essential_reader_whose_rows_are_malformed_is_the_failure_of_the_poll() -> None:
    collection = Collection(AT_LOGIN, [ESSENTIAL, spec(SENDERS)])
    for name in collection.first_statements():
        collection.add(name, [])
    assert collection.further_statements() == {}
    read = collection.observation("db1", NOT_SENT, at=NOW, duration_seconds=1)
    assert isinstance(read, Unread)
    assert read.reason is FailureReason.PROTOCOL


# --- interpreting


def test_rows_are_interpreted_as_they_arrive_and_once() -> None:
    interpreted: Interpreted = []
    senders = reading(Reader.WAL_SENDERS, interpreted)
    collection = Collection(AT_LOGIN, [ESSENTIAL, spec(senders, field="wal_senders")])
    answered(collection, collection.first_statements())
    assert interpreted == [("wal_senders", extend(AT_LOGIN, "x"))]
    collection.further_statements()
    collection.finish()
    assert len(interpreted) == 1


def test_rows_wait_for_what_their_reader_needs() -> None:
    interpreted: Interpreted = []
    times = reading(Reader.FILE_TIMES, extend=extend)
    senders = reading(Reader.WAL_SENDERS, interpreted)
    collection = Collection(
        AT_LOGIN, [ESSENTIAL, spec(senders, needs=frozenset({Reader.FILE_TIMES})), spec(times)]
    )
    collection.first_statements()
    collection.add("server", ROWS)
    collection.add("wal_senders", ROWS)
    assert interpreted == []
    collection.add("file_times", [(b"later",)])
    assert interpreted == [("wal_senders", extend(AT_LOGIN, "later"))]


def test_rows_are_interpreted_again_when_the_context_changes() -> None:
    interpreted: Interpreted = []
    times = reading(Reader.FILE_TIMES, extend=extend)
    again = replace(times, name="times again")
    senders = reading(Reader.WAL_SENDERS, interpreted)
    collection = Collection(
        AT_LOGIN, [ESSENTIAL, spec(times, lambda _results: (again,)), spec(senders)]
    )
    answered(collection, collection.first_statements())
    collection.further_statements()
    collection.add("times again", [(b"changed",)])
    assert [context.hba_file for _, context in interpreted] == ["x", "changed"]


def test_nothing_is_interpreted_without_the_essential_reader() -> None:
    interpreted: Interpreted = []
    senders = reading(Reader.WAL_SENDERS, interpreted)
    collection = Collection(AT_LOGIN, [ESSENTIAL, spec(senders)])
    collection.first_statements()
    collection.add("server", REFUSED)
    collection.add("wal_senders", ROWS)
    assert interpreted == []


def test_large_rows_are_interpreted_last() -> None:
    interpreted: Interpreted = []
    large = reading(Reader.WAL_SENDERS, interpreted, is_large=True)
    collection = Collection(AT_LOGIN, [ESSENTIAL, spec(large, field="wal_senders")])
    answered(collection, collection.first_statements())
    collection.further_statements()
    assert interpreted == []
    collection.finish()
    assert len(interpreted) == 1


def test_as_long_as_the_poll_goes_on_what_is_missing_was_not_asked() -> None:
    assert isinstance(Results(AT_LOGIN).take(SENDERS), NotAsked)
    assert NotAsked() != Unread(FailureReason.INTERNAL, "not asked")


def test_a_computed_value_holds_as_long_as_its_arguments_are_the_same() -> None:
    results = Results(AT_LOGIN)
    one, equal = [1], [1]
    first: list[int] = results.compute(list, one)
    assert results.compute(list, one) is first
    assert results.compute(list, equal) is not first
