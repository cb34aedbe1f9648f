"""Which connection is closed when there are too many, or too much is unsent."""

import logging
from dataclasses import dataclass, field

import pytest

from exporter import descriptors
from exporter.publish.http.connections import (
    FEWEST_CONNECTIONS,
    MOST_CONNECTIONS,
    Connections,
    most_connections,
    reserved_descriptors,
    warn_if_scarce,
)


@dataclass(eq=False)
class Client:
    """A connection whose state a test chooses."""

    idle_since: float | None
    unsent_bytes: int = 0
    ended: bool = field(default=False, init=False)

    def end(self) -> None:
        self.ended = True


def opened(most: int, *clients: tuple[str, Client], unsent: int = 100) -> Connections:
    connections = Connections(lambda: most, unsent)
    for address, client in clients:
        assert connections.admit(client, address)
    return connections


def test_the_one_that_has_been_idle_longest_makes_room() -> None:
    old, older, busy = Client(2.0), Client(1.0), Client(None)
    connections = opened(3, ("a", old), ("b", older), ("c", busy))
    assert connections.admit(Client(3.0), "d")
    assert (old.ended, older.ended, busy.ended) == (False, True, False)


def test_a_client_with_many_connections_loses_its_own_first() -> None:
    patient = Client(1.0)
    many = [Client(2.0), Client(3.0)]
    connections = opened(3, ("scraper", patient), *(("stranger", each) for each in many))
    for _ in range(5):
        assert connections.admit(Client(4.0), "stranger")
    assert all(each.ended for each in many)
    assert not patient.ended


def test_where_every_connection_is_busy_a_new_one_is_refused() -> None:
    busy = Client(None)
    connections = opened(1, ("a", busy))
    assert not connections.admit(Client(1.0), "b")
    assert not busy.ended


def test_a_closed_connection_leaves_its_place_to_another() -> None:
    first, second = Client(1.0), Client(2.0)
    connections = opened(2, ("a", first), ("a", second))
    connections.forget(first)
    connections.forget(first)
    assert connections.admit(Client(3.0), "a")
    assert not second.ended


def test_a_lower_limit_holds_from_the_next_connection_on() -> None:
    clients = [Client(float(number)) for number in range(4)]
    most = 4
    connections = Connections(lambda: most, 100)
    for client in clients:
        connections.admit(client, "a")
    most = 2
    assert connections.admit(Client(9.0), "a")
    assert [client.ended for client in clients] == [True, True, True, False]


def test_where_too_much_is_unsent_those_who_do_not_read_are_closed() -> None:
    unread, longer_unread, idle = Client(2.0, 40), Client(1.0, 40), Client(0.0)
    answering = Client(None, 40)
    connections = opened(
        9, ("a", unread), ("b", longer_unread), ("c", idle), ("d", answering), unsent=100
    )
    connections.make_room_for(answering)
    assert (unread.ended, longer_unread.ended, idle.ended) == (False, True, False)
    assert not answering.ended


def test_a_single_large_answer_is_sent_though_it_is_more_than_all_may_be() -> None:
    answering, busy = Client(5.0, 1000), Client(None, 10)
    connections = opened(9, ("a", answering), ("b", busy), unsent=100)
    connections.make_room_for(answering)
    assert (answering.ended, busy.ended) == (False, False)


def test_that_all_are_in_use_is_logged_with_the_client_that_has_most(
    caplog: pytest.LogCaptureFixture,
) -> None:
    connections = opened(2, ("scraper", Client(1.0)), ("stranger", Client(2.0)))
    assert caplog.text == ""
    connections.admit(Client(3.0), "stranger")
    connections.admit(Client(4.0), "stranger")
    assert "all 2 HTTP connections are in use, 2 of them by stranger" in caplog.text
    # any client, any number of them: one record and its repetitions
    assert len({record.__dict__["fold"] for record in caplog.records}) == 1


@pytest.mark.parametrize(
    ("limit", "targets", "most"),
    [
        (65_536, 1, MOST_CONNECTIONS),
        (1024, 1, MOST_CONNECTIONS),
        (1024, 230, 1024 - 64 - 4 * 230),
        (150, 1, 150 - 64 - 4),
        (1024, 1000, FEWEST_CONNECTIONS),
        (20, 1, FEWEST_CONNECTIONS),
    ],
)
def test_the_more_targets_and_the_fewer_descriptors_the_fewer_connections(
    monkeypatch: pytest.MonkeyPatch, limit: int, targets: int, most: int
) -> None:
    monkeypatch.setattr(descriptors, "limit", lambda: limit)
    assert most_connections(targets) == most


def test_a_limit_that_is_too_low_for_the_targets_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(descriptors, "limit", lambda: 1024)
    caplog.set_level(logging.WARNING)
    warn_if_scarce(200)
    assert caplog.text == ""
    warn_if_scarce(1000)
    assert f"may need {reserved_descriptors(1000) + FEWEST_CONNECTIONS} file" in caplog.text
