"""Names in both forms, compared with OpenSSL: every string type, every kind of character."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from exporter.observe.certificates.parse.names import distinguished_name
from lab import odd_certificates as odd
from tests.unit.observe.certificates import openssl

CN = "2.5.4.3"
KEY = ec.generate_private_key(ec.SECP256R1())
ISSUER = odd.common_name("issuer")

VALUES = [
    b"replica",
    b"",
    b"#",
    b" ",
    b"  ",
    b"#a",
    b"a#",
    b" a",
    b"a ",
    b"a b",
    b'"+,;<>\\',
    b"a=/b",
    b"a\0b\n\x1b\x7f",
    b"100% {}[]()!$&'*?@^_`|~-.:",
]
IDENTIFIERS = [
    CN,
    "2.5.4.4",  # SN
    "2.5.4.6",  # C
    "2.5.4.17",  # postalCode
    "2.5.4.46",  # dnQualifier
    "2.5.4.97",  # organizationIdentifier
    "1.2.840.113549.1.9.1",  # emailAddress
    "0.9.2342.19200300.100.1.1",  # UID
    "0.9.2342.19200300.100.1.25",  # DC
    "1.3.6.1.4.1.311.60.2.1.3",  # jurisdictionC
    "1.2.643.100.1",  # OGRN
    "1.3.6.1.5.5.7.3.2",  # clientAuth: no attribute, but a name that OpenSSL knows
]


def _certificate(*relative_names: odd.RelativeName) -> bytes:
    return odd.certificate(
        KEY, subject=odd.distinguished_name(*relative_names), signed_by=KEY, issuer=ISSUER
    )


def _one(identifier: str, tag: int, value: bytes) -> tuple[str, str, bytes]:
    """Return both forms of a name of one attribute, and a certificate for it."""
    relative_name = [(identifier, tag, value)]
    name = distinguished_name(odd.distinguished_name(relative_name))
    return name.slash, name.rfc2253, _certificate(relative_name)


@pytest.mark.parametrize("tag", [odd.UTF8, odd.NUMERIC, odd.PRINTABLE, odd.T61, odd.IA5])
@pytest.mark.parametrize("value", VALUES)
def test_characters_are_escaped_as_openssl_escapes_them(tag: int, value: bytes) -> None:
    slash, rfc2253, der = _one(CN, tag, value)
    assert (slash, rfc2253) == (openssl.slash(der), openssl.rfc2253(der))


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        (odd.UTF8, "Zürich 日本 😀".encode()),
        (odd.T61, b"Z\xfcrich"),
        (odd.IA5, b"\x80\xff"),
        (odd.PRINTABLE, "Zürich".encode()),
        (odd.BMP, " Zürich 日本#".encode("utf-16-be")),
        (odd.UNIVERSAL, "#Zürich 😀 ".encode("utf-32-be")),
        (3, b"\0\x05"),  # BIT STRING
        (0x30, b"\x0c\x01a"),  # SEQUENCE
    ],
)
def test_every_type_of_value_is_printed_as_openssl_prints_it(tag: int, value: bytes) -> None:
    slash, rfc2253, der = _one(CN, tag, value)
    assert (slash, rfc2253) == (openssl.slash(der), openssl.rfc2253(der))


@pytest.mark.parametrize("identifier", IDENTIFIERS)
def test_attributes_have_openssls_short_names(identifier: str) -> None:
    slash, rfc2253, der = _one(identifier, odd.IA5, b"x")
    assert (slash, rfc2253) == (openssl.slash(der), openssl.rfc2253(der))
    assert not rfc2253[0].isdigit()


@pytest.mark.parametrize(
    "identifier", ["1.2.3.4.5", "2.999.1", "2.5.4.0", "1.2." + ".".join(["123456789"] * 12)]
)
def test_an_unknown_attribute_is_undef_as_in_postgresql_13_and_hexadecimal(identifier: str) -> None:
    slash, rfc2253, der = _one(identifier, odd.UTF8, b"a, b")
    assert slash == "/UNDEF=a\\, b"
    assert rfc2253 == openssl.rfc2253(der)
    assert rfc2253.endswith("=#0C04612C2062")


def test_an_empty_name_is_empty() -> None:
    name = distinguished_name(odd.distinguished_name())
    assert (name.slash, name.rfc2253, name.common_names) == ("", "", ())


def test_several_attributes_in_one_relative_name_are_distinguished_in_one_form_only() -> None:
    relative_names = [
        [("2.5.4.10", odd.UTF8, b"Lab")],
        [("2.5.4.11", odd.UTF8, b"a"), ("2.5.4.11", odd.UTF8, b"b")],
        [],
        [(CN, odd.UTF8, b"x")],
    ]
    name = distinguished_name(odd.distinguished_name(*relative_names))
    assert name.slash == "/O=Lab/OU=a/OU=b/CN=x"
    assert name.rfc2253 == "CN=x,OU=b+OU=a,O=Lab"
    assert name.rfc2253 == openssl.rfc2253(_certificate(*relative_names))


def test_the_first_common_name_is_the_one_that_is_compared() -> None:
    name = distinguished_name(
        odd.distinguished_name([(CN, odd.UTF8, b"first")], [(CN, odd.UTF8, b"second")])
    )
    assert name.common_names == ("first", "second")
    assert name.common_name == "first"


@pytest.mark.parametrize(
    ("tag", "value", "compared"),
    [
        (odd.UTF8, "Zürich".encode(), "Zürich"),
        # PostgreSQL compares bytes, whatever their type says
        (odd.T61, "Zürich".encode(), "Zürich"),
        (odd.T61, b"Z\xfcrich", "Z\\xfcrich"),
        (odd.BMP, "ab".encode("utf-16-be"), "\\x00a\\x00b"),
        (odd.UTF8, b"replica\0", "replica\\x00"),
    ],
)
def test_a_common_name_is_what_postgresql_compares(tag: int, value: bytes, compared: str) -> None:
    name = distinguished_name(odd.distinguished_name([(CN, tag, value)]))
    assert name.common_names == (compared,)


@pytest.mark.parametrize(
    "name",
    [
        b"",
        b"\x30",
        b"\x31\x00",
        odd.element(0x30, b"\x05\0"),
        odd.element(0x30, odd.element(0x31, odd.element(0x30, odd.identifier(CN)))),
        odd.distinguished_name([(CN, odd.BMP, b"\0")]),
        odd.distinguished_name([(CN, odd.BMP, b"\xd8\x3d")]),  # half of a surrogate pair
        odd.distinguished_name([(CN, odd.BMP, "😀".encode("utf-16-be"))]),
        odd.distinguished_name([(CN, odd.UNIVERSAL, b"\0\x11\0\0")]),
        odd.distinguished_name([(CN, odd.UNIVERSAL, b"\xf2\0\0\0")]),
        odd.distinguished_name([(CN, odd.UTF8, b"\xff")]),
        odd.distinguished_name([(CN, odd.UTF8 | 0x20, b"\x0c\x01a")]),
    ],
)
def test_a_value_that_is_not_a_name_is_refused(name: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        distinguished_name(name)


attributes = st.tuples(
    st.sampled_from([*IDENTIFIERS[:6], "1.2.3.4.5"]),
    st.sampled_from([odd.UTF8, odd.PRINTABLE, odd.T61, odd.IA5, odd.BMP, odd.UNIVERSAL]),
    st.one_of(
        st.binary(max_size=12),
        st.text(alphabet=' #"+,;<>\\=/a', max_size=6).map(str.encode),
        st.text(max_size=6, alphabet=st.characters(exclude_categories=["Cs"])).map(str.encode),
    ),
)
relative_names = st.lists(st.lists(attributes, min_size=1, max_size=2), max_size=4)


@settings(max_examples=40, deadline=None)
@given(relative_names)
def test_any_name_that_openssl_takes_is_printed_as_openssl_prints_it(
    parts: list[list[odd.Attribute]],
) -> None:
    der = _certificate(*parts)
    assume(openssl.takes(der))
    name = distinguished_name(odd.distinguished_name(*parts))
    assert name.rfc2253 == openssl.rfc2253(der)
    if parts and all(len(part) == 1 for part in parts) and "UNDEF" not in name.slash:
        assert name.slash == openssl.slash(der)
