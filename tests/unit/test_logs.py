"""What is logged of many records that say the same."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from exporter import logs


@dataclass
class Log:
    """What was written, and the time that the log goes by."""

    stream: io.StringIO = field(default_factory=io.StringIO)
    now: float = 1000.0
    handler: logging.Handler = field(default_factory=logging.NullHandler)

    def lines(self) -> list[str]:
        return [json.loads(line)["msg"] for line in self.stream.getvalue().splitlines()]


@pytest.fixture
def log() -> Iterator[Log]:
    root, own = logging.getLogger(), logging.getLogger("exporter")
    others, levels = root.handlers[:], (root.level, own.level)
    # set_up() would close those of pytest
    root.handlers.clear()
    written = Log()
    logs.set_up("info", "json", written.stream, lambda: written.now)
    (written.handler,) = root.handlers
    root.handlers[:] = [*others, written.handler]
    yield written
    root.removeHandler(written.handler)
    written.handler.close()
    root.setLevel(levels[0])
    own.setLevel(levels[1])


OWN = logging.getLogger("exporter.poller")
LIBRARY = logging.getLogger("aiohttp.server")


def test_repetitions_are_counted_and_their_number_written_once_a_minute(log: Log) -> None:
    for _ in range(5):
        OWN.warning("no %s", "descriptor")
    assert log.lines() == ["no descriptor"]
    log.now += logs.FOLD_SECONDS
    for _ in range(3):
        OWN.warning("no %s", "descriptor")
    assert log.lines()[1:] == ["no descriptor (repeated 4 times)"]
    log.now += logs.FOLD_SECONDS
    OWN.info("another")
    assert log.lines()[2:] == ["no descriptor (repeated 3 times)", "another"]
    log.now += logs.FOLD_SECONDS
    OWN.warning("no %s", "descriptor")
    assert log.lines()[4:] == ["no descriptor"]


def test_what_differs_is_written(log: Log) -> None:
    OWN.warning("target=%s is down", "a")
    OWN.warning("target=%s is down", "b")
    OWN.error("target=a is down")
    assert log.lines() == ["target=a is down", "target=b is down", "target=a is down"]


def test_what_a_library_logs_of_several_clients_is_one_record(log: Log) -> None:
    LIBRARY.error("Error handling request from %s", "10.0.0.1")
    LIBRARY.error("Error handling request from %s", "10.0.0.2")
    assert log.lines() == ["Error handling request from 10.0.0.1"]


def test_a_record_may_say_what_it_repeats(log: Log) -> None:
    for number in range(3):
        OWN.error("page %d", number, extra={"fold": "a page"})
    assert log.lines() == ["page 0"]


def test_what_an_operator_does_is_written_each_time(log: Log) -> None:
    for _ in range(2):
        logging.getLogger("exporter.app").error("configuration not reloaded")
    assert log.lines() == ["configuration not reloaded"] * 2


def test_the_debug_log_of_polls_is_complete_and_that_of_requests_is_folded(log: Log) -> None:
    OWN.setLevel(logging.DEBUG)
    try:
        for _ in range(2):
            OWN.debug("target=a asks server")
            OWN.debug("malformed request", extra={"fold": "malformed"})
    finally:
        OWN.setLevel(logging.NOTSET)
    assert sorted(log.lines()) == ["malformed request", *["target=a asks server"] * 2]


def test_what_was_counted_is_written_at_the_end(log: Log) -> None:
    for _ in range(2):
        OWN.warning("again")
    log.handler.close()
    assert log.lines() == ["again", "again (repeated once)"]


def test_the_number_of_repetitions_has_the_level_and_logger_of_the_record(log: Log) -> None:
    for _ in range(2):
        OWN.warning("again")
    log.handler.close()
    first, second = map(json.loads, log.stream.getvalue().splitlines())
    assert (second["level"], second["logger"]) == (first["level"], first["logger"])


def test_many_different_records_are_all_written_and_few_are_kept(log: Log) -> None:
    for number in range(3000):
        OWN.warning("record %d", number)
    assert len(log.lines()) == 3000
    assert isinstance(log.handler, logs._FoldingHandler)
    assert len(log.handler._folded) == logs._MOST_FOLDED


def test_a_record_that_cannot_be_written_is_no_fault_of_who_logs_it(
    log: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    faulty = {"name": "exporter.poller", "levelno": logging.ERROR, "msg": "%d", "args": ("one",)}
    log.handler.handle(logging.makeLogRecord(faulty))
    assert log.lines() == []
    assert "Logging error" in capsys.readouterr().err


def test_a_fault_in_the_event_loop_is_one_record_however_often_it_comes(log: Log) -> None:
    def fault(number: int) -> None:
        raise ZeroDivisionError(number)

    async def faulty() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(logs.log_loop_fault)
        for number in range(5):
            loop.call_soon(fault, number)
        await asyncio.sleep(0)

    asyncio.run(faulty())
    (line,) = log.stream.getvalue().splitlines()
    assert json.loads(line)["msg"].startswith("Exception in callback ")
    assert "ZeroDivisionError" in json.loads(line)["traceback"]
