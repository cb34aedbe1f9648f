"""Which known certificate a session uses: matched, ambiguous, or none; never a wrong one."""

from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.assess.certificates.inventory_index import inventory_index
from exporter.assess.certificates.match import as_shown, match, shown_by, shown_of
from exporter.model.certificate import Certificate, DistinguishedName
from exporter.model.certificates_report import Ambiguous, InUse, Matched, Unmatched
from exporter.model.inventory import Binding
from exporter.model.wal_sender import PeerCertificate, SlashName
from tests.unit.assess.with_certificates import CA, OWN, certificate, known, name, peer

EMPTY = DistinguishedName("", "", ())
LONG = "O=" + "x" * 60


def found(shown: Certificate, *among: Certificate) -> InUse:
    index = inventory_index(tuple(known(c) for c in among))
    return match(k.certificate for k in index.shown.get(shown_by(peer(shown)), ()))


@pytest.mark.parametrize(
    "odd",
    [
        OWN,
        certificate(serial=0),
        certificate(serial=-5),
        certificate(serial=int("7f" + "ff" * 19, 16)),
        certificate(EMPTY),
        certificate(issuer=EMPTY),
        certificate(name("O=x/CN=boss", "CN=replica")),
        certificate(name("O=a=b", "CN=replica")),
        certificate(name("OU=a", "OU=b", "CN=one", "CN=two")),
        certificate(name(LONG, "CN=replica")),
        certificate(name("O=Fabrik Zürich 日本", "CN=replica")),
        certificate(CA.subject, authority=True),
    ],
    ids=[
        "plain",
        "serial 0",
        "negative",
        "20 bytes",
        "no subject",
        "no issuer",
        "slash",
        "equals",
        "several",
        "cut",
        "umlaut",
        "authority",
    ],
)
def test_a_certificate_is_matched_by_what_a_session_shows_of_it(odd: Certificate) -> None:
    others = (certificate(serial=99), certificate(name("CN=other")))
    assert found(odd, *others, odd) == Matched(odd)


@pytest.mark.parametrize(
    "other",
    [
        certificate(serial=8),
        certificate(serial=-7),
        certificate(issuer=name("CN=Another CA")),
        certificate(issuer=EMPTY),
        certificate(name("O=Lab", "CN=standby")),
        certificate(name("O=Lab", "CN=replica2")),
        certificate(name("O=Lab", "CN=replic")),
        certificate(EMPTY),
    ],
    ids=["serial", "sign", "issuer", "no issuer", "name", "longer", "shorter", "no name"],
)
def test_a_certificate_that_differs_in_what_is_shown_is_none(other: Certificate) -> None:
    assert found(OWN, other) == Unmatched()
    assert found(other, OWN) == Unmatched()


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (OWN, certificate(salt="another key")),
        (certificate(name(LONG, "CN=replica")), certificate(name(LONG, "CN=standby"))),
        (
            certificate(issuer=name(LONG, "CN=CA 1")),
            certificate(issuer=name(LONG, "CN=CA 2")),
        ),
        (
            certificate(name("O=x", "CN=replica")),
            certificate(DistinguishedName("/O=x/CN=replica", r"O=x/CN\=replica", ())),
        ),
    ],
    ids=["issued anew with its serial", "cut names", "cut issuers", "a slash in a value"],
)
def test_what_cannot_be_distinguished_is_ambiguous(one: Certificate, two: Certificate) -> None:
    both = tuple(sorted((one, two), key=lambda c: c.fingerprint))
    assert found(one, one, two) == found(two, two, one) == Ambiguous(both)


def test_one_certificate_in_several_places_is_one() -> None:
    assert match((OWN, replace(OWN, serial_number=7), OWN)) == Matched(OWN)
    assert match(()) == Unmatched()


@pytest.mark.parametrize("width", ["é", "日", "𝄞"])
@pytest.mark.parametrize("position", range(64))
def test_a_name_is_cut_as_the_server_cuts_it(width: str, position: int) -> None:
    whole = ("a" * position + width * 32)[:80]
    kept = whole.encode()[:63]
    reported = as_shown(DistinguishedName(whole, "", ()))
    assert reported == kept.decode("utf-8", "backslashreplace")
    cut = position + (63 - position) // len(width.encode()) * len(width.encode())
    assert reported.endswith("".join(f"\\x{byte:02x}" for byte in kept[cut:]))
    assert len(reported) == position + (cut - position) // len(width.encode()) + 4 * (63 - cut)


def test_what_is_shown_is_issuer_serial_number_and_subject() -> None:
    assert shown_of(OWN) == ("/CN=CA", 7, "/O=Lab/CN=replica")
    assert shown_by(PeerCertificate(None, None, 0)) == ("", 0, "")
    shown = PeerCertificate(
        SlashName("/CN=a", may_be_cut=False), SlashName("/CN=b", may_be_cut=True), 1
    )
    assert shown_by(shown) == ("/CN=b", 1, "/CN=a")


def test_a_name_that_is_not_text_is_never_shown_by_a_server() -> None:
    assert as_shown(DistinguishedName("/CN=\udcff", "", ())) == "/CN=\\udcff"


VALUES = st.text(st.sampled_from("ab/=, é日CN\\x"), max_size=40)
NAMES = st.lists(
    st.tuples(st.sampled_from(["CN", "O", "OU"]), VALUES).map("=".join), max_size=4
).map(lambda attributes: name(*attributes))
CERTIFICATES = st.builds(
    certificate,
    NAMES,
    serial=st.integers(-1, 1),
    issuer=NAMES,
    salt=st.sampled_from("ab"),
)


@given(st.lists(CERTIFICATES, max_size=8), CERTIFICATES)
def test_what_is_matched_is_what_was_shown(among: list[Certificate], shown: Certificate) -> None:
    reported = found(shown, *among)
    alike = {c for c in among if peer(c) == peer(shown)}
    match reported:
        case Matched(one):
            assert alike == {one}
        case Ambiguous(several):
            assert alike == set(several)
            assert len(several) > 1
        case Unmatched():
            assert not alike
    if shown in among:
        assert reported == Matched(shown) or (
            isinstance(reported, Ambiguous) and shown in reported.candidates
        )


@given(st.lists(CERTIFICATES, max_size=5), CERTIFICATES, st.data())
def test_the_order_of_an_inventory_does_not_matter(
    among: list[Certificate], shown: Certificate, data: st.DataObject
) -> None:
    assert found(shown, *among) == found(shown, *data.draw(st.permutations(among)))


# --- the index


def test_an_inventory_is_worked_out_once() -> None:
    certificates = (known(OWN), known(CA))
    again = (known(OWN), known(CA))
    assert inventory_index(certificates) is inventory_index(certificates)
    assert inventory_index(certificates) is not inventory_index(again)


def test_certificates_are_found_by_whose_they_are() -> None:
    of_both = known(OWN, roles=["replica", "other"], application_names=["a", "b"])
    of_name = known(certificate(serial=8), application_names=["a"])
    of_role = known(certificate(serial=9), roles=["replica"])
    free = known(certificate(serial=10))
    index = inventory_index((of_both, of_name, of_role, free))
    assert {key: p.newest for key, p in index.of_standby.items()} == {
        ("a", "replica"): (of_both,),
        ("a", "other"): (of_both,),
        ("b", "replica"): (of_both,),
        ("b", "other"): (of_both,),
        ("a", ""): (of_name,),
    }
    assert {key: p.newest for key, p in index.of_role.items()} == {"replica": (of_role,)}
    assert index.unbound.newest == (free,)
    assert index.unbound.by_subject == {"/O=Lab/CN=replica": ((free,),)}
    assert index.unbound_names == {"replica": (free,), "CN=replica,O=Lab": (free,)}
    assert len(index.shown) == 4


def test_a_certificate_of_two_sources_is_bound_as_each_of_them_says() -> None:
    twice = replace(
        known(OWN),
        bindings=(
            Binding(frozenset(), frozenset()),
            Binding(frozenset({"replica"}), frozenset()),
            Binding(frozenset(), frozenset({"a"})),
        ),
    )
    index = inventory_index((twice,))
    assert index.unbound.newest == (twice,)
    assert index.of_role["replica"].newest == index.of_standby["a", ""].newest == (twice,)


def test_an_authority_belongs_to_no_client_and_may_still_be_in_use() -> None:
    free, bound = known(CA), known(CA, roles=["CA"], application_names=["a"])
    index = inventory_index((free, bound))
    assert index.shown == {shown_of(CA): (free, bound)}
    assert (index.of_standby, index.of_role, index.unbound_names) == ({}, {}, {})
    assert (index.unbound.by_subject, index.unbound.newest) == ({}, ())


def test_the_newest_of_each_subject_is_found_whatever_the_order() -> None:
    old, new = certificate(), certificate(serial=8, since=OWN.not_before.replace(year=2027))
    longer = certificate(serial=9, since=new.not_before, until=new.not_after.replace(year=2028))
    tie = certificate(serial=10, since=new.not_before, until=longer.not_after)
    other = certificate(name("CN=other"), since=old.not_before.replace(year=2020))
    wanted = {longer, tie, other}
    for order in permutations((old, new, longer, tie, other)):
        index = inventory_index(tuple(known(c) for c in order))
        assert {k.certificate for k in index.unbound.newest} == wanted
