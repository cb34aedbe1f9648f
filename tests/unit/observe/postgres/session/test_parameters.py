"""From a target to libpq's parameters."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from exporter.libpq_options import conninfo
from exporter.model.failure import FailureReason, Unread
from exporter.model.target import ClearPassword, Password, PasswordFile, PasswordVariable, Target
from exporter.observe.postgres.session.parameters import (
    connection_parameters,
    password_of,
    session_options,
)

WITHIN_SECONDS = 60.0

_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


@given(_TEXT, _TEXT)
def test_any_value_survives_the_connection_string(user: str, password: str) -> None:
    read = conninfo_to_dict(conninfo({"user": user, "password": password}).decode())
    assert read.get("user", "") == user
    assert read.get("password", "") == password


def test_the_session_is_read_only_and_bounded_whatever_is_configured() -> None:
    target = Target("t", {"options": "-c statement_timeout=0"}, timeout_seconds=10)
    options = connection_parameters(target, "")["options"]
    assert options.startswith("-c statement_timeout=0 ")
    assert options.index("-c statement_timeout=4000") > options.index("-c statement_timeout=0 ")
    assert "-c default_transaction_read_only=on" in options
    assert "-c lock_timeout=2000" in options
    assert "-c search_path=pg_catalog" in options


def test_a_short_deadline_still_bounds_statements() -> None:
    # 0 would mean no limit
    assert "statement_timeout=1 " in session_options(0.001, "")
    assert "lock_timeout=1 " in session_options(0.001, "")


def test_gssapi_encryption_is_used_only_where_it_is_asked_for() -> None:
    assert connection_parameters(Target("t", {}), "")["gssencmode"] == "disable"
    wanted = connection_parameters(Target("t", {"gssencmode": "prefer"}), "")
    assert wanted["gssencmode"] == "prefer"


def test_the_application_names_itself_unless_configured_otherwise() -> None:
    assert (
        connection_parameters(Target("t", {}), "")["application_name"]
        == "pg-replication-cert-exporter"
    )
    given_name = Target("t", {"application_name": "mine"})
    assert connection_parameters(given_name, "")["application_name"] == "mine"


def test_without_a_password_libpq_looks_for_one_itself() -> None:
    assert "password" not in connection_parameters(Target("t", {}), "")
    assert connection_parameters(Target("t", {}), "x")["password"] == "x"


async def _password(password: Password) -> str | Unread:
    return await password_of(
        Target("t", {}, password), asyncio.get_running_loop().time() + WITHIN_SECONDS
    )


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
async def test_one_line_ending_is_not_part_of_a_password(tmp_path: Path, ending: str) -> None:
    file = tmp_path / "password"
    file.write_bytes(b" pass word " + ending.encode())
    assert await _password(PasswordFile(file)) == " pass word "


async def test_a_password_that_is_missing_empty_or_no_text_is_reported_without_its_bytes(
    tmp_path: Path,
) -> None:
    empty, binary = tmp_path / "empty", tmp_path / "binary"
    empty.write_bytes(b"\n")
    binary.write_bytes(b"secret\xff")
    for password in (
        PasswordFile(tmp_path / "absent"),
        PasswordFile(empty),
        PasswordFile(binary),
        PasswordVariable("PGREPL_TEST_ABSENT"),
    ):
        read = await _password(password)
        assert isinstance(read, Unread)
        assert read.reason is FailureReason.AUTHENTICATION
        assert "secret" not in read.detail


async def test_a_clear_password_and_none_are_taken_as_they_are() -> None:
    assert await _password(ClearPassword("x")) == "x"
    assert await _password(None) == ""
