"""How any readers are driven: rounds of statements, what they need, and a poll that is cut off."""

from collections.abc import Callable, Iterable
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

from exporter.model.failure import FailureReason, NotAsked, Read, Reader, Unread
from exporter.model.observation import Observation
from exporter.observe.postgres.collect import Collection
from exporter.observe.postgres.readers.spec import ReaderSpec, Results
from exporter.observe.postgres.session.statement import Context, Reading, Row, Statement
from tests.unit.assess.facts import POLL

NOW = datetime(2026, 1, 2, tzinfo=UTC)
AT_LOGIN = Context(180000, 1)
REFUSED = Unread(FailureReason.PERMISSION, "refused")
CUT = Unread(FailureReason.TIMEOUT, "cut off")
NOT_SENT = Unread(FailureReason.INTERNAL, "not sent")
ROWS: list[Row] = [(b"x",)]

Interpreted = list[tuple[str, Context]]


def reading(reader: Reader, interpreted: Interpreted | None = None, **changes: Any) -> Reading[str]:
    """Return a statement whose rows mean the first value of the first row."""

    def interpret(rows: list[Row], context: Context) -> Read[str]:
        ((value,),) = rows
        if interpreted is not None:
            interpreted.append((title, context))
        return (value or b"").decode()

    title = changes.get("title", reader.value)
    sql = f"SELECT {title}"
    return Reading(reader, lambda _version: Statement(sql), interpret, **changes)


def spec(
    first: Reading[str],
    second: Callable[[Results], Iterable[Reading[str]]] = lambda _results: (),
    *,
    field: str = "",
    needs: frozenset[Reader] = frozenset(),
) -> ReaderSpec:
    fields = {field: lambda results: results.take(first)} if field else {}
    return ReaderSpec(
        first.reader, fields, first=lambda _context: first, second=second, needs=needs
    )


def extend(context: Context, value: str) -> Context:
    return replace(context, hba_file=value)


def answered(collection: Collection, statements: dict[str, Statement]) -> list[str]:
    """Answer every statement with ROWS; return the names in the order of sending."""
    for name in statements:
        collection.add(name, ROWS)
    return list(statements)


SERVER = reading(Reader.SERVER, extend=extend)
ALTERNATIVE = replace(SERVER, statement=lambda _version: Statement("SELECT less"))


def alternative(results: Results) -> Reading[str] | None:
    return ALTERNATIVE if isinstance(results.rows(SERVER), Unread) else None


ESSENTIAL = ReaderSpec(
    Reader.SERVER,
    {"server": lambda results: results.take(SERVER)},
    first=lambda _context: SERVER,
    is_essential=True,
    restart=alternative,
)
SENDERS = reading(Reader.WAL_SENDERS)


# --- rounds of statements


def test_the_first_round_is_in_the_order_of_the_readers() -> None:
    silent = ReaderSpec(Reader.HBA_LINES, {})
    collection = Collection(AT_LOGIN, [spec(SENDERS), silent, ESSENTIAL])
    statements = collection.first_statements()
    assert list(statements) == ["wal_senders", "server"]
    assert statements["server"] == Statement("SELECT server")


def test_a_second_round_is_sent_once_and_files_come_first() -> None:
    other = reading(Reader.WAL_SENDERS, title="other")
    file = reading(Reader.TLS_FILES, title="file", reads_files=True)
    times = reading(Reader.FILE_TIMES, title="times", reads_files=True)
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
    more = reading(Reader.HBA_RULES, title="more")
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
    more = reading(Reader.HBA_RULES, title="more")
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
    more = reading(Reader.WAL_SENDERS, title="more")
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
    more = reading(Reader.WAL_SENDERS, title="more")
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
    again = replace(times, title="times again")
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


# --- the observation


def _completed(*readers: ReaderSpec) -> list[ReaderSpec]:
    """Return readers with one more, which takes all other fields from POLL."""
    others = {field.name for field in fields(Observation)} - {
        *("target", "at", "duration_seconds"),
        *(name for each in readers for name in each.fields),
    }

    def of_poll(name: str) -> Callable[[Results], object]:
        return lambda _results: getattr(POLL, name)

    return [*readers, ReaderSpec(Reader.SERVED_CHAIN, {name: of_poll(name) for name in others})]


def _observed(collection: Collection, missing: Unread) -> Observation:
    read = collection.observation("db1", missing, at=NOW, duration_seconds=1)
    assert isinstance(read, Observation), read
    return read


def _senders(collection: Collection) -> object:
    """Return what an observation has as walsenders after a poll that was cut off."""
    return _observed(collection, CUT).wal_senders


def test_an_observation_has_what_the_readers_make_of_it() -> None:
    readers = _completed(ESSENTIAL, spec(SENDERS, field="wal_senders"))
    collection = Collection(AT_LOGIN, readers)
    answered(collection, collection.first_statements())
    read = _observed(collection, NOT_SENT)
    assert (read.target, read.at, read.duration_seconds) == ("db1", NOW, 1)
    assert _senders(collection) == "x"


def test_what_did_not_arrive_is_missing_for_the_reason_of_the_poll() -> None:
    readers = _completed(ESSENTIAL, spec(SENDERS, field="wal_senders"))
    collection = Collection(AT_LOGIN, readers)
    collection.first_statements()
    collection.add("server", ROWS)
    assert _senders(collection) is CUT


def test_a_poll_cut_off_before_the_essential_reader_has_the_reason_of_the_poll() -> None:
    collection = Collection(AT_LOGIN, [ESSENTIAL, spec(SENDERS, field="wal_senders")])
    collection.first_statements()
    assert collection.so_far().observation("db1", CUT, at=NOW, duration_seconds=1) is CUT


def test_a_copy_has_what_arrived_and_nothing_that_arrives_later() -> None:
    readers = _completed(ESSENTIAL, spec(SENDERS, field="wal_senders"))
    collection = Collection(AT_LOGIN, readers)
    collection.first_statements()
    collection.add("server", ROWS)
    copy = collection.so_far()
    collection.add("wal_senders", ROWS)
    assert _senders(copy) is CUT
    assert _senders(collection.so_far()) == "x"


def test_a_copy_has_large_rows_only_if_they_were_interpreted() -> None:
    interpreted: Interpreted = []
    large = reading(Reader.WAL_SENDERS, interpreted, is_large=True)
    readers = _completed(ESSENTIAL, spec(large, field="wal_senders"))
    collection = Collection(AT_LOGIN, readers)
    answered(collection, collection.first_statements())
    assert _senders(collection.so_far()) is CUT
    assert interpreted == []
    collection.finish()
    assert _senders(collection.so_far()) == "x"


def test_a_copy_has_the_context_of_the_original() -> None:
    """The first file times still count where a statement for later ones failed."""
    interpreted: Interpreted = []
    times = reading(Reader.FILE_TIMES, extend=extend)
    again = replace(times, title="times again")
    senders = reading(Reader.WAL_SENDERS, interpreted)
    readers = _completed(
        ESSENTIAL,
        spec(times, lambda _results: (again,)),
        spec(senders, field="wal_senders"),
    )
    collection = Collection(AT_LOGIN, readers)
    collection.first_statements()
    collection.add("server", ROWS)
    collection.add("file_times", [(b"first",)])
    collection.add("wal_senders", ROWS)
    collection.further_statements()
    collection.add("times again", REFUSED)
    _observed(collection.so_far(), CUT)
    assert [context.hba_file for _, context in interpreted] == ["first", "first"]


def test_as_long_as_the_poll_goes_on_what_is_missing_was_not_asked() -> None:
    assert isinstance(Results(AT_LOGIN).take(SENDERS), NotAsked)
    assert NotAsked() != Unread(FailureReason.INTERNAL, "not asked")
