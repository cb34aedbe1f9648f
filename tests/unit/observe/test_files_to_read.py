"""What is read and interpreted again, and what rows of the shipped functions may be."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from exporter.model.certificate import CertificateFile
from exporter.model.failure import FailureReason, Read, Unread
from exporter.model.hba import FileTimes, HbaContent, ServerFile
from exporter.model.kept import Kept
from exporter.model.tls_files import Receiver, TlsFiles
from exporter.observe.postgres.readers import hba_lines, receiver, tls_files
from exporter.observe.postgres.readers.file_times import FILE_TIMES
from exporter.observe.postgres.readers.hba_rules import HBA_RULES
from exporter.observe.postgres.readers.receiver import RECEIVER, RECEIVER_CERTIFICATE
from exporter.observe.postgres.readers.tls_files import TLS_FILES, of_this_release
from exporter.observe.postgres.session.statement import Context, Row

NOW = datetime(2026, 1, 2, 3, 4, 5, 600_000, UTC)
LONG_AGO = datetime(2025, 1, 1, tzinfo=UTC)
CERTIFICATE = FileTimes(ServerFile.CERTIFICATE, "server.crt", 700, LONG_AGO, LONG_AGO)
OF_RECEIVER = replace(CERTIFICATE, setting=ServerFile.RECEIVER_CERTIFICATE, path="own.crt")
HBA = replace(CERTIFICATE, setting=ServerFile.HBA, path="pg_hba.conf")
ROW: Row = (b"ssl_cert_file", b"server.crt", None, None)
RECEIVER_ROW: Row = (
    b"streaming",
    None,
    b"primary",
    b"5432",
    b"user=r sslmode=prefer sslcert=own.crt gssencmode=disable",
)


def _context(*times: FileTimes, kept: TlsFiles | Receiver | None = None) -> Context:
    return Context(
        180000,
        1,
        asked_at=NOW,
        file_times=(HBA, *times),
        kept=Kept(
            tls_files=kept if isinstance(kept, TlsFiles) else None,
            receiver=kept if isinstance(kept, Receiver) else None,
        ),
    )


def _read(*times: FileTimes, row: Row = ROW) -> TlsFiles:
    read = TLS_FILES.take([row], _context(*times))
    assert isinstance(read, TlsFiles), read
    return read


def _changed(age: timedelta) -> FileTimes:
    return replace(CERTIFICATE, changed=(NOW - age).replace(microsecond=0))


def test_equal_times_of_these_files_need_no_reading() -> None:
    kept = _read(CERTIFICATE)
    assert kept.read_of == (CERTIFICATE,)
    assert tls_files.known(_context(CERTIFICATE, kept=kept)) is kept
    assert tls_files.known(_context(CERTIFICATE, OF_RECEIVER, kept=kept)) is kept


@pytest.mark.parametrize(
    "times",
    [
        (),
        (replace(CERTIFICATE, size=701),),
        (replace(CERTIFICATE, path="other.crt"),),
        (replace(CERTIFICATE, modified=NOW),),
        (replace(CERTIFICATE, changed=NOW),),
        (replace(CERTIFICATE, size=None, modified=None, changed=None),),
        (CERTIFICATE, replace(CERTIFICATE, setting=ServerFile.CRL_DIRECTORY)),
    ],
)
def test_any_other_times_do(times: tuple[FileTimes, ...]) -> None:
    assert tls_files.known(_context(*times, kept=_read(CERTIFICATE))) is None
    assert tls_files.known(_context(*times, kept=None)) is None


@pytest.mark.parametrize(
    ("times", "settled"),
    [
        (_changed(timedelta(seconds=2)), True),
        (_changed(timedelta(seconds=1)), False),
        (_changed(timedelta(0)), False),
        (_changed(-timedelta(days=1)), False),
        # a time that was set by hand, in the future: the inode's decides
        (replace(CERTIFICATE, modified=NOW + timedelta(days=1)), True),
        # as on Windows
        (replace(CERTIFICATE, changed=None), True),
        (replace(CERTIFICATE, changed=None, modified=NOW), False),
        # missing
        (replace(CERTIFICATE, size=None, changed=None, modified=None), True),
    ],
)
def test_a_file_written_just_now_is_read_again(times: FileTimes, *, settled: bool) -> None:
    kept = _read(times)
    assert kept.read_of == ((times,) if settled else ())
    assert (tls_files.known(_context(times, kept=kept)) is kept) is settled


@pytest.mark.parametrize(
    ("problem", "lasts"),
    [("missing", True), ("too_large", True), ("directory", True), ("unreadable", False)],
)
def test_a_problem_lasts_unless_it_has_no_time(problem: str, *, lasts: bool) -> None:
    read = _read(CERTIFICATE, row=(*ROW[:2], problem.encode(), None))
    assert isinstance(read.certificate, Unread)
    assert bool(read.read_of) is lasts


@pytest.mark.parametrize(
    "row",
    [
        (b"ssl_cert_file", b"server.crt", b"enchanted", None),
        (b"ssl_cert_file", None, None, None),
        (None, b"server.crt", None, None),
        (b"ssl_cert_file", b"server.crt"),
        (),
        (b"ssl_cert_file", b"server.crt", None, b"x" * 6_000_000),
    ],
)
def test_rows_that_the_shipped_functions_do_not_give_are_refused(row: Row) -> None:
    read = TLS_FILES.take([row], _context())
    assert isinstance(read, Unread)
    assert read.reason is FailureReason.PROTOCOL


def test_a_path_cannot_write_more_than_a_line_of_a_detail() -> None:
    read = _read(row=(b"ssl_cert_file", b"a\nb" * 20_000, b"missing", None)).certificate
    assert isinstance(read, Unread)
    assert len(read.detail) <= 400
    assert read.detail.isprintable()


@pytest.mark.parametrize(
    ("setting", "most"), [("ssl_cert_file", 500), ("ssl_ca_file", 500), ("ssl_crl_file", 1500)]
)
def test_a_crowd_of_certificates_is_not_even_parsed(setting: str, most: int) -> None:
    """OpenSSL's time grows by the square of what it is given to verify with."""
    block = b"-----BEGIN CERTIFICATE-----\n"

    def read_of(number: int) -> list[Read[CertificateFile]]:
        read = _read(row=(setting.encode(), b"many.crt", None, block * number))
        return [read.certificate, read.authority, read.revocation]

    assert not any(isinstance(each, Unread) for each in read_of(most))
    (refused,) = [each for each in read_of(most + 1) if isinstance(each, Unread)]
    assert refused == Unread(
        FailureReason.LIMIT_EXCEEDED, f"many.crt: it holds more than {most} blocks"
    )


def test_a_standby_with_a_crowd_of_certificates_shows_none() -> None:
    row: Row = (b"own.crt", None, b"-----BEGIN CERTIFICATE-----\n" * 501)
    read = receiver.with_file(_receiver(), RECEIVER_CERTIFICATE.take([row], _context()))
    assert isinstance(read.certificate, Unread)
    assert read.certificate.reason is FailureReason.LIMIT_EXCEEDED


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (FailureReason.NOT_INSTALLED, FailureReason.NOT_INSTALLED),
        (FailureReason.UNSUPPORTED_SERVER, FailureReason.NOT_INSTALLED),
        (FailureReason.PERMISSION, FailureReason.PERMISSION),
    ],
)
def test_functions_of_another_release_are_reported_as_such(
    reason: FailureReason, expected: FailureReason
) -> None:
    read: Read[TlsFiles] = of_this_release(Unread(reason, "x"))
    assert isinstance(read, Unread)
    assert read.reason is expected


def test_settings_that_a_later_release_adds_are_left_out() -> None:
    row: Row = (b"ssl_new_file", b"new", b"1", b"0", b"0")
    hba: Row = (b"hba_file", b"pg_hba.conf", None, None, None)
    read = FILE_TIMES.take([row, hba], _context())
    assert isinstance(read, tuple)
    assert [times.setting for times in read] == [ServerFile.HBA]


@pytest.mark.parametrize(
    ("of_hba", "lasts"),
    [
        (HBA, True),
        (replace(HBA, changed=NOW.replace(microsecond=0)), False),
        # missing, or out of reach: that ends without a time
        (replace(HBA, size=None, modified=None, changed=None), False),
    ],
)
def test_lines_are_read_again_unless_their_file_is_old_enough(
    of_hba: FileTimes, *, lasts: bool
) -> None:
    context = Context(180000, 1, asked_at=NOW, file_times=(of_hba, CERTIFICATE))
    read_of = hba_lines.read_of(context)
    assert read_of == ((of_hba,) if lasts else ())
    rules = HbaContent((), (), "", "as read")
    kept = Kept(hba=rules, hba_lines=(), hba_lines_of=read_of)
    again = replace(context, kept=kept)
    assert hba_lines.known(again, rules) == (() if lasts else None)
    # a symbolic link that leads elsewhere, to a file of the same size and times
    assert hba_lines.known(again, replace(rules, digest_as_read="other")) is None
    assert hba_lines.known(again, Unread(FailureReason.PERMISSION)) is None
    assert hba_lines.known(replace(context, kept=replace(kept, hba=None)), rules) is None
    changed = replace(context, file_times=(replace(of_hba, size=1),), kept=kept)
    assert hba_lines.known(changed, rules) is None
    joined = replace(HBA, setting=ServerFile.HBA_INCLUDED, path="more.conf")
    more = replace(context, file_times=(*context.file_times, joined), kept=kept)
    assert hba_lines.known(more, rules) is None


HBA_ROW: Row = (
    *(None, b"1", b"hostssl", b"{all}", b"{all}", b"10.0.0.1", b"255.255.255.255"),
    *(b"ldap", b"{ldapbindpasswd=planted-secret}", None),
)


def test_rules_that_are_the_same_are_not_interpreted_again() -> None:
    first = HBA_RULES.take([HBA_ROW], _context())
    assert isinstance(first, HbaContent)
    kept = replace(_context(), kept=Kept(hba=first))
    assert HBA_RULES.take([tuple(HBA_ROW)], kept) is first
    assert HBA_RULES.take([tuple(HBA_ROW)], _context()) == first
    assert "planted-secret" not in repr(kept)


@pytest.mark.parametrize(
    "change",
    [
        lambda row, context: ((b"more.conf", *row[1:]), context),
        lambda row, context: ((*row[:8], b"{ldapbindpasswd=another}", None), context),
        # a message that comes and goes with `ssl`
        lambda row, context: ((*row[:9], b"hostssl record cannot match"), context),
        lambda row, context: (row, replace(context, hba_file="/elsewhere/pg_hba.conf")),
    ],
)
def test_rules_that_changed_are(
    change: Callable[[Row, Context], tuple[Row, Context]],
) -> None:
    first = HBA_RULES.take([HBA_ROW], _context())
    assert isinstance(first, HbaContent)
    row, context = change(HBA_ROW, _context())
    again = HBA_RULES.take([row], replace(context, kept=Kept(hba=first)))
    assert again is not first
    assert again == HBA_RULES.take([row], context)


def _receiver(row: Row = RECEIVER_ROW) -> Receiver:
    read = RECEIVER.take([row], _context())
    assert isinstance(read, Receiver), read
    return read


def test_a_receiver_s_file_is_read_once() -> None:
    found = _receiver()
    context = _context(OF_RECEIVER)
    assert receiver.known(found, context) is None
    read = RECEIVER_CERTIFICATE.take([(b"own.crt", None, None)], context)
    kept = receiver.with_file(found, read)
    assert kept.certificate == CertificateFile("own.crt")
    assert receiver.known(found, _context(OF_RECEIVER, kept=kept)) == kept
    assert receiver.known(found, _context(replace(OF_RECEIVER, size=1), kept=kept)) is None
    assert receiver.known(found, _context(kept=replace(kept, read_of=()))) is None


def test_what_is_known_of_a_receiver_is_not_hidden_by_its_file() -> None:
    failure = Unread(FailureReason.STATEMENT_TIMEOUT, "x")
    reported = receiver.with_file(_receiver(), failure)
    assert reported.role == "r"
    assert reported.certificate is failure
    assert reported.read_of == ()


def test_a_receiver_that_ended_before_its_file_was_read_has_none() -> None:
    read = RECEIVER_CERTIFICATE.take([], _context())
    assert isinstance(read, Unread)


def test_a_conninfo_that_cannot_be_parsed_is_not_a_receiver() -> None:
    for conninfo, reason in (
        (b"", FailureReason.PROTOCOL),
        (b"user=r sslmode=odd", FailureReason.PROTOCOL),
        (b"application_name=" + b"x" * 1006, FailureReason.LIMIT_EXCEEDED),
    ):
        read = RECEIVER.take([(*RECEIVER_ROW[:4], conninfo)], _context())
        assert isinstance(read, Unread)
        assert read.reason is reason
