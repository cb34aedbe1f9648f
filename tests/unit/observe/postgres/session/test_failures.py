"""From what libpq and servers say to a reason, in any language, and to one safe line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model.failure import FailureReason
from exporter.observe.detail import MAXIMUM_DETAIL, one_line
from exporter.observe.postgres.session.failures import (
    by_sqlstate,
    failed_connection,
    lost_connection,
    refused_method,
)

HEAD = 'connection to server at "10.1.2.3", port 5432 failed: '


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        # German, French and Japanese servers; the severity is translated too
        (
            (
                "FATAL:  28000: kein pg_hba.conf-Eintrag für Host »10.0.0.1«, Benutzer »x«\n"
                "LOCATION:  ClientAuthentication, auth.c:546\n"
            ),
            FailureReason.NO_HBA_ENTRY,
        ),
        (
            (
                "FATAL:  28P01: authentification par mot de passe échouée pour « x »\n"
                "EMPLACEMENT : auth_failed, auth.c:337\n"
            ),
            FailureReason.AUTHENTICATION,
        ),
        (
            (
                'FATAL:  53300: ロール"x"からの接続が多すぎます\n'
                "LOCATION:  InitializeSessionUserId, miscinit.c:879\n"
            ),
            FailureReason.ROLE_CONNECTION_LIMIT,
        ),
        (
            (
                "ВАЖНО:  53300: извините, уже слишком много клиентов\n"
                "ПОЛОЖЕНИЕ:  InitProcess, proc.c:349\n"
            ),
            FailureReason.TOO_MANY_CONNECTIONS,
        ),
        ("FATAL:  57P03: das Datenbanksystem startet\n", FailureReason.STARTING_UP),
        (
            (
                "FATAL:  57P03: the database system is not accepting connections\n"
                "DETAIL:  Hot standby mode is disabled.\n"
            ),
            FailureReason.HOT_STANDBY_DISABLED,
        ),
        ("FATAL:  57P03: the database system is shutting down\n", FailureReason.SHUTTING_DOWN),
        ("FATAL:  08P01: unsupported startup parameter: options\n", FailureReason.PROTOCOL),
        ("No route to host\n", FailureReason.UNREACHABLE),
        (
            "could not create socket: Address family not supported by protocol\n",
            FailureReason.UNREACHABLE,
        ),
        ("Network is unreachable\n", FailureReason.UNREACHABLE),
        ("Connection timed out\n", FailureReason.TIMEOUT),
        ("SSL error: ssl/tls alert certificate revoked\n", FailureReason.CLIENT_CERTIFICATE),
        ("SSL error: tlsv1 alert protocol version\n", FailureReason.TLS),
        ("something that nobody has ever said\n", FailureReason.PROTOCOL),
        ("FATAL:  XX000: cache lookup failed\n", FailureReason.INTERNAL),
    ],
)
def test_a_failed_login_has_its_reason(message: str, reason: FailureReason) -> None:
    assert failed_connection(HEAD + message).reason is reason


@pytest.mark.parametrize(
    ("words", "what", "to_do"),
    [
        (
            "server requested a cleartext password",
            "asks for the password in clear text",
            "require_auth: password would send it to any server that answers there",
        ),
        (
            "server requested a hashed password",
            "asks for an MD5 hash of the password",
            "require_auth: md5 would send the hash to any server that answers there",
        ),
        (
            "server did not complete authentication",
            "did not prove that it knows the password",
            "remove the password from this target or write require_auth: none",
        ),
        (
            "server requested GSSAPI authentication",
            "asks for a login by another method than SCRAM",
            "or require_auth",
        ),
    ],
)
def test_a_refused_method_is_reported_with_what_to_write(words: str, what: str, to_do: str) -> None:
    host = "db1.of-a-rather-long-name.in-a-domain-that-is-not-short-either.example.com"
    head = f'connection to server at "{host}" (10.1.2.3), port 5432 failed: '
    read = refused_method(f'{head}authentication method requirement "x" failed: {words}\n')
    assert read is not None
    assert read.reason is FailureReason.AUTHENTICATION
    assert read.detail.startswith(f"the server is not verified and {what}: ")
    assert "write sslmode: verify-full and sslrootcert for this target" in read.detail
    assert to_do in read.detail
    assert host in read.detail


def test_another_failure_is_not_a_refused_method() -> None:
    assert refused_method(f"{HEAD}FATAL:  28P01: no\n") is None


def test_of_several_attempts_the_most_specific_failure_counts() -> None:
    message = (
        f"{HEAD}FATAL:  28000: no pg_hba.conf entry for host\n"
        f"{HEAD}FATAL:  28P01: password authentication failed\n"
    )
    assert failed_connection(message).reason is FailureReason.AUTHENTICATION


NO_FILE = f'{HEAD}could not read root certificate file "root.crt": \n'
REFUSED = f"{HEAD}FATAL:  28P01: password authentication failed\n"


@pytest.mark.parametrize(
    ("message", "shortage", "reason", "detail"),
    [
        ("", "no descriptor", FailureReason.EXPORTER_LIMITS, "no descriptor"),
        (
            "",
            None,
            FailureReason.UNREACHABLE,
            "no socket could be created; libpq does not report why",
        ),
        (
            NO_FILE,
            "no descriptor",
            FailureReason.EXPORTER_LIMITS,
            f"no descriptor ({one_line(NO_FILE)})",
        ),
        (NO_FILE, None, FailureReason.SERVER_CERTIFICATE, one_line(NO_FILE)),
        (
            f"{NO_FILE}{REFUSED}",
            "no descriptor",
            FailureReason.EXPORTER_LIMITS,
            f"no descriptor ({one_line(NO_FILE + REFUSED)})",
        ),
        (REFUSED, "no descriptor", FailureReason.AUTHENTICATION, one_line(REFUSED)),
    ],
)
def test_a_limit_of_the_exporter_is_the_reason_only_for_what_needs_a_descriptor(
    message: str, shortage: str | None, reason: FailureReason, detail: str
) -> None:
    failure = failed_connection(message, shortage=shortage)
    assert (failure.reason, failure.detail) == (reason, detail)


def test_what_a_server_says_of_its_own_files_is_no_limit_of_the_exporter() -> None:
    said = f'{HEAD}FATAL:  58P01: could not open certificate file "x": Too many open files\n'
    failure = failed_connection(said, shortage="no descriptor")
    assert failure.reason is FailureReason.FILE_MISSING


def test_the_source_function_is_not_part_of_the_detail() -> None:
    message = f"{HEAD}FATAL:  28P01: no\nLOCATION:  auth_failed, auth.c:337\n"
    assert failed_connection(message).detail == f"{HEAD}FATAL: 28P01: no"


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (
            "FATAL:  57P01: Abbruch der Verbindung auf Anweisung des Administrators",
            FailureReason.TERMINATED,
        ),
        ("server closed the connection unexpectedly", FailureReason.TERMINATED),
        ("could not receive data from server: Connection reset", FailureReason.TERMINATED),
        ("lost synchronization with server: got message type", FailureReason.PROTOCOL),
    ],
)
def test_a_lost_session_has_its_reason(message: str, reason: FailureReason) -> None:
    assert lost_connection(message).reason is reason


@pytest.mark.parametrize(
    ("sqlstate", "text", "reason"),
    [
        ("57014", "canceling statement due to statement timeout", FailureReason.STATEMENT_TIMEOUT),
        ("57014", "canceling statement due to user request", FailureReason.TERMINATED),
        ("55P03", "canceling statement due to lock timeout", FailureReason.STATEMENT_TIMEOUT),
        ("42501", "permission denied for function", FailureReason.PERMISSION),
        (
            "42883",
            "function replication_cert_exporter.hba_lines() does not exist",
            FailureReason.NOT_INSTALLED,
        ),
        (
            "42883",
            "Funktion pg_stat_get_wal_senders() existiert nicht",
            FailureReason.UNSUPPORTED_SERVER,
        ),
        ("3F000", "schema does not exist", FailureReason.NOT_INSTALLED),
        ("58P01", "could not open file", FailureReason.FILE_MISSING),
        ("40001", "conflict with recovery", FailureReason.RECOVERY_CONFLICT),
        ("99999", "never seen", FailureReason.INTERNAL),
    ],
)
def test_a_failed_statement_has_its_reason(sqlstate: str, text: str, reason: FailureReason) -> None:
    assert by_sqlstate(sqlstate, text, "") is reason


@given(st.text())
def test_a_detail_is_one_short_printable_line(text: str) -> None:
    line = one_line(text)
    assert len(line) <= MAXIMUM_DETAIL
    assert line.isprintable()


def test_a_secret_is_replaced_wherever_it_stands() -> None:
    assert one_line("a planted b planted", ("planted", "")) == "a ******** b ********"


def test_a_secret_with_line_breaks_or_at_the_cut_is_replaced_too() -> None:
    secret = "first\n second"
    assert "second" not in one_line(f"x {secret} y", (secret,))
    assert "secret" not in one_line("x" * (MAXIMUM_DETAIL - 4) + "secret", ("secret",))
