"""Steps on a connection's certificates, to the letter."""

import time
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from exporter.assess.certificates.words import certificate_text, list_text, moment
from exporter.model.failure import FailureReason, Unread
from exporter.model.hba import LineTraits, RuleLocation
from exporter.model.judgement import ForecastCause
from exporter.model.knowledge import Knowledge
from exporter.model.remedy import Place, Step
from exporter.model.verification import Verification
from exporter.model.wal_sender import OtherPeer, WalSender
from tests.unit.assess.facts import (
    CERT,
    HBA,
    NOW,
    PLAIN,
    SCRAM,
    STANDBY,
    WITHOUT_CERTIFICATE,
    mapping,
    maps,
)
from tests.unit.assess.with_certificates import (
    EXPIRED,
    OWN,
    RENEWED,
    SEEN,
    OpenSsl,
    certificate,
    crl,
    inventory,
    judged,
    known,
    name,
    of_standby,
    sending,
    using,
)

EMPTY_INVENTORY = Knowledge(OpenSsl(), inventory=inventory())
OWN_TEXT = '"replica" (serial number 7, valid until 2026-12-04 06:00 UTC)'
RENEWED_TEXT = '"replica" (serial number 8, valid until 2027-02-02 06:00 UTC)'
EXPIRED_TEXT = '"replica" (serial number 7, valid until 2026-11-03 06:00 UTC)'
FILE = "/home/postgres/replica.crt"
OUTDATED = Verification("certificate has expired", ForecastCause.EXPIRED)
SEE = Step(
    Place.EXPORTER,
    "See that the new one is found and would get in",
    ("pg-replication-cert-exporter explain TARGET",),
)
AGAIN = Step(
    Place.SERVER,
    "Force a reconnect: an established connection is never authenticated again, and a reload of "
    "the standby does not end it where primary_conninfo is unchanged",
    (
        (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE usename = 'replica' "
            "AND "
            "application_name = 'standby' AND client_addr = '10.0.0.5';"
        ),
    ),
)


def test_dates_are_those_of_utc_wherever_the_exporter_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", "JST-9")
        time.tzset()
        assert moment(NOW) == "2026-11-04 06:00 UTC"
    time.tzset()


def test_dates_names_and_lists_in_words() -> None:
    east = timezone(timedelta(hours=2))
    assert moment(datetime(2026, 11, 25, 15, 0, tzinfo=east)) == "2026-11-25 13:00 UTC"
    assert certificate_text(OWN) == OWN_TEXT
    nameless = certificate(name("O=Lab", "OU=x"), serial=-1)
    assert certificate_text(nameless).startswith('"OU=x,O=Lab" (serial number -1, ')
    assert certificate_text(certificate(name())).startswith("without a name (serial")
    assert list_text(crl()) == ('the revocation list of "CA" (valid until 2026-11-11 06:00 UTC)')
    assert list_text(crl(until=None)) == 'the revocation list of "CA" (without an end)'


# --- steps


def test_an_expired_certificate_in_use_with_its_successor_in_place() -> None:
    knowledge = replace(of_standby(sending(RENEWED)), inventory=inventory(known(EXPIRED)))
    connection = judged(knowledge, CERT, sender=using(EXPIRED))
    assert connection.remedy == (
        Step(
            Place.EXPORTER,
            "Nothing is broken: its successor is in place and is used from the next reconnect on. "
            "To have that now, choose a quiet moment",
            ("pg-replication-cert-exporter explain TARGET",),
        ),
        AGAIN,
    )


def test_an_expired_certificate_in_use_without_a_successor() -> None:
    knowledge = replace(of_standby(sending(EXPIRED)), verify=OpenSsl({EXPIRED: OUTDATED}))
    connection = judged(knowledge, CERT, sender=using(EXPIRED))
    assert connection.remedy == (
        Step(
            Place.CLIENT,
            "Issue a new certificate with the same name and put it, with its key, "
            f"in place of {EXPIRED_TEXT} in {FILE}: it has expired",
        ),
        SEE,
        AGAIN,
    )


def test_a_successor_that_is_refused_is_nothing_to_wait_for() -> None:
    revoked = OpenSsl({RENEWED: Verification("revoked", ForecastCause.REVOKED)})
    knowledge = replace(
        of_standby(sending(RENEWED)), inventory=inventory(known(EXPIRED)), verify=revoked
    )
    issue, *others = judged(knowledge, CERT, sender=using(EXPIRED)).remedy
    assert issue.action.endswith(f"in place of {RENEWED_TEXT} in {FILE}: it is revoked")
    assert others == [SEE, AGAIN]


def test_an_expired_certificate_in_use_whose_successor_is_not_known() -> None:
    unread = sending(EXPIRED)
    unread = replace(unread, certificate=Unread(FailureReason.PERMISSION, "denied"))
    stored = inventory(known(EXPIRED, roles=["other"]))
    knowledge = replace(of_standby(unread), inventory=stored)
    connection = judged(knowledge, CERT, sender=using(EXPIRED))
    assert connection.remedy == (
        Step(
            Place.CLIENT,
            "See that a certificate which is valid now lies where the client's sslcert says; with "
            "the expired one it does not get in again",
            ("openssl x509 -in client.crt -noout -subject -serial -enddate",),
        ),
        AGAIN,
    )


def test_what_is_not_in_the_inventory_is_told() -> None:
    connection = judged(EMPTY_INVENTORY, CERT)
    assert connection.remedy == (
        Step(
            Place.EXPORTER,
            "Let the exporter know the certificate: name its file under inventory in config.yml, "
            "or make the standby a target too",
        ),
    )


def test_several_that_may_be_in_use_are_told() -> None:
    twin = certificate(salt="again")
    stored = Knowledge(OpenSsl(), inventory=inventory(known(OWN), known(twin)))
    connection = judged(stored, CERT)
    assert connection.remedy == (
        Step(
            Place.EXPORTER,
            "Take what is not in use out of the inventory; and give every certificate of an "
            "authority a serial number of its own (RFC 5280, section 4.1.2.2)",
        ),
    )


@pytest.mark.parametrize(
    ("cause", "why"),
    [
        (ForecastCause.EXPIRED, "it has expired"),
        (ForecastCause.REVOKED, "it is revoked"),
        (ForecastCause.NOT_YET_VALID, "it is not valid yet, by the server's clock"),
        (
            ForecastCause.PURPOSE,
            "it is none for TLS clients: its extended key usage, if any, must hold clientAuth",
        ),
        (ForecastCause.NONE, "the server refuses it"),
    ],
)
def test_a_certificate_that_is_refused_is_replaced_first(cause: ForecastCause, why: str) -> None:
    knowledge = replace(of_standby(), verify=OpenSsl({OWN: Verification("bad", cause)}))
    assert judged(knowledge, CERT).remedy == (
        Step(
            Place.CLIENT,
            "Issue a new certificate with the same name and put it, with its key, "
            f"in place of {OWN_TEXT} in {FILE}: {why}",
        ),
        SEE,
    )
    steps = judged(knowledge, SCRAM).remedy
    assert steps[1] == SEE
    assert any("Require the certificate" in s.action for s in steps[2:])


@pytest.mark.parametrize(
    ("cause", "action"),
    [
        (
            ForecastCause.CRL,
            (
                "Have every authority in the chain issue its revocation list anew, put the lists "
                "where "
                "ssl_crl_file or ssl_crl_dir says, and load them; as it is, the server refuses "
                "every "
                "client below that authority"
            ),
        ),
        (
            ForecastCause.AUTHORITY,
            (
                "Put the authority that signed it, and every one above, into ssl_ca_file, none of "
                "them "
                "past its end, and load it; an intermediate may also follow the certificate in the "
                "client's own file"
            ),
        ),
    ],
)
def test_what_the_server_lacks_is_put_right_there(cause: ForecastCause, action: str) -> None:
    knowledge = replace(of_standby(), verify=OpenSsl({OWN: Verification("bad", cause)}))
    assert judged(knowledge, CERT).remedy == (
        Step(Place.SERVER, action, ("SELECT pg_reload_conf();",)),
        SEE,
    )


def test_its_own_dates_are_put_right_where_the_servers_files_are_not_read() -> None:
    poll = replace(SEEN, tls_files=Unread(FailureReason.NOT_INSTALLED))
    connection = judged(of_standby(sending(EXPIRED)), CERT, poll=poll, sender=using(EXPIRED))
    assert connection.remedy[0].action.endswith(f"in {FILE}: it has expired")
    assert connection.remedy[1:] == (SEE, AGAIN)
    assert judged(of_standby(), CERT, poll=poll).remedy == ()


def test_a_name_that_does_not_let_in_is_replaced_or_mapped() -> None:
    other = certificate(name("CN=standby-1"), serial=9)
    text = '"standby-1" (serial number 9, valid until 2026-12-04 06:00 UTC)'
    assert judged(of_standby(sending(other)), CERT).remedy == (
        Step(
            Place.CLIENT,
            "Put a certificate with the common name (CN) replica, accepted for role replica in "
            f"place of {text} in {FILE}; "
            "or, on the server, let its name in: this line in pg_ident.conf, and map=MAP in the "
            "rule that demands it (method cert)",
            ("MAP  standby-1  replica",),
        ),
        SEE,
    )
    nameless = certificate(name("O=Lab"), serial=9)
    assert judged(of_standby(sending(nameless)), CERT).remedy[0] == Step(
        Place.CLIENT,
        "Put a certificate with the common name (CN) replica, accepted for role replica in place "
        "of "
        f'"O=Lab" (serial number 9, valid until 2026-12-04 06:00 UTC) in {FILE}',
    )


@pytest.mark.parametrize(
    ("options", "map_name"), [((), "MAP"), (("map=m",), "m"), (("map=my m",), '"my m"')]
)
def test_a_whole_name_that_is_not_let_in_is_mapped(options: tuple[str, ...], map_name: str) -> None:
    other = certificate(name("O=Lab", "CN=standby-1"), serial=9)
    rule = replace(CERT, options=(*options, "clientcert=verify-full"))
    line = LineTraits(
        RuleLocation(HBA, 2),
        holds_quote=False,
        holds_file_reference=False,
        holds_clientname=True,
        continues=False,
        clientname="DN",
    )
    poll = replace(SEEN, hba_lines=(line,), ident=maps(mapping("bob", "replica", "my m")))
    # a rule that holds no name against the role, and stands above, is no matter
    above = replace(SCRAM, address="db9.example", netmask=None)
    steps = judged(of_standby(sending(other)), above, rule, poll=poll).remedy
    assert steps[:2] == (
        Step(
            Place.SERVER,
            'Let the whole name of "standby-1" (serial number 9, valid until 2026-12-04 06:00 UTC) '
            f"in, which the rule compares (clientname=DN): this line in pg_ident.conf, and "
            f"map={map_name} in the rule beside clientname=DN",
            (f'{map_name}  "CN=standby-1,O=Lab"  replica',),
        ),
        SEE,
    )
    first = replace(line, location=RuleLocation(HBA, 1))
    steps = judged(
        of_standby(sending(other)), above, rule, poll=replace(poll, hba_lines=(first,))
    ).remedy
    assert steps[0].place is Place.CLIENT


def test_names_in_a_map_are_written_so_that_they_are_no_patterns() -> None:
    other = certificate(name("CN=/x"), serial=9)
    assert judged(of_standby(sending(other)), CERT).remedy[0].lines == ("MAP  /^/x$  replica",)


def test_roles_in_a_map_are_written_so_that_they_are_no_patterns() -> None:
    other = certificate(name("CN=standby-1"), serial=9)
    sender = replace(STANDBY, role="/r")
    knowledge = of_standby(replace(sending(other), role="/r"))
    steps = judged(knowledge, replace(CERT, roles=("all",)), sender=sender).remedy
    assert steps[0].lines == ("MAP  standby-1  /^/r$",)


def test_of_the_inventory_the_place_on_the_client_is_its_sslcert() -> None:
    stored = Knowledge(OpenSsl({OWN: OUTDATED}), inventory=inventory(known(OWN)))
    assert (
        judged(stored, CERT)
        .remedy[0]
        .action.endswith(
            "in its sslcert file (the inventory has it in /inventory/replica.crt): it has expired"
        )
    )


@pytest.mark.parametrize("sender", [WITHOUT_CERTIFICATE, PLAIN])
def test_before_a_certificate_is_required_the_one_that_is_there_is_named(sender: WalSender) -> None:
    steps = judged(of_standby(), SCRAM, sender=sender).remedy
    assert steps[0] == Step(
        Place.CLIENT,
        f"Use the certificate {OWN_TEXT} of {FILE}: the server's CA file verifies it, and its name "
        "is accepted for role replica",
    )
    assert len(steps) > 1


def test_a_certificate_that_is_in_use_already_is_no_step() -> None:
    steps = judged(of_standby(), SCRAM, sender=STANDBY).remedy
    assert steps[0].action.startswith("Require the certificate")


def test_where_nothing_is_to_be_done_no_certificate_is_named() -> None:
    assert judged(of_standby(), CERT).remedy == ()
    hidden = replace(PLAIN, peer=OtherPeer.HIDDEN)
    stored = Knowledge(OpenSsl(), inventory=inventory(known(OWN)))
    for sender in (hidden, replace(PLAIN, peer=OtherPeer.UNIX_SOCKET)):
        steps = judged(stored, SCRAM, sender=sender).remedy
        assert all(not s.action.startswith("Use the certificate") for s in steps)


def test_only_what_is_known_to_be_good_is_named() -> None:
    poll = replace(SEEN, tls_files=Unread(FailureReason.NOT_INSTALLED))
    undecided = certificate(name("CN=standby-1"), serial=9)
    for connection in (
        judged(of_standby(), SCRAM, poll=poll),
        judged(of_standby(sending(undecided)), SCRAM),
        judged(EMPTY_INVENTORY, SCRAM),
    ):
        assert all(not s.action.startswith("Use the certificate") for s in connection.remedy)


def test_a_reconnect_is_told_once() -> None:
    knowledge = replace(of_standby(sending(RENEWED)), inventory=inventory(known(EXPIRED)))
    steps = judged(knowledge, SCRAM, sender=using(EXPIRED)).remedy
    assert sum(step == AGAIN for step in steps) == 1


def test_what_is_sent_again_and_expired_is_no_successor() -> None:
    # it has just expired, and OpenSSL was asked at another moment
    knowledge = of_standby(sending(EXPIRED))
    connection = judged(knowledge, CERT, sender=using(EXPIRED))
    assert connection.remedy == (AGAIN,)
