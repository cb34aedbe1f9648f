"""What the next reconnect meets: the handshake with what is sent, then the rules."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from exporter.assess.certificates.acceptance import files_in_force
from exporter.model.certificates_report import Unmatched
from exporter.model.failure import FailureReason, Unread
from exporter.model.hba import ConnectionType, HbaRule
from exporter.model.judgement import FilesInForce, Forecast, ForecastCause, Posture, Reason, Verdict
from exporter.model.knowledge import Knowledge
from exporter.model.observation import Observation
from exporter.model.report import Connection
from exporter.model.tls_files import TlsFiles
from exporter.model.verification import VERIFIED, Purpose, Trust, Verification
from exporter.model.wal_sender import WalSender
from tests.unit.assess.facts import (
    CERT,
    LOADED,
    NOW,
    PLAIN,
    REJECT,
    SCRAM,
    SERVER,
    STANDBY,
    STARTED,
    TLS,
    TRUST,
    WITHOUT_CERTIFICATE,
    mapping,
    maps,
)
from tests.unit.assess.with_certificates import (
    CA,
    DAY,
    ENDS,
    EXPIRED,
    NO_LISTS,
    OWN,
    RECEIVER,
    RENEWED,
    SEEN,
    SERVED,
    SERVER_LEAF,
    STANDBY_TARGET,
    TLS_FILES,
    OpenSsl,
    certificate,
    crl,
    file,
    inventory,
    judged,
    known,
    name,
    of_standby,
    sending,
    tls_times,
    using,
)

SECOND = timedelta(seconds=1)
WITH = (Forecast.ADMITTED_WITH_CERTIFICATE, ForecastCause.NONE)
WITHOUT = (Forecast.ADMITTED_WITHOUT_CERTIFICATE, ForecastCause.NONE)
UNKNOWN = (Forecast.UNKNOWN, ForecastCause.NONE)
RULE = (Forecast.REFUSED, ForecastCause.RULE)
NAME = (Forecast.REFUSED, ForecastCause.NAME)
CHAIN = replace(CERT, auth_method="scram-sha-256", options=("clientcert=verify-ca",))
FULL = replace(CERT, auth_method="scram-sha-256", options=("clientcert=verify-full",))
BY_MAP = replace(CERT, options=("map=m", "clientcert=verify-full"))
NAMED = replace(SCRAM, address="db9.example", netmask=None)
HOSTSSL = replace(SCRAM, connection_type=ConnectionType.HOSTSSL)
HOSTNOSSL = replace(SCRAM, connection_type=ConnectionType.HOSTNOSSL)
OVER_TLS_1_2 = replace(STANDBY, tls=replace(TLS, version="TLSv1.2"))
NOT_READ = replace(SEEN, tls_files=Unread(FailureReason.NOT_INSTALLED))


def refused(cause: ForecastCause) -> tuple[Forecast, ForecastCause]:
    return Forecast.REFUSED, cause


def bad(cause: ForecastCause, words: str = "bad") -> Verification:
    return Verification(words, cause)


def verdict_on(verification: Verification, sslmode: str = "verify-full") -> Knowledge:
    """Return a standby that sends OWN, of which OpenSSL says so."""
    return replace(of_standby(sending(OWN, sslmode=sslmode)), verify=OpenSsl({OWN: verification}))


def met(connection: Connection) -> tuple[Forecast, ForecastCause]:
    return connection.forecast, connection.forecast_cause


NOBODY_KNOWN = Knowledge(OpenSsl())


# --- the certificate is good


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ((CERT,), WITH),
        ((CHAIN,), WITH),
        ((FULL,), WITH),
        ((SCRAM,), WITHOUT),
        ((TRUST,), WITHOUT),
        ((REJECT,), RULE),
        ((), RULE),
        ((replace(REJECT, options=("clientcert=verify-full",)),), RULE),
        ((NAMED, CERT), UNKNOWN),
        ((replace(NAMED, auth_method="reject"), CERT), UNKNOWN),
        ((replace(CERT, address="db9.example", netmask=None), CHAIN), WITH),
        ((replace(NAMED, auth_method="reject"), REJECT), RULE),
    ],
)
def test_with_a_good_certificate_the_rules_decide(
    written: tuple[HbaRule, ...], expected: tuple[Forecast, ForecastCause]
) -> None:
    assert met(judged(of_standby(), *written)) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ((CERT,), NAME),
        ((FULL,), NAME),
        ((CHAIN,), WITH),
        ((SCRAM,), WITHOUT),
        ((BY_MAP,), WITH),
        ((replace(CERT, address="db9.example", netmask=None), BY_MAP), UNKNOWN),
        ((replace(CERT, address="db9.example", netmask=None), REJECT), refused(ForecastCause.RULE)),
    ],
)
def test_the_name_must_be_one_that_the_rule_accepts(
    written: tuple[HbaRule, ...], expected: tuple[Forecast, ForecastCause]
) -> None:
    other = certificate(name("CN=standby-1"), serial=9)
    poll = replace(SEEN, ident=maps(mapping("standby-1", "replica")))
    assert met(judged(of_standby(sending(other)), *written, poll=poll)) == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([("/^standby-", "replica")], WITH),
        ([("/^st(.*)(-)", "replica")], WITH),
        ([("/^(.*)(-1)$", r"\1")], UNKNOWN),
        ([("/[[:alpha:]]", "replica")], UNKNOWN),
        ([("standby-2", "replica")], NAME),
        ([], RULE),
    ],
)
def test_through_a_map_the_name_must_be_let_in_as_the_role(
    lines: list[tuple[str, str]], expected: tuple[Forecast, ForecastCause]
) -> None:
    other = certificate(name("CN=standby-1"), serial=9)
    poll = replace(SEEN, ident=maps(*(mapping(*line) for line in lines)))
    assert met(judged(of_standby(sending(other)), BY_MAP, poll=poll)) == expected


def test_what_the_server_is_asked_is_the_chain_by_its_authorities_and_lists_now() -> None:
    lists = replace(NO_LISTS, path="root.crl", revocation_lists=(crl(),))
    poll = replace(SEEN, tls_files=TlsFiles(TLS_FILES.certificate, file("root.crt", CA), lists))
    openssl = OpenSsl()
    knowledge = replace(of_standby(sending(OWN, SERVER_LEAF)), verify=openssl)
    judged(knowledge, CERT, poll=poll)
    trust = Trust((CA,), (crl(),), demands_lists=True)
    assert openssl.asked == [((OWN, SERVER_LEAF), trust, Purpose.CLIENT, NOW, None)]
    openssl = OpenSsl()
    judged(replace(knowledge, verify=openssl), CERT)
    assert openssl.asked == [((OWN, SERVER_LEAF), Trust((CA,)), Purpose.CLIENT, NOW, None)]


# --- the certificate is bad: the handshake fails whatever the rule


@pytest.mark.parametrize(
    "cause",
    [
        ForecastCause.EXPIRED,
        ForecastCause.NOT_YET_VALID,
        ForecastCause.PURPOSE,
        ForecastCause.REVOKED,
        ForecastCause.CRL,
        ForecastCause.AUTHORITY,
    ],
)
@pytest.mark.parametrize("rule", [CERT, CHAIN, SCRAM, TRUST])
def test_a_bad_certificate_is_refused_under_every_rule(rule: HbaRule, cause: ForecastCause) -> None:
    connection = judged(verdict_on(bad(cause)), rule)
    assert met(connection) == refused(cause)
    assert (connection.breaks_at, connection.breaks_cause) == (None, ForecastCause.NONE)


def test_a_bad_certificate_is_refused_also_where_the_rules_are_not_known() -> None:
    poll = replace(SEEN, file_times=Unread(FailureReason.NOT_INSTALLED))
    assert met(judged(of_standby(), CERT, poll=poll)) == UNKNOWN
    connection = judged(verdict_on(bad(ForecastCause.EXPIRED)), CERT, poll=poll)
    assert met(connection) == refused(ForecastCause.EXPIRED)


@pytest.mark.parametrize(
    ("sslmode", "written", "expected"),
    [
        ("prefer", (SCRAM,), WITHOUT),
        ("allow", (SCRAM,), WITHOUT),
        ("prefer", (HOSTSSL, HOSTNOSSL), WITHOUT),
        ("prefer", (HOSTSSL,), refused(ForecastCause.EXPIRED)),
        ("prefer", (CERT,), refused(ForecastCause.EXPIRED)),
        ("prefer", (CERT, SCRAM), WITHOUT),
        ("require", (SCRAM,), refused(ForecastCause.EXPIRED)),
        ("verify-ca", (SCRAM,), refused(ForecastCause.EXPIRED)),
        ("verify-full", (SCRAM,), refused(ForecastCause.EXPIRED)),
    ],
)
def test_under_tls_1_2_a_client_may_fall_back_to_plaintext(
    sslmode: str, written: tuple[HbaRule, ...], expected: tuple[Forecast, ForecastCause]
) -> None:
    knowledge = verdict_on(bad(ForecastCause.EXPIRED), sslmode)
    assert met(judged(knowledge, *written, sender=OVER_TLS_1_2)) == expected
    assert met(judged(knowledge, *written)) == refused(ForecastCause.EXPIRED)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ((SCRAM,), UNKNOWN),
        ((HOSTSSL,), refused(ForecastCause.EXPIRED)),
        ((CERT,), refused(ForecastCause.EXPIRED)),
    ],
)
def test_whether_a_client_falls_back_is_not_known_where_its_sslmode_is_not(
    written: tuple[HbaRule, ...], expected: tuple[Forecast, ForecastCause]
) -> None:
    knowledge = replace(
        verdict_on(bad(ForecastCause.EXPIRED)), standbys=(), inventory=inventory(known(OWN))
    )
    assert met(judged(knowledge, *written, sender=OVER_TLS_1_2)) == expected
    assert met(judged(knowledge, *written)) == refused(ForecastCause.EXPIRED)


# --- what is not known


@pytest.mark.parametrize(
    ("rule", "expected"), [(CERT, UNKNOWN), (CHAIN, UNKNOWN), (SCRAM, WITHOUT), (REJECT, RULE)]
)
def test_where_the_next_certificate_is_not_known_only_rules_count(
    rule: HbaRule, expected: tuple[Forecast, ForecastCause]
) -> None:
    connection = judged(NOBODY_KNOWN, rule)
    assert met(connection) == expected
    assert (connection.breaks_at, connection.certificate_pending) == (None, None)


def test_an_expired_one_whose_successor_is_not_known_may_be_sent_again() -> None:
    served = replace(SERVED, certificates=(EXPIRED,))
    knowledge = replace(NOBODY_KNOWN, served=served)
    assert met(judged(knowledge, SCRAM, sender=using(EXPIRED))) == UNKNOWN
    assert met(judged(knowledge, REJECT, sender=using(EXPIRED))) == RULE
    knowledge = replace(NOBODY_KNOWN, served=replace(SERVED, certificates=(OWN,)))
    assert met(judged(knowledge, SCRAM, sender=using(OWN))) == WITHOUT
    on_the_edge = certificate(until=NOW)
    knowledge = replace(NOBODY_KNOWN, served=replace(SERVED, certificates=(on_the_edge,)))
    assert met(judged(knowledge, SCRAM, sender=using(on_the_edge))) == WITHOUT


def test_a_client_whose_file_is_gone_sends_none() -> None:
    missing = of_standby(replace(RECEIVER, certificate=Unread(FailureReason.FILE_MISSING)))
    assert met(judged(missing, CERT)) == RULE
    assert met(judged(missing, CHAIN)) == RULE
    # without the file it connects, and with one that it cannot read it does not
    assert met(judged(missing, SCRAM)) == UNKNOWN
    assert judged(missing, SCRAM).breaks_at is None


def test_a_client_configured_to_send_none_sends_none() -> None:
    reported = of_standby(replace(RECEIVER, certificate=file("")))
    assert met(judged(reported, CERT)) == RULE
    assert met(judged(reported, SCRAM)) == WITHOUT
    assert met(judged(reported, REJECT)) == RULE


@pytest.mark.parametrize(
    ("rule", "until", "since", "expected"),
    [
        (CERT, ENDS, NOW - DAY, UNKNOWN),
        (SCRAM, ENDS, NOW - DAY, WITHOUT),
        (CERT, NOW - SECOND, NOW - DAY, refused(ForecastCause.EXPIRED)),
        (SCRAM, NOW - SECOND, NOW - DAY, refused(ForecastCause.EXPIRED)),
        (SCRAM, NOW, NOW - DAY, WITHOUT),
        (CERT, ENDS, NOW + SECOND, refused(ForecastCause.NOT_YET_VALID)),
        (SCRAM, ENDS, NOW, WITHOUT),
    ],
)
def test_its_own_dates_are_known_where_the_servers_files_are_not(
    rule: HbaRule, until: datetime, since: datetime, expected: tuple[Forecast, ForecastCause]
) -> None:
    own = certificate(since=since, until=until)
    connection = judged(of_standby(sending(own)), rule, poll=NOT_READ)
    assert met(connection) == expected
    if expected[0] is not Forecast.REFUSED:
        assert (connection.breaks_at, connection.breaks_cause) == (until, ForecastCause.EXPIRED)


def test_a_name_that_no_rule_accepts_is_refused_whatever_the_authorities() -> None:
    other = certificate(name("CN=other"), serial=9)
    assert met(judged(of_standby(sending(other)), CERT, poll=NOT_READ)) == NAME


@pytest.mark.parametrize(
    "tls_files",
    [
        replace(TLS_FILES, authority=Unread(FailureReason.PERMISSION)),
        replace(TLS_FILES, authority=file("")),
    ],
)
def test_without_authorities_no_certificate_is_verified_or_rejected(tls_files: TlsFiles) -> None:
    poll = replace(SEEN, tls_files=tls_files)
    connection = judged(verdict_on(bad(ForecastCause.AUTHORITY)), CERT, poll=poll)
    assert met(connection) == UNKNOWN


def test_without_the_lists_only_what_fails_without_them_is_known() -> None:
    poll = replace(SEEN, tls_files=replace(TLS_FILES, revocation=Unread(FailureReason.PERMISSION)))
    openssl = OpenSsl()
    knowledge = replace(of_standby(), verify=openssl)
    assert met(judged(knowledge, CERT, poll=poll)) == UNKNOWN
    assert openssl.asked == [((OWN,), Trust((CA,)), Purpose.CLIENT, NOW, None)]
    connection = judged(verdict_on(bad(ForecastCause.AUTHORITY)), CERT, poll=poll)
    assert met(connection) == refused(ForecastCause.AUTHORITY)


# --- clients that showed none


def test_what_showed_none_may_send_the_certificate_of_its_file() -> None:
    connection = judged(of_standby(), CERT, sender=WITHOUT_CERTIFICATE)
    assert met(connection) == WITH
    assert connection.posture is Posture.TLS_WITHOUT_CERTIFICATE
    connection = judged(verdict_on(bad(ForecastCause.REVOKED)), TRUST, sender=WITHOUT_CERTIFICATE)
    assert met(connection) == refused(ForecastCause.REVOKED)


def test_what_showed_none_need_not_send_what_the_inventory_has_for_it() -> None:
    stored = Knowledge(OpenSsl({OWN: bad(ForecastCause.EXPIRED)}), inventory=inventory(known(OWN)))
    assert met(judged(stored, CERT, sender=WITHOUT_CERTIFICATE)) == RULE
    connection = judged(stored, SCRAM, sender=WITHOUT_CERTIFICATE)
    assert met(connection) == WITHOUT
    good = Knowledge(OpenSsl(), inventory=inventory(known(OWN)))
    assert judged(good, SCRAM, sender=WITHOUT_CERTIFICATE).breaks_at is None


@pytest.mark.parametrize(("rule", "expected"), [(SCRAM, WITHOUT), (CERT, RULE)])
def test_a_session_in_plaintext_reconnects_as_it_did(
    rule: HbaRule, expected: tuple[Forecast, ForecastCause]
) -> None:
    connection = judged(verdict_on(bad(ForecastCause.EXPIRED)), rule, sender=PLAIN)
    assert met(connection) == expected
    assert judged(of_standby(), SCRAM, sender=PLAIN).breaks_at is None


def test_a_server_that_asks_for_none_verifies_none() -> None:
    server = replace(SERVER, requests_client_certificate=False)
    poll = replace(SEEN, server=server)
    bad_one = verdict_on(bad(ForecastCause.EXPIRED))
    assert met(judged(bad_one, SCRAM, poll=poll)) == WITHOUT
    assert met(judged(bad_one, CERT, poll=poll)) == RULE
    lasting = Verification(VERIFIED, breaks_at=ENDS, breaks_cause=ForecastCause.EXPIRED)
    assert judged(verdict_on(lasting), SCRAM, poll=poll).breaks_at is None
    off = replace(SEEN, server=replace(server, tls_enabled=False))
    assert met(judged(of_standby(), SCRAM, poll=off)) == RULE


# --- several that may be sent


def test_of_several_that_may_be_sent_what_they_have_in_common_holds() -> None:
    one, other = certificate(serial=8, since=NOW - DAY), certificate(serial=9, since=NOW - DAY)
    knowledge = Knowledge(OpenSsl(), inventory=inventory(known(one), known(other)))
    assert met(judged(knowledge, CERT)) == WITH
    revoked = {one: bad(ForecastCause.REVOKED)}
    assert met(judged(replace(knowledge, verify=OpenSsl(revoked)), CERT)) == UNKNOWN
    both = {one: bad(ForecastCause.REVOKED), other: bad(ForecastCause.EXPIRED, "expired")}
    connection = judged(replace(knowledge, verify=OpenSsl(both)), CERT)
    # the first of the closed list
    assert met(connection) == refused(ForecastCause.EXPIRED)
    assert connection.breaks_at is None


@pytest.mark.parametrize(
    ("modes", "expected"),
    [
        (("verify-full", "prefer"), UNKNOWN),
        (("prefer", "verify-full"), UNKNOWN),
        (("prefer", "allow"), WITHOUT),
        (("verify-full", "require"), refused(ForecastCause.REVOKED)),
    ],
)
def test_of_several_standbys_with_one_certificate_what_they_have_in_common_holds(
    modes: tuple[str, str], expected: tuple[Forecast, ForecastCause]
) -> None:
    one, other = (sending(OWN, sslmode=mode) for mode in modes)
    knowledge = of_standby(one, replace(STANDBY_TARGET, target="db1b", receiver=other))
    revoked = replace(knowledge, verify=OpenSsl({OWN: bad(ForecastCause.REVOKED)}))
    assert met(judged(revoked, SCRAM, sender=OVER_TLS_1_2)) == expected
    assert met(judged(knowledge, CERT, sender=OVER_TLS_1_2)) == WITH


def test_of_several_standbys_that_send_none_what_they_have_in_common_holds() -> None:
    missing = replace(RECEIVER, certificate=Unread(FailureReason.FILE_MISSING))
    none = replace(RECEIVER, certificate=file(""))
    for one, other, expected in (
        (none, none, WITHOUT),
        (none, missing, UNKNOWN),
        (missing, none, UNKNOWN),
        (missing, missing, UNKNOWN),
    ):
        several = of_standby(one, replace(STANDBY_TARGET, target="db1b", receiver=other))
        assert met(judged(several, SCRAM)) == expected
        assert met(judged(several, CERT)) == RULE


# --- files on disk and files in force


@pytest.mark.parametrize(
    ("verification", "rule", "expected"),
    [
        (Verification(VERIFIED), CERT, UNKNOWN),
        (Verification(VERIFIED), SCRAM, WITHOUT),
        (bad(ForecastCause.AUTHORITY), CERT, UNKNOWN),
        (bad(ForecastCause.AUTHORITY), SCRAM, UNKNOWN),
        (bad(ForecastCause.CRL), CERT, UNKNOWN),
        (bad(ForecastCause.REVOKED), CERT, UNKNOWN),
        (bad(ForecastCause.EXPIRED), CERT, refused(ForecastCause.EXPIRED)),
        (bad(ForecastCause.NOT_YET_VALID), CERT, refused(ForecastCause.NOT_YET_VALID)),
        (bad(ForecastCause.PURPOSE), SCRAM, refused(ForecastCause.PURPOSE)),
    ],
)
def test_files_that_are_not_in_force_decide_nothing(
    verification: Verification, rule: HbaRule, expected: tuple[Forecast, ForecastCause]
) -> None:
    poll = replace(SEEN, file_times=tls_times(LOADED + SECOND))
    assert met(judged(verdict_on(verification), rule, poll=poll)) == expected


OTHER_LEAF = certificate(name("CN=db1"), serial=51)
JUST_SEEN = replace(SERVED, certificates=(OTHER_LEAF,), read_at=LOADED + SECOND)
RUBBISH = replace(TLS_FILES, authority=file("root.crt", CA, unparsable=1))
WITHOUT_PEM = replace(TLS_FILES, authority=file("root.crt"))
NO_LEAF = replace(TLS_FILES, certificate=file("server.crt"))


@pytest.mark.parametrize(
    ("poll", "expected"),
    [
        (SEEN, WITH),
        (replace(SEEN, file_times=tls_times(LOADED)), WITH),
        (replace(SEEN, file_times=tls_times(LOADED + SECOND)), UNKNOWN),
        (replace(SEEN, file_times=tls_times(revocation=LOADED + SECOND)), UNKNOWN),
        # the server's own certificate is no matter of its clients
        (replace(SEEN, file_times=tls_times(own=LOADED + SECOND)), WITH),
        # unreadable times reject no certificate
        (replace(SEEN, file_times=tls_times()[:2]), WITH),
        # rubbish is not loaded, unless nothing changed since the server started with it
        (replace(SEEN, tls_files=RUBBISH, file_times=tls_times(STARTED - SECOND)), WITH),
        (replace(SEEN, tls_files=RUBBISH, file_times=tls_times(STARTED)), UNKNOWN),
        (
            replace(
                SEEN,
                tls_files=replace(
                    TLS_FILES, revocation=replace(NO_LISTS, path="root.crl", unparsable=2)
                ),
                file_times=tls_times(STARTED),
            ),
            UNKNOWN,
        ),
        # nor is a file without any block of PEM
        (replace(SEEN, tls_files=WITHOUT_PEM, file_times=tls_times(STARTED)), UNKNOWN),
        (
            replace(
                SEEN,
                tls_files=replace(TLS_FILES, revocation=file("root.crl")),
                file_times=tls_times(STARTED),
            ),
            UNKNOWN,
        ),
        # of a directory, none is expected
        (
            replace(
                SEEN,
                tls_files=replace(TLS_FILES, revocation=file("crls")),
                file_times=tls_times(STARTED)[:-1],
            ),
            WITH,
        ),
    ],
)
def test_authorities_and_lists_count_once_they_are_loaded(
    poll: Observation, expected: tuple[Forecast, ForecastCause]
) -> None:
    assert met(judged(of_standby(), CERT, poll=poll)) == expected


@pytest.mark.parametrize(
    ("knowledge", "poll", "expected"),
    [
        (replace(of_standby(), served=JUST_SEEN), SEEN, UNKNOWN),
        # it was seen before the reload
        (replace(of_standby(), served=replace(JUST_SEEN, read_at=LOADED)), SEEN, WITH),
        # what is served is what the file holds
        (replace(of_standby(), served=replace(SERVED, read_at=NOW)), SEEN, WITH),
        (replace(of_standby(), served=Unread(FailureReason.TLS)), SEEN, WITH),
        # the file is newer than the reload, and so proves nothing about it
        (
            replace(of_standby(), served=JUST_SEEN),
            replace(SEEN, file_times=tls_times(STARTED, own=LOADED + SECOND)),
            WITH,
        ),
        (
            replace(of_standby(), served=JUST_SEEN),
            replace(SEEN, file_times=tls_times(STARTED, own=LOADED)),
            UNKNOWN,
        ),
        (
            replace(of_standby(), served=JUST_SEEN),
            replace(
                SEEN, file_times=tuple(t for t in tls_times(STARTED) if t.path != "server.crt")
            ),
            WITH,
        ),
        (
            replace(of_standby(), served=JUST_SEEN),
            replace(NOT_READ, file_times=tls_times(STARTED)),
            UNKNOWN,
        ),
        # it holds none, so that no reload takes it; after the last one it proves nothing
        (of_standby(), replace(SEEN, tls_files=NO_LEAF, file_times=tls_times(STARTED)), UNKNOWN),
        (
            of_standby(),
            replace(SEEN, tls_files=NO_LEAF, file_times=tls_times(STARTED, own=LOADED + SECOND)),
            WITH,
        ),
    ],
)
def test_a_reload_that_did_not_take_the_servers_own_took_no_authority_either(
    knowledge: Knowledge, poll: Observation, expected: tuple[Forecast, ForecastCause]
) -> None:
    if poll is SEEN:
        poll = replace(SEEN, file_times=tls_times(STARTED))
    assert met(judged(knowledge, CERT, poll=poll)) == expected


def test_files_that_are_not_read_were_not_refused() -> None:
    poll = replace(NOT_READ, file_times=tls_times(STARTED))
    assert files_in_force(poll, None) is FilesInForce.LOADED


# --- when it breaks


@pytest.mark.parametrize("rule", [CERT, SCRAM, TRUST])
@pytest.mark.parametrize(
    ("at", "cause"),
    [
        (NOW + DAY, ForecastCause.EXPIRED),
        (NOW + DAY, ForecastCause.AUTHORITY),
        (NOW + DAY, ForecastCause.CRL),
        (None, ForecastCause.NONE),
    ],
)
def test_a_certificate_that_is_sent_breaks_the_reconnect_when_it_ends(
    rule: HbaRule, at: datetime | None, cause: ForecastCause
) -> None:
    connection = judged(verdict_on(Verification(VERIFIED, breaks_at=at, breaks_cause=cause)), rule)
    assert (connection.breaks_at, connection.breaks_cause) == (at, cause)


def test_of_a_reconnect_that_fails_already_nothing_breaks() -> None:
    lasting = Verification(VERIFIED, breaks_at=ENDS, breaks_cause=ForecastCause.EXPIRED)
    assert judged(verdict_on(lasting), REJECT).breaks_at is None


# --- renewed, not yet in use


@pytest.mark.parametrize(
    ("knowledge", "sender", "expected"),
    [
        (of_standby(sending(RENEWED)), STANDBY, True),
        (of_standby(sending(OWN)), STANDBY, False),
        (NOBODY_KNOWN, STANDBY, None),
        (of_standby(sending(RENEWED)), WITHOUT_CERTIFICATE, None),
        # not in the inventory, but its file holds another one
        (of_standby(sending(RENEWED)), using(certificate(serial=66)), True),
    ],
)
def test_a_renewed_certificate_waits_for_a_reconnect(
    knowledge: Knowledge,
    sender: WalSender,
    expected: bool | None,  # noqa: FBT001
) -> None:
    assert judged(knowledge, CERT, sender=sender).certificate_pending is expected


def test_an_older_certificate_in_the_file_is_not_a_renewal() -> None:
    knowledge = replace(of_standby(), inventory=inventory(known(RENEWED)))
    assert judged(knowledge, CERT, sender=using(RENEWED)).certificate_pending is False
    longer = certificate(serial=12, until=ENDS + DAY)
    knowledge = replace(of_standby(sending(longer)), inventory=inventory(known(OWN)))
    assert judged(knowledge, CERT).certificate_pending is True
    again = certificate(serial=12)
    knowledge = replace(of_standby(sending(again)), inventory=inventory(known(OWN)))
    # issued twice within a second: what the file holds came later
    assert judged(knowledge, CERT).certificate_pending is True


def test_one_of_the_inventory_is_newer_than_an_unknown_one_if_it_came_after_the_handshake() -> None:
    began = STANDBY.backend_start
    for since, expected in ((began + SECOND, True), (began, None)):
        newer = certificate(serial=8, since=since)
        stored = Knowledge(OpenSsl(), inventory=inventory(known(newer)))
        assert judged(stored, CERT).certificate_pending is expected


def test_of_several_that_may_be_in_use_the_one_that_is_sent_need_not_be_another() -> None:
    twin = certificate(salt="again")
    knowledge = replace(of_standby(), inventory=inventory(known(OWN), known(twin)))
    assert judged(knowledge, CERT).certificate_pending is None
    knowledge = replace(knowledge, standbys=of_standby(sending(RENEWED)).standbys)
    assert judged(knowledge, CERT).certificate_pending is True


# --- reasons, which never lower anything


def test_an_expired_certificate_in_use_is_reported_and_lowers_nothing() -> None:
    knowledge = replace(of_standby(sending(RENEWED)), inventory=inventory(known(EXPIRED)))
    connection = judged(knowledge, CERT, sender=using(EXPIRED))
    assert connection.reasons == (Reason.CERTIFICATE_EXPIRED_IN_USE,)
    assert (connection.posture, connection.verdict) == (
        Posture.CERTIFICATE_REQUIRED,
        Verdict.SECURE,
    )
    assert met(connection) == WITH


def test_a_certificate_is_expired_after_its_last_moment() -> None:
    for until, expected in ((NOW, ()), (NOW - SECOND, (Reason.CERTIFICATE_EXPIRED_IN_USE,))):
        own = certificate(until=until)
        stored = Knowledge(OpenSsl(), inventory=inventory(known(own)))
        assert judged(stored, CERT, sender=using(own)).reasons == expected


def test_a_certificate_is_unknown_only_where_there_is_an_inventory() -> None:
    stored = Knowledge(OpenSsl(), inventory=inventory(known(RENEWED)))
    connection = judged(stored, CERT)
    assert connection.reasons == (Reason.CERTIFICATE_UNKNOWN,)
    assert connection.verdict is Verdict.SECURE
    assert judged(NOBODY_KNOWN, CERT).reasons == ()
    assert judged(stored, SCRAM).reasons == (
        Reason.RULE_USES_PASSWORD,
        Reason.RULE_ALLOWS_PLAINTEXT,
        Reason.CERTIFICATE_UNKNOWN,
    )


def test_an_ambiguous_certificate_is_reported() -> None:
    twin = certificate(salt="again")
    stored = Knowledge(OpenSsl(), inventory=inventory(known(OWN), known(twin)))
    connection = judged(stored, CERT)
    assert connection.reasons == (Reason.CERTIFICATE_AMBIGUOUS,)
    assert connection.verdict is Verdict.SECURE


def test_a_session_without_a_certificate_has_none_to_report() -> None:
    stored = Knowledge(OpenSsl(), inventory=inventory())
    connection = judged(stored, SCRAM, sender=WITHOUT_CERTIFICATE)
    assert connection.in_use is None
    assert Reason.CERTIFICATE_UNKNOWN not in connection.reasons


def test_what_goes_with_a_servers_certificate_is_no_clients() -> None:
    chain = (SERVER_LEAF, OWN)
    served = replace(NOBODY_KNOWN, served=replace(SERVED, certificates=chain))
    assert judged(served, CERT).in_use == Unmatched()
    poll = replace(SEEN, tls_files=replace(TLS_FILES, certificate=file("server.crt", *chain)))
    assert judged(NOBODY_KNOWN, CERT, poll=poll).in_use == Unmatched()
