"""The unquoted conninfo of pg_stat_wal_receiver."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import pq

from exporter.observe.postgres.readers.shown_conninfo import KEYWORDS, shown_values

OF_18 = (
    "user=r_cert passfile=/var/lib/postgresql/.pgpass channel_binding=prefer dbname=replication"
    " host=127.0.0.1 port=5432 application_name=my standby fallback_application_name=walreceiver"
    " sslmode=verify-ca sslnegotiation=postgres sslcompression=0 sslcert=/etc/my keys/a=b.crt"
    " sslkey=/etc/my keys/a.key sslcertmode=allow sslsni=1 ssl_min_protocol_version=TLSv1.2"
    " gssencmode=prefer krbsrvname=postgres gssdelegation=0 target_session_attrs=any"
    " load_balance_hosts=disable"
)


def test_values_with_blanks_and_equal_signs_are_whole() -> None:
    values = shown_values(OF_18)
    assert values["user"] == "r_cert"
    assert values["application_name"] == "my standby"
    assert values["sslcert"] == "/etc/my keys/a=b.crt"
    assert values["sslmode"] == "verify-ca"
    assert values["load_balance_hosts"] == "disable"
    assert list(values) == [keyword for keyword in KEYWORDS if keyword in values]


@pytest.mark.parametrize(
    "name", ["x user=boss", "x sslcert=/y", "x  host=z", "host=", "x gssencmode=", " user=", "ü="]
)
def test_a_keyword_in_an_application_name_is_none(name: str) -> None:
    values = shown_values(OF_18.replace("my standby", name))
    assert values.pop("application_name") == name
    assert values == {k: v for k, v in shown_values(OF_18).items() if k != "application_name"}


@pytest.mark.parametrize("name", ["x sslmode=disable", "x sslmode=disable sslcert=/y"])
def test_a_second_sslmode_makes_all_of_it_doubtful(name: str) -> None:
    assert shown_values(OF_18.replace("my standby", name)) == {}


@pytest.mark.parametrize("length", [0, 10, OF_18.index(" sslmode"), OF_18.index("fy-ca")])
def test_without_sslmode_nothing_is_reported(length: int) -> None:
    assert shown_values(OF_18[:length]) == {}


@given(st.text())
def test_any_text_is_taken(text: str) -> None:
    values = shown_values(f"{text} sslmode=require{text}")
    assert not values or values["sslmode"] == "require"


def test_keywords_stand_in_libpq_s_order() -> None:
    keywords = [option.keyword.decode() for option in pq.Conninfo.get_defaults()]
    known = [keyword for keyword in KEYWORDS if keyword in keywords]
    assert known == [keyword for keyword in keywords if keyword in KEYWORDS]
    assert {"user", "application_name", "sslmode", "sslcert", "gssencmode"} <= set(known)
