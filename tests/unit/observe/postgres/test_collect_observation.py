"""The result of a poll, and of one that is cut off while a thread still works on it."""

from collections.abc import Callable
from dataclasses import fields, replace

from exporter.model.failure import Reader, Unread
from exporter.model.observation import Observation
from exporter.observe.postgres.collect import Collection
from exporter.observe.postgres.readers.spec import ReaderSpec, Results
from tests.unit.assess.facts import POLL
from tests.unit.observe.postgres.made_up import (
    AT_LOGIN,
    CUT,
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
    again = replace(times, name="times again")
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
