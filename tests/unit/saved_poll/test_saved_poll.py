"""A saved poll holds all that a judgement depends on, no secret, and is read as hostile input."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from exporter.judging import Inputs, judge
from exporter.model.failure import FailureReason, Unread
from exporter.model.hba import HbaContent
from exporter.model.history import RulesHistory
from exporter.model.knowledge import Knowledge
from exporter.model.report import TargetReport
from exporter.model.target import PasswordFile, PasswordVariable
from exporter.model.wal_sender import OtherPeer
from exporter.observe.certificates.tls.verification import verify
from exporter.saved_poll import file
from exporter.saved_poll.document import FORMAT_VERSION, SavedPolls
from exporter.saved_poll.file import UnusableSavedPoll, read_saved, saved_text
from exporter.saved_poll.replay import judged_again
from tests.live.replay import assert_same_when_replayed
from tests.unit.assess.facts import NOW, SCRAM, rules
from tests.unit.saved_poll.facts import (
    DAY,
    INPUTS,
    KNOWN,
    OBSERVED,
    PASSWORD,
    SENDER,
    SERVER_TARGET,
)

UNREAD = Unread(FailureReason.TIMEOUT, "no answer within 10 s")


def report_on(inputs: Inputs) -> TargetReport:
    return judge(inputs, now=lambda: NOW)[0]


def read_text(directory: Path, text: str) -> SavedPolls:
    path = directory / "poll.json"
    path.write_text(text)
    return read_saved(path)


def fault(directory: Path, text: str) -> str:
    """Return why a file with ``text`` is refused: one printable line."""
    with pytest.raises(UnusableSavedPoll) as caught:
        judged_again(read_text(directory, text))
    message = str(caught.value)
    assert message.isprintable()
    assert len(message) < 1000
    return message


def saved() -> Any:
    return json.loads(saved_text([(INPUTS, NOW)], "1.2.3"))


@pytest.mark.parametrize(
    "inputs",
    [
        INPUTS,
        replace(INPUTS, observation=UNREAD),
        replace(INPUTS, observation=replace(OBSERVED, hba=UNREAD, ident=UNREAD, tls_files=UNREAD)),
        replace(INPUTS, observation=replace(OBSERVED, wal_senders=UNREAD, hba_lines=UNREAD)),
        replace(INPUTS, history=RulesHistory(), knowledge=Knowledge(verify)),
        replace(INPUTS, knowledge=replace(KNOWN, served=UNREAD)),
        replace(
            INPUTS,
            observation=replace(
                OBSERVED,
                wal_senders=(replace(SENDER, peer=OtherPeer.UNIX_SOCKET),),
            ),
        ),
    ],
)
def test_a_poll_that_went_through_a_file_is_judged_the_same(inputs: Inputs) -> None:
    assert_same_when_replayed(inputs, NOW, report_on(inputs))


LEFT_OUT: dict[str, Callable[[Inputs], Inputs]] = {
    "observation": lambda i: replace(i, observation=replace(OBSERVED, hba=rules(SCRAM))),
    "history": lambda i: replace(i, history=RulesHistory()),
    "duration": lambda i: replace(i, observation=UNREAD, duration_seconds=1.0),
    "policy": lambda i: replace(
        i, target=replace(SERVER_TARGET, policy=replace(SERVER_TARGET.policy, explicit=True))
    ),
    "inventory": lambda i: replace(i, knowledge=replace(KNOWN, inventory=None)),
    "served": lambda i: replace(i, knowledge=replace(KNOWN, served=None)),
    "standbys": lambda i: replace(i, knowledge=replace(KNOWN, standbys=())),
    "seen": lambda i: replace(i, knowledge=replace(KNOWN, seen=())),
}


@pytest.mark.parametrize("name", LEFT_OUT)
def test_the_check_of_the_live_tests_fails_if_a_file_holds_something_else(name: str) -> None:
    with pytest.raises(AssertionError):
        assert_same_when_replayed(LEFT_OUT[name](INPUTS), NOW, report_on(INPUTS))


def test_the_check_of_the_live_tests_fails_at_another_time() -> None:
    with pytest.raises(AssertionError):
        assert_same_when_replayed(INPUTS, NOW + 30 * DAY, report_on(INPUTS))


@pytest.mark.parametrize(
    "password", [SERVER_TARGET.password, PasswordFile(Path("/p")), PasswordVariable("P"), None]
)
def test_neither_the_password_nor_where_it_is_found_is_written(password: Any) -> None:
    target = replace(SERVER_TARGET, password=password)
    text = saved_text([(replace(INPUTS, target=target), NOW)], "1.2.3")
    assert PASSWORD not in text
    assert json.loads(text)["polls"][0]["target"]["password"] is None
    assert sorted(json.loads(text)["polls"][0]["target"]["parameters"]) == [
        "dbname",
        "host",
        "port",
        "user",
    ]


def test_digests_of_configuration_files_are_not_written_since_they_cover_passwords() -> None:
    secret = "sha256-of-a-line-with-a-password"
    content = HbaContent((), (), secret, secret)
    history = replace(
        INPUTS.history,
        hba=replace(
            INPUTS.history.hba,
            confirmed=content,
            latest=content,
            seen_since=(content,),
            confirmed_lines=content,
            before_unread=replace(INPUTS.history.hba, confirmed=content),
        ),
    )
    inputs = replace(INPUTS, observation=replace(OBSERVED, hba=content), history=history)
    assert secret not in saved_text([(inputs, NOW)], "1.2.3")


def test_two_targets_share_one_inventory_and_each_is_judged(tmp_path: Path) -> None:
    other = replace(SERVER_TARGET, name="other")
    both = [(INPUTS, NOW), (replace(INPUTS, target=other), NOW)]
    text = saved_text(both, "1.2.3")
    assert text.count("/pki/new.crt") == 1
    records = judged_again(read_text(tmp_path, text))
    assert [r.target.name for r in records] == ["primary", "other"]
    assert [r.polls for r in records] == [1, 1]


def test_another_version_is_refused_with_the_version_of_its_writer(tmp_path: Path) -> None:
    document = {**saved(), "format_version": FORMAT_VERSION + 1, "new": {}}
    message = fault(tmp_path, json.dumps(document))
    assert f"format version {FORMAT_VERSION + 1}, written by exporter 1.2.3" in message
    assert f"this exporter reads format version {FORMAT_VERSION}" in message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "is not a saved poll"),
        ("[]", "is not a saved poll"),
        ("{}", "is not a saved poll: format_version: Field required"),
        ('{"format_version": "x"}', "is not a saved poll: format_version"),
        ("\x1b[2J", "is not a saved poll"),
        ("[" * 100_000, "is not a saved poll"),
        ('{"format_version": 1, "exporter_version": "\x1b[2J' + "9" * 5000 + '"}', "is not"),
        ('{"format_version": 9, "exporter_version": "\\u001b[2J' + "9" * 5000 + '"}', "\\x1b[2J9"),
        ('{"format_version": 1, "exporter_version": "x"}', "inventory: Field required"),
    ],
)
def test_a_file_that_is_not_a_saved_poll_is_refused(
    tmp_path: Path, text: str, expected: str
) -> None:
    assert expected in fault(tmp_path, text)


def _set(*keys: str | int, to: object) -> Callable[[Any], None]:
    def change(document: Any) -> None:
        for key in keys[:-1]:
            document = document[key]
        document[keys[-1]] = to

    return change


POLL_0 = ("polls", 0)
SERVED_0 = (*POLL_0, "served", "certificates", 0)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_set("extra", to=1), "extra: "),
        (_set(*POLL_0, "extra", to=1), "polls.0.extra: "),
        (_set(*POLL_0, "target", "\x1b[2J" + "x" * 5000, to=1), "polls.0.target.\\x1b[2Jxxx"),
        (_set(*POLL_0, "judged_at", to="now"), "polls.0.judged_at: "),
        (_set(*POLL_0, "judged_at", to="2026-11-20T12:00:00"), "has no time zone"),
        (_set(*POLL_0, "observation", "at", to="2026-11-20T12:00:00"), "has no time zone"),
        (_set(*SERVED_0, "der", to="AAAA"), "not those of its DER bytes"),
        (_set(*SERVED_0, "der", to="no base64!"), "polls.0.served"),
        (_set(*SERVED_0, "is_authority", to=True), "not those of its DER bytes"),
        (_set(*SERVED_0, "fingerprint", to="\x1b" * 500), "not those of its DER bytes"),
        (_set(*POLL_0, "target", "name", to="\x1b[2J"), "is not printable"),
        (_set(*POLL_0, "target", "labels", to={"a": "\x1b[2J"}), "is not printable"),
        (_set(*POLL_0, "observation", "hba", "rules", 1, "netmask", to="x"), "cannot be judged"),
    ],
)
def test_a_changed_file_is_refused_with_the_place(
    tmp_path: Path, change: Callable[[Any], None], expected: str
) -> None:
    document = saved()
    change(document)
    assert expected in fault(tmp_path, json.dumps(document))


def test_revocation_lists_are_what_their_bytes_say(tmp_path: Path) -> None:
    document = saved()
    (one,) = document["polls"][0]["served"]["trust"]["revocation_lists"]
    one["number"] = 7
    assert "the fields of CRL" in fault(tmp_path, json.dumps(document))


def test_two_polls_of_one_target_are_refused(tmp_path: Path) -> None:
    document = saved()
    document["polls"] *= 2
    assert "two polls have the same target name" in fault(tmp_path, json.dumps(document))


def test_only_regular_files_of_limited_size_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for path, expected in (
        (fifo, "is a FIFO, not a regular file"),
        (tmp_path, "is a directory, not a regular file"),
        (tmp_path / "missing", "cannot be read: No such file"),
    ):
        with pytest.raises(UnusableSavedPoll, match=expected):
            read_saved(path)
    text = json.dumps(saved())
    monkeypatch.setattr(file, "MOST_BYTES", 1024)
    assert "is larger than 1 KiB" in fault(tmp_path, text)
    with pytest.raises(UnusableSavedPoll, match="fewer targets"):
        saved_text([(INPUTS, NOW)], "1.2.3")


def test_text_that_json_cannot_hold_is_reported() -> None:
    target = replace(SERVER_TARGET, cluster_name="\udcff")
    with pytest.raises(UnusableSavedPoll, match="cannot be written"):
        saved_text([(replace(INPUTS, target=target), NOW)], "1.2.3")


SAMPLE = Path(__file__).with_name("sample.json")


def test_a_file_that_this_format_version_once_wrote_is_still_read() -> None:
    """If it is not, raise FORMAT_VERSION and write the sample again (write_sample.py)."""
    (record,) = judged_again(read_saved(SAMPLE))
    assert record.report is not None
    assert record.report.failure is None
