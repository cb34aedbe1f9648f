"""libpq's rule for the name in a server's certificate (verify-full)."""

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from exporter.model.certificate import Certificate
from exporter.model.judgement import ForecastCause
from exporter.model.verification import Purpose, Trust
from exporter.observe.certificates.tls import host_names
from exporter.observe.certificates.tls.verification import verify
from lab.pki import lab_name
from tests.chains import DAY, NOW, address, make, read


def _certificate(*common_names: str, names: tuple[x509.GeneralName, ...] = ()) -> Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, each) for each in common_names])
    made = make(subject, begins=NOW - DAY, ends=NOW + DAY, alternative_names=names)
    return read(made.certificate)


def _dns(*names: str) -> tuple[x509.GeneralName, ...]:
    return tuple(x509.DNSName(name) for name in names)


@pytest.mark.parametrize(
    ("name", "host", "fits"),
    [
        ("db1.example.com", "db1.example.com", True),
        ("DB1.Example.com", "db1.eXAMPLE.COM", True),
        ("db1.example.com", "db1.example.com.", False),
        ("db1.example.com", "db2.example.com", False),
        ("*.example.com", "db1.example.com", True),
        ("*.EXAMPLE.com", "db1.example.COM", True),
        ("*.example.com", "a.db1.example.com", False),
        ("*.example.com", "example.com", False),
        ("*.example.com", ".example.com", False),
        ("db*.example.com", "db1.example.com", False),
        ("*", "localhost", False),
        ("*.", "a.", False),
        ("*.com", "example.com", True),
        ("*.*.com", "a.b.com", False),
        ("db1.*.com", "db1.example.com", False),
    ],
)
def test_a_name_fits_as_libpq_says(name: str, host: str, *, fits: bool) -> None:
    assert host_names.carries(_certificate(name), host) is fits
    assert host_names.carries(_certificate("other", names=_dns("first", name)), host) is fits


@pytest.mark.parametrize(
    ("certificate", "host", "fits"),
    [
        # a DNS name silences the CN
        (_certificate("db1", names=_dns("db2")), "db1", False),
        # for a name, an IP address does not
        (_certificate("db1", names=(address("192.0.2.1"),)), "db1", True),
        # for an address, it is the other way round
        (_certificate("192.0.2.1", names=_dns("db1")), "192.0.2.1", True),
        (_certificate("192.0.2.1", names=(address("192.0.2.2"),)), "192.0.2.1", False),
        (_certificate("192.0.2.1"), "192.0.2.1", True),
        # an address as DNS name is compared as text
        (_certificate("x", names=_dns("192.0.2.1")), "192.0.2.1", True),
        # addresses are compared as numbers
        (_certificate("x", names=(address("192.0.2.1"),)), "192.0.2.1", True),
        (_certificate("x", names=(address("192.0.2.1"),)), "192.0.513", True),
        (_certificate("x", names=(address("2001:db8::1"),)), "2001:DB8:0::1", True),
        (_certificate("x", names=(address("2001:db8::1"),)), "2001:db8::2", False),
        (_certificate("x", names=(address("::1"),)), "127.0.0.1", False),
        # the first CN is the one
        (_certificate("db1", "db2"), "db1", True),
        (_certificate("db1", "db2"), "db2", False),
        (_certificate(), "db1", False),
        # other kinds of names say nothing
        (_certificate("db1", names=(x509.RFC822Name("db1"),)), "db1", True),
        (_certificate("x", names=(x509.RFC822Name("db1"),)), "db1", False),
        # a zero byte ends the search (CVE-2009-4034)
        (_certificate("db1\0.evil.example"), "db1", False),
        (_certificate("x", names=_dns("a\0b", "db1")), "db1", False),
    ],
)
def test_where_libpq_looks_for_the_name(certificate: Certificate, host: str, *, fits: bool) -> None:
    assert host_names.carries(certificate, host) is fits


@pytest.mark.parametrize(
    ("host", "words"), [("db9", "hostname mismatch"), ("192.0.2.9", "IP address mismatch")]
)
def test_a_wrong_name_is_reported_in_the_words_of_openssl(host: str, words: str) -> None:
    certificate = _certificate("db1")
    answer = verify((certificate,), Trust((certificate,)), Purpose.SERVER, at=NOW, host=host)
    assert (answer.result, answer.cause) == (words, ForecastCause.NAME)
    assert answer.breaks_at is None


def test_an_untrusted_chain_is_reported_before_a_wrong_name() -> None:
    answer = verify((_certificate("db1"),), Trust(()), Purpose.SERVER, at=NOW, host="db9")
    assert answer.cause is ForecastCause.AUTHORITY


@given(st.text())
def test_any_host_has_an_answer(host: str) -> None:
    certificate = read(make(lab_name("db1"), begins=NOW - DAY, ends=NOW + DAY).certificate)
    assert host_names.carries(certificate, host) is (host.lower() == "db1")
