"""What to do about pg_hba.conf itself: lines in error, content that is not loaded."""

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_address

import pytest

from exporter.assess.advice.rules_remedy import (
    INSTALL,
    LOAD_ONCE,
    rules_remedy,
)
from exporter.model.hba import ErrorLine, RuleLocation
from exporter.model.judgement import HbaState
from exporter.model.remedy import Place, Step
from exporter.model.server_steps import (
    CorrectInPatroni,
    CorrectLine,
    InstallFunctions,
    LoadOnce,
    LoadRules,
    Mistake,
)
from exporter.model.wal_sender import OtherPeer, ReplicationKind, TcpPeer, WalSender
from tests.steps import lines
from tests.unit.assess.facts import HBA, PLAIN, STANDBY

LOAD = Step(Place.SERVER, LoadRules(170000))
CERT_ON_HOST = "cert authentication is only supported on hostssl connections"
LOGICAL = replace(STANDBY, kind=ReplicationKind.LOGICAL, database="shop", role="all")
SIX = replace(STANDBY, peer=TcpPeer(ip_address("fd00::5"), 5))


def broken(message: str, *, blocks: bool = True, line: int = 7) -> ErrorLine:
    return ErrorLine(RuleLocation(HBA, line), message, blocks_loading=blocks)


def steps(
    state: HbaState,
    errors: Sequence[ErrorLine],
    wal_senders: Sequence[WalSender] = (),
    version: int = 170000,
) -> tuple[Step, ...]:
    return rules_remedy(state, errors, wal_senders, version, is_under_patroni=False)


def correcting(message: str, *wal_senders: WalSender) -> Step:
    step, check = steps(HbaState.REJECTED, [broken(message)], wal_senders)
    assert check == LOAD
    return step


def test_what_is_loaded_needs_nothing_whatever_is_in_error() -> None:
    assert steps(HbaState.LOADED, [], [STANDBY]) == ()
    assert steps(HbaState.LOADED, [broken("x", blocks=False)]) == ()


@pytest.mark.parametrize(
    ("state", "after"),
    [
        (HbaState.PENDING, (LOAD,)),
        (HbaState.REJECTED, (LOAD,)),
        (HbaState.UNVERIFIED, (INSTALL, LOAD_ONCE)),
    ],
)
def test_lines_that_block_loading_are_corrected_first(
    state: HbaState, after: tuple[Step, ...]
) -> None:
    errors = [broken("one", line=3), broken("two", blocks=False), broken("three", line=9)]
    corrections = (
        Step(Place.SERVER, CorrectLine(RuleLocation(HBA, 3), "one")),
        Step(Place.SERVER, CorrectLine(RuleLocation(HBA, 9), "three")),
    )
    assert steps(state, errors) == (*corrections, *after)
    assert steps(state, []) == after


def test_rules_that_cannot_be_read() -> None:
    assert steps(HbaState.UNREADABLE, [broken("x")], [STANDBY]) == (INSTALL,)


def test_the_rights_are_given_and_the_rules_are_loaded_once_by_these_steps() -> None:
    assert Step(Place.SERVER, InstallFunctions()) == INSTALL
    assert Step(Place.SERVER, LoadOnce()) == LOAD_ONCE
    assert lines(LOAD_ONCE) == ("SELECT pg_reload_conf();",)


def test_the_check_before_a_load_names_files_from_16_on() -> None:
    loads = [steps(HbaState.PENDING, [], version=version)[0] for version in (159999, 160000)]
    assert [lines(load) for load in loads] == [
        (
            f"SELECT {columns} FROM pg_hba_file_rules WHERE type IS NULL;",
            "SELECT pg_reload_conf();",
        )
        for columns in ("line_number, error", "file_name, line_number, error")
    ]


# --- what to write in place of a line in error


@pytest.mark.parametrize(
    "message",
    [
        CERT_ON_HOST,
        'clientcert can only be configured for "hostssl" rows',
        'clientname can only be configured for "hostssl" rows',
    ],
)
def test_what_is_for_tls_only_goes_to_hostssl(message: str) -> None:
    assert correcting(message, STANDBY) == Step(
        Place.SERVER,
        CorrectLine(
            RuleLocation(HBA, 7),
            message,
            Mistake.NEEDS_HOSTSSL,
            ("hostssl replication replica 10.0.0.5/32 cert",),
        ),
    )


def test_peer_goes_to_local() -> None:
    message = "peer authentication is only supported on local sockets"
    assert correcting(message, STANDBY) == Step(
        Place.SERVER,
        CorrectLine(RuleLocation(HBA, 7), message, Mistake.PEER_OVER_TCP, ("local all all peer",)),
    )


def test_the_server_s_words_may_stand_in_a_longer_message() -> None:
    step = correcting(f"line 7: {CERT_ON_HOST} (hint)", STANDBY)
    assert lines(step) == ("hostssl replication replica 10.0.0.5/32 cert",)


def test_one_line_is_written_for_each_role_that_replicates() -> None:
    socket = replace(PLAIN, peer=OtherPeer.UNIX_SOCKET)
    again = replace(STANDBY, pid=1)
    assert lines(correcting(CERT_ON_HOST, socket, LOGICAL, STANDBY, again, SIX)) == (
        'hostssl shop "all" 10.0.0.5/32 cert',
        "hostssl replication replica 10.0.0.5/32 cert",
        "hostssl replication replica fd00::5/128 cert",
    )


def test_names_are_written_as_the_server_s_version_reads_them() -> None:
    sender = replace(LOGICAL, database="/shop", role="/x")
    reported = [
        lines(steps(HbaState.REJECTED, [broken(CERT_ON_HOST)], [sender], version)[0])
        for version in (159999, 160000)
    ]
    assert reported == [
        ('hostssl "/shop" "/x" 10.0.0.5/32 cert',),
        ("hostssl /^/shop$ /^/x$ 10.0.0.5/32 cert",),
    ]


def test_where_no_client_replicates_over_tcp_the_line_has_placeholders() -> None:
    for no_senders in ((), (replace(PLAIN, peer=OtherPeer.UNIX_SOCKET),)):
        step = correcting(CERT_ON_HOST, *no_senders)
        assert lines(step) == ("hostssl replication ROLE ADDRESS cert",)


@pytest.mark.parametrize("state", [HbaState.PENDING, HbaState.REJECTED, HbaState.UNVERIFIED])
def test_under_patroni_lines_are_corrected_in_its_configuration(state: HbaState) -> None:
    errors = [broken("one")]
    first, *others = rules_remedy(state, errors, [], 170000, is_under_patroni=True)
    assert first == Step(Place.SERVER, CorrectInPatroni())
    assert tuple(others) == steps(state, errors)
    # without a line to correct there is nothing to say of it
    assert rules_remedy(state, [], [], 170000, is_under_patroni=True) == steps(state, [])
