"""pg_hba.conf and pg_ident.conf as a poll reads them, on every major."""

import pytest

from exporter.model.failure import FailureReason, Read, Unread
from exporter.model.hba import (
    UNKNOWN_QUOTES,
    ConnectionType,
    ErrorLine,
    FileTimes,
    HbaContent,
    IdentMapping,
    LineTraits,
    Quoting,
    RuleLocation,
    ServerFile,
)
from exporter.model.observation import RegularExpressionResult
from lab.account import server_account
from lab.replication import LOGICAL, PHYSICAL, ReplicationClient
from tests.live.observe.reading_files import settled, write
from tests.live.primaries import HBA, MAJORS, Primaries, Primary, fresh_primary

pytestmark = pytest.mark.live

SECRET = "planted-secret"


def _read(content: Read[HbaContent]) -> HbaContent:
    assert isinstance(content, HbaContent), content
    return content


def _traits(lines: Read[tuple[LineTraits, ...]]) -> dict[int, LineTraits]:
    assert not isinstance(lines, Unread), lines
    return {line.location.line_number: line for line in lines}


def _times(times: Read[tuple[FileTimes, ...]]) -> dict[ServerFile, FileTimes]:
    assert not isinstance(times, Unread), times
    return {each.setting: each for each in times}


async def test_rules_are_read_in_order_with_file_and_line(primary: Primary) -> None:
    hba = _read((await primary.observe()).hba)
    path = str(primary.server.hba_path)
    assert hba.errors == ()
    assert [rule.location.line_number for rule in hba.rules] == [1, 2, 3, 4, 5, 6, 7]
    assert {rule.location.file_name for rule in hba.rules} == {path}
    certificate = hba.rules[4]
    assert certificate.connection_type is ConnectionType.HOSTSSL
    assert certificate.databases == ("replication",)
    assert certificate.roles == ("r_cert",)
    assert (certificate.address, certificate.netmask) == ("127.0.0.1", "255.255.255.255")
    assert certificate.option("clientcert") == "verify-full"
    assert hba.rules[3].roles == ("exporter", "blind")


async def test_the_same_content_has_the_same_digest(primary: Primary) -> None:
    assert (
        _read((await primary.observe()).hba).digest == _read((await primary.observe()).hba).digest
    )


async def test_a_changed_secret_changes_the_digest_and_is_never_kept(own_primary: Primary) -> None:
    server = own_primary.server
    digests = set()
    for number in range(2):
        server.write_hba(
            f"{HBA}host all all 10.0.0.0/8 radius radiusservers=10.9.9.9"
            f" radiussecrets={SECRET}{number}\n"
        )
        observation = await own_primary.observe()
        hba = _read(observation.hba)
        assert hba.rules[-1].option("radiusservers") == "10.9.9.9"
        assert hba.rules[-1].option("radiussecrets") == "********"
        assert SECRET not in repr(observation)
        digests.add(hba.digest)
    assert len(digests) == 2


async def test_a_secret_with_a_blank_is_not_shown_by_the_error_message(
    own_primary: Primary,
) -> None:
    own_primary.server.write_hba(
        f"{HBA}host all all 10.0.0.0/8 radius radiusservers=10.9.9.9 radiussecrets=one {SECRET}\n"
    )
    observation = await own_primary.observe()
    (error,) = _read(observation.hba).errors
    assert error.message.startswith("authentication option not in name=value format")
    assert SECRET not in repr(observation)


async def test_every_line_in_error_blocks_loading_also_one_without_a_message(
    own_primary: Primary,
) -> None:
    own_primary.server.write_hba(
        f"{HBA}host all all 127.0.0.1/32 peer\nhost replication r 10.1.2.3/32 cert\n"
        "hostssl all all 10.0.0.0/8 scram-sha-256 clientcert=sometimes\n"
    )
    hba = _read((await own_primary.observe()).hba)
    path = str(own_primary.server.hba_path)
    assert [error.location for error in hba.errors] == [
        RuleLocation(path, line) for line in (8, 9, 10)
    ]
    assert hba.errors[0].message == "peer authentication is only supported on local sockets"
    assert hba.errors[1].message == "cert authentication is only supported on hostssl connections"
    assert hba.errors[2].message != ""
    assert not hba.loadable
    assert len(hba.rules) == 7


@pytest.mark.parametrize("major", [13, 18])
async def test_with_tls_off_hostssl_lines_are_reported_but_do_not_block(
    primaries: Primaries, major: int
) -> None:
    with fresh_primary(primaries, major, tls=False) as primary:
        observation = await primary.observe()
        off = _read(observation.hba)
        assert off.loadable
        assert [(error.location.line_number, error.blocks_loading) for error in off.errors] == [
            (5, False),
            (6, False),
        ]
        assert len(off.rules) == 7
        assert not observation.server.tls_enabled
        assert not observation.server.requests_client_certificate


async def test_turning_tls_off_is_not_a_change_of_the_rules(own_primary: Primary) -> None:
    on = _read((await own_primary.observe()).hba)
    own_primary.server.set("ssl", "off")
    own_primary.server.reload()
    off = _read((await own_primary.observe()).hba)
    assert off.errors != ()
    assert off.digest == on.digest


async def test_lines_that_the_view_loses_something_of_are_reported(own_primary: Primary) -> None:
    own_primary.server.write("users.txt", "one\ntwo\n")
    own_primary.server.write_hba(
        'host "all" plain 127.0.0.9/32 trust\n'  # 2
        "host all @users.txt 127.0.0.9/32 trust\n"  # 3
        'hostssl all all 127.0.0.9/32 cert clientname=DN # "no" @no\n'  # 4
        'host "a # b" user@realm 127.0.0.9/32 trust\n'  # 5
        f'# "nothing" @nothing clientname=DN\n{HBA}'  # 6
    )
    traits = _traits((await own_primary.observe()).hba_lines)
    clientname = own_primary.server.major >= 14
    assert sorted(traits) == [2, 3, 4, 5]
    assert traits[2].holds_quote
    assert not traits[2].holds_file_reference
    assert traits[3].holds_file_reference
    assert not traits[3].holds_quote
    assert traits[4].holds_clientname
    assert not traits[4].holds_quote
    assert not traits[4].holds_file_reference
    assert traits[5].holds_quote
    assert not traits[5].holds_file_reference
    hba = _read((await own_primary.observe()).hba)
    by_line = {rule.location.line_number: rule for rule in hba.rules}
    assert by_line[3].roles == ("one", "two")
    assert by_line[5].databases == ("a # b",)
    assert (4 in by_line) is clientname
    assert all(
        line.location.file_name == str(own_primary.server.hba_path) for line in traits.values()
    )


async def test_quotes_are_known_token_by_token(own_primary: Primary) -> None:
    own_primary.server.write("users.txt", '"one"\ntwo\n')
    own_primary.server.write_hba(
        'host "all",replication , plain "replication" 127.0.0.9/32 trust\n'  # 2
        'host replication a"b",+c,"+d e" "all" trust\n'  # 3
        'host "x"y,@users.txt "u" all trust\n'  # 4
        'hostssl all all 127.0.0.9/32 cert "map=a b" clientname=CN # "\n'  # 5
        f'hostssl all "all" 127.0.0.9/32 cert "clientname=DN"\n{HBA}'  # 6
    )
    observation = await own_primary.observe()
    traits = _traits(observation.hba_lines)
    assert traits[2].quoting == Quoting((True, False), (False,), address=True)
    assert traits[3].quoting == Quoting((False,), (False, False, True), address=True)
    assert traits[4].quoting == Quoting(None, (True,), address=False)
    assert (traits[5].clientname, traits[6].clientname) == ("CN", "DN")
    assert traits[6].quoting == Quoting((False,), (True,), address=False)
    rules = {rule.location.line_number: rule for rule in _read(observation.hba).rules}
    assert rules[3].roles == ("ab", "+c", "+d e")


async def test_the_header_that_patroni_writes_is_known(own_primary: Primary) -> None:
    header = "# Do not edit this file manually!\n# It will be overwritten by Patroni!\n"
    for before, is_header in (("", True), ("local all all trust\n", False)):
        own_primary.server.hba_path.write_text(before + header + HBA, "utf-8")
        observation = await own_primary.observe()
        lines = observation.hba_lines
        assert not isinstance(lines, Unread)
        assert [line.is_patroni_header for line in lines] == [True] * is_header
        hba = _read(observation.hba).with_lines(lines)
        assert hba.is_written_by_patroni is is_header


async def test_the_function_of_an_older_exporter_still_serves(own_primary: Primary) -> None:
    own_primary.server.write_hba(f'host "all" all 127.0.0.9/32 trust\n{HBA}')
    own_primary.server.sql("DROP FUNCTION replication_cert_exporter.hba_lines()")
    own_primary.server.sql(
        "CREATE FUNCTION replication_cert_exporter.hba_lines() RETURNS TABLE (file_name text,"
        " line_number integer, holds_quote boolean, holds_file_reference boolean,"
        " holds_clientname boolean, continues boolean) LANGUAGE sql AS "
        f"$$ VALUES ('{own_primary.server.hba_path}', 2, true, false, true, false) $$"
    )
    traits = _traits((await own_primary.observe()).hba_lines)
    assert traits[2].quoting == UNKNOWN_QUOTES
    assert (traits[2].holds_clientname, traits[2].clientname) == (True, None)


async def test_a_continued_line_is_reported_at_its_first_line(own_primary: Primary) -> None:
    own_primary.server.write_hba(
        'host all \\\n  "quoted" \\\n  127.0.0.9/32 trust\n'  # 2 to 4
        f'# comment \\\nhost "still the comment" all 127.0.0.9/32 trust\n{HBA}'  # 5 and 6
    )
    observation = await own_primary.observe()
    traits = _traits(observation.hba_lines)
    if own_primary.server.major >= 14:
        assert sorted(traits) == [2, 5]
        assert traits[2].continues
        assert traits[2].holds_quote
        assert traits[5].continues
        assert not traits[5].holds_quote
        assert 2 in {rule.location.line_number for rule in _read(observation.hba).rules}
    else:
        assert sorted(traits) == [3, 6]
        assert not _read(observation.hba).loadable


async def test_bytes_in_no_encoding_break_nothing(own_primary: Primary) -> None:
    server = own_primary.server
    server.hba_path.write_bytes(
        b'host all "caf\xe9" 127.0.0.9/32 trust\n' + server.hba_path.read_bytes()
    )
    observation = await own_primary.observe()
    assert _read(observation.hba).rules[0].roles == ("caf\\xe9",)
    assert _traits(observation.hba_lines)[1].holds_quote


async def test_a_missing_file_is_reported_as_such(own_primary: Primary) -> None:
    own_primary.server.hba_path.unlink()
    observation = await own_primary.observe()
    for read in (observation.hba, observation.hba_lines):
        assert isinstance(read, Unread)
        assert read.reason is FailureReason.FILE_MISSING
    assert not isinstance(observation.wal_senders, Unread)
    times = _times(observation.file_times)
    assert times[ServerFile.HBA].modified is None
    assert times[ServerFile.IDENT].modified is not None


async def test_without_grants_each_reader_says_so(primary: Primary) -> None:
    observation = await primary.observe("blind")
    unread = [observation.hba, observation.hba_lines, observation.ident, observation.file_times]
    assert [r.reason if isinstance(r, Unread) else r for r in unread] == [
        FailureReason.PERMISSION
    ] * 4
    assert not isinstance(observation.role_memberships, Unread)


async def test_without_the_shipped_functions_the_views_are_read_all_the_same(
    own_primary: Primary,
) -> None:
    own_primary.server.sql("DROP SCHEMA replication_cert_exporter CASCADE")
    observation = await own_primary.observe()
    for read in (observation.hba_lines, observation.file_times):
        assert isinstance(read, Unread)
        assert read.reason is FailureReason.NOT_INSTALLED
    hba = _read(observation.hba)
    if own_primary.server.major < 16:
        assert hba.rules[0].location.file_name == "pg_hba.conf"
    assert isinstance(observation.ident, Unread) is (own_primary.server.major < 15)


async def test_times_of_all_files_are_read(primary: Primary) -> None:
    times = _times((await primary.observe()).file_times)
    assert set(times) == {
        ServerFile.HBA,
        ServerFile.IDENT,
        ServerFile.CERTIFICATE,
        ServerFile.AUTHORITY,
    }
    status = primary.server.hba_path.stat()
    hba = times[ServerFile.HBA]
    assert hba.path == str(primary.server.hba_path)
    assert hba.size == status.st_size
    assert hba.modified is not None
    assert hba.modified.timestamp() == int(status.st_mtime)
    assert hba.changed is not None
    assert hba.changed.timestamp() == int(status.st_ctime)


async def test_maps_are_read_with_their_quotes_resolved(own_primary: Primary) -> None:
    own_primary.server.write_ident(
        '# a comment\nm  /^(.*)@example$  \\1\nm  "O=Lab, CN=x # y"  r_cert # comment\n'
        'm "two ""quotes""" r_cert\nbroken line\n'
    )
    ident = (await own_primary.observe()).ident
    assert not isinstance(ident, Unread), ident
    path = str(own_primary.server.data_directory / "pg_ident.conf")
    assert ident.mappings == (
        IdentMapping(RuleLocation(path, 2), "m", "/^(.*)@example$", "\\1"),
        IdentMapping(RuleLocation(path, 3), "m", "O=Lab, CN=x # y", "r_cert"),
        IdentMapping(RuleLocation(path, 4), "m", 'two "quotes"', "r_cert"),
    )
    (error,) = ident.errors
    assert error == ErrorLine(
        RuleLocation(path, 5), "missing entry at end of line", blocks_loading=True
    )


async def test_lines_are_read_again_when_their_file_changes(own_primary: Primary) -> None:
    own_primary.server.write_hba(f'host "all" plain 127.0.0.9/32 trust\n{HBA}')
    kept = await settled(own_primary)
    assert kept.hba_lines is not None
    assert (await own_primary.observe(kept=kept)).hba_lines is kept.hba_lines
    own_primary.server.write_hba(f'host "all" "pla" 127.0.0.9/32 trust\n"all"{HBA}')
    assert sorted(_traits((await own_primary.observe(kept=kept)).hba_lines)) == [2, 3]


@pytest.mark.parametrize("major", [13, 18])
async def test_a_link_that_leads_to_another_file_of_the_same_times_is_noticed(
    primaries: Primaries, major: int
) -> None:
    lines = ['host "all" plain 127.0.0.9/32 trust\n', "host replication plain 127.0.0.9/32 trust\n"]
    with fresh_primary(primaries, major) as primary:
        one, other = (primary.server.data_directory / name for name in ("one", "other"))
        while True:
            write(one, "".join([*lines, HBA]).encode())
            write(other, "".join([*lines[::-1], HBA]).encode())
            if int(one.stat().st_ctime) == int(other.stat().st_ctime):
                break
        primary.server.hba_path.unlink()
        primary.server.hba_path.symlink_to(one)
        kept = await settled(primary)
        assert sorted(_traits((await primary.observe(kept=kept)).hba_lines)) == [1]
        primary.server.hba_path.unlink()
        primary.server.hba_path.symlink_to(other)
        observation = await primary.observe(kept=kept)
    assert observation.hba_lines_of == kept.hba_lines_of
    assert sorted(_traits(observation.hba_lines)) == [2]


async def test_settings_of_the_role_do_not_change_what_the_functions_mean(
    primaries: Primaries,
) -> None:
    with fresh_primary(primaries, 18) as primary:
        primary.server.sql("ALTER ROLE exporter SET standard_conforming_strings = off")
        primary.server.write("more.conf", 'host "quoted" all 127.0.0.9/32 trust\n')
        primary.server.write_hba(f"{HBA}  include more.conf\n")
        observation = await primary.observe()
    assert ServerFile.HBA_INCLUDED in _times(observation.file_times)
    assert sorted(_traits(observation.hba_lines)) == [1]


@pytest.mark.parametrize("major", [16, 18])
async def test_lines_of_included_files_are_read_again_too(primaries: Primaries, major: int) -> None:
    with fresh_primary(primaries, major) as primary:
        server = primary.server
        server.write("more.conf", "host all plain 127.0.0.9/32 trust\n")
        server.write_hba(f"{HBA}include more.conf\n")
        kept = await settled(primary)
        assert kept.hba_lines == ()
        server.write("more.conf", 'host all "pla" 127.0.0.9/32 trust\n')
        assert sorted(_traits((await primary.observe(kept=kept)).hba_lines)) == [1]


def _known(read: Read[tuple[FileTimes, ...]]) -> list[FileTimes]:
    return [each for each in _times(read).values() if each.modified is not None]


async def test_times_of_a_file_out_of_reach_hide_no_others(own_primary: Primary) -> None:
    directory = own_primary.server.data_directory / "closed"
    directory.mkdir(exist_ok=True)
    server_account().own(directory)
    own_primary.server.set("ssl_crl_file", "closed/list.crl")
    own_primary.server.reload()
    directory.chmod(0)
    try:
        observation = await own_primary.observe()
        again = await own_primary.observe(kept=observation.kept)
    finally:
        directory.chmod(0o700)
    # from then on looked at one by one, until something changes; what is only missing is no reason
    assert observation.out_of_reach == again.out_of_reach == {"closed/list.crl"}
    assert again.file_times == observation.file_times
    write(directory / "list.crl", own_primary.authority.revocation_list().read_bytes())
    there = await own_primary.observe(kept=again.kept)
    assert ServerFile.CRL in {t.setting for t in _known(there.file_times)}
    assert there.out_of_reach == frozenset()
    (directory / "list.crl").unlink()
    missing = await own_primary.observe(kept=there.kept)
    assert ServerFile.CRL not in {t.setting for t in _known(missing.file_times)}
    assert missing.out_of_reach == frozenset()
    times = _times(observation.file_times)
    assert times.pop(ServerFile.CRL).modified is None
    assert len(times) == 4
    assert all(each.modified is not None for each in times.values())
    assert not isinstance(observation.hba_lines, Unread)
    assert not isinstance(observation.tls_files, Unread)


@pytest.mark.parametrize("major", [16, 18])
async def test_included_files_and_directories_are_watched(primaries: Primaries, major: int) -> None:
    with fresh_primary(primaries, major) as primary:
        server = primary.server
        (server.data_directory / "more").mkdir()
        server.write("more/one.conf", 'host "quoted" all 127.0.0.9/32 trust\n')
        server.write("more/empty.conf", "# no rule\n")
        server.write("more/ignored.txt", "nonsense\n")
        server.write("also here.conf", "include_if_exists missing.conf\n")
        server.write_hba(f'{HBA}include_dir more\ninclude "also here.conf"\n')
        observation = await primary.observe()
        assert not isinstance(observation.file_times, Unread)
        included = {
            each.path.removeprefix(f"{server.data_directory}/"): each.modified is not None
            for each in observation.file_times
            if each.setting is ServerFile.HBA_INCLUDED
        }
        assert included == {
            "more": True,
            "more/one.conf": True,
            "more/empty.conf": True,
            "also here.conf": True,
            "missing.conf": False,
        }
        hba = _read(observation.hba)
        one = str(server.data_directory / "more/one.conf")
        assert hba.errors == ()
        assert hba.rules[-1].location == RuleLocation(one, 1)
        assert not isinstance(observation.hba_lines, Unread)
        assert {line.location for line in observation.hba_lines if line.holds_quote} == {
            RuleLocation(one, 1),
            RuleLocation(str(server.hba_path), 9),
        }


@pytest.mark.parametrize("major", [16, 18])
async def test_an_include_split_over_two_lines_is_followed(
    primaries: Primaries, major: int
) -> None:
    with fresh_primary(primaries, major) as primary:
        server = primary.server
        server.write("more.conf", 'host "quoted" all 127.0.0.9/32 trust\n')
        server.write_hba(f"{HBA}inc\\\nlude more.conf\n")
        observation = await primary.observe()
        more = str(server.data_directory / "more.conf")
        assert _read(observation.hba).rules[-1].location == RuleLocation(more, 1)
        assert not isinstance(observation.file_times, Unread)
        assert more in {each.path for each in observation.file_times}
        assert not isinstance(observation.hba_lines, Unread)
        assert RuleLocation(more, 1) in {each.location for each in observation.hba_lines}


MANY_ROLES = """
    DO $$ BEGIN
      FOR n IN 1..201 LOOP
        EXECUTE format('CREATE ROLE member%s', n);
        EXECUTE format('GRANT machines TO member%s', n);
      END LOOP;
    END $$
"""


@pytest.mark.parametrize("major", MAJORS)
async def test_memberships_are_followed_to_the_end(primaries: Primaries, major: int) -> None:
    with fresh_primary(primaries, major) as primary:
        over_socket = primary.client_over_socket("l_socket")
        with (
            ReplicationClient(primary.client_with_certificate("r_cert"), PHYSICAL),
            ReplicationClient(over_socket, LOGICAL),
        ):
            few = (await primary.observe()).role_memberships
            primary.server.sql(MANY_ROLES)
            many = (await primary.observe()).role_memberships
    assert few == {
        "r_cert": frozenset({"r_cert", "standbys", "machines"}),
        "l_socket": frozenset({"l_socket"}),
    }
    assert not isinstance(many, Unread), many
    assert {role: many[role] for role in few} == few


async def test_the_server_answers_regular_expressions_where_it_uses_them(
    own_primary: Primary,
) -> None:
    own_primary.server.write_hba(
        f'{HBA}host "/^post","/^x" "/_CERT$","/^l_[a-c]" 127.0.0.9/32 trust\n'
    )
    with ReplicationClient(own_primary.client_with_certificate("l_cert"), LOGICAL):
        results = (await own_primary.observe()).regular_expressions
    assert not isinstance(results, Unread), results
    if own_primary.server.major < 16:
        assert results == ()
    else:
        assert set(results) == {
            RegularExpressionResult("/^post", "postgres", matches=True),
            RegularExpressionResult("/^x", "postgres", matches=False),
            RegularExpressionResult("/_CERT$", "l_cert", matches=False),
            RegularExpressionResult("/^l_[a-c]", "l_cert", matches=True),
        }


async def test_the_server_answers_regular_expressions_for_roles_of_maps(
    own_primary: Primary,
) -> None:
    own_primary.server.write_hba(f"{HBA}hostssl all all 127.0.0.9/32 cert map=used\n")
    own_primary.server.write_ident(
        "used l_cert /^l_[a-c]\nused /^x(.*)$ /_sock\nused y l_cert\nunused l_cert /^l\n"
    )
    with ReplicationClient(own_primary.client_with_certificate("l_cert"), LOGICAL):
        results = (await own_primary.observe()).regular_expressions
    assert not isinstance(results, Unread), results
    if own_primary.server.major < 16:
        assert results == ()
    else:
        assert set(results) == {
            RegularExpressionResult("/^l_[a-c]", "l_cert", matches=True),
            RegularExpressionResult("/_sock", "l_cert", matches=False),
        }


async def test_without_rules_the_expressions_are_unread_for_the_same_reason(
    primary: Primary,
) -> None:
    results = (await primary.observe("blind")).regular_expressions
    if primary.server.major < 16:
        assert results == ()
    else:
        assert isinstance(results, Unread)
        assert results.reason is FailureReason.PERMISSION
