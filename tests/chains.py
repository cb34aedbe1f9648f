"""Chains of every kind that OpenSSL may accept or refuse, made at run time.

The unit tests hold our verification against what is said of each here; the live tests hold it
against a real server and a real client that meet the same chain.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from exporter.model.certificate import Certificate, RevocationList
from exporter.model.judgement import ForecastCause
from exporter.model.verification import Purpose, Trust
from exporter.observe.certificates.parse.certificate import read_certificate
from exporter.observe.certificates.parse.revocation_list import read_revocation_list
from lab.pki import lab_name

DAY = timedelta(days=1)
ROLE = "r_cert"
HOST = "db1.lab.example"

_EXTENDED = {
    Purpose.CLIENT: ExtendedKeyUsageOID.CLIENT_AUTH,
    Purpose.SERVER: ExtendedKeyUsageOID.SERVER_AUTH,
}
_OTHER = {Purpose.CLIENT: Purpose.SERVER, Purpose.SERVER: Purpose.CLIENT}


@dataclass(frozen=True, slots=True)
class Made:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)


def make(
    subject: x509.Name,
    issuer: Made | None = None,
    *,
    authority: bool = False,
    begins: datetime,
    ends: datetime,
    usage: Purpose | None = None,
    path_length: int | None = None,
    alternative_names: tuple[x509.GeneralName, ...] = (),
    key: ec.EllipticCurvePrivateKey | None = None,
    signs_lists: bool = True,
    identifiers: bool = True,
) -> Made:
    """Make a certificate; signed by itself without ``issuer``.

    Args:
        identifiers: of its own key and of its issuer's; they distinguish issuers of one name
            for OpenSSL.
    """
    key = key or ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(authority, path_length), critical=True)
    )
    if authority:
        builder = builder.add_extension(
            x509.KeyUsage(
                digital_signature=True,
                key_cert_sign=True,
                crl_sign=signs_lists,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
    if usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([_EXTENDED[usage]]), critical=False)
    if alternative_names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName(alternative_names), critical=False
        )
    signer = issuer.key if issuer else key
    if identifiers:
        builder = builder.add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
        ).add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    return Made(builder.sign(signer, SHA256()), key)


def make_list(
    issuer: Made, *revoked: Made, begins: datetime, ends: datetime
) -> x509.CertificateRevocationList:
    """Make the revocation list of ``issuer``."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(begins)
        .next_update(ends)
    )
    for one in revoked:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder()
            .serial_number(one.certificate.serial_number)
            .revocation_date(begins)
            .build()
        )
    return builder.sign(issuer.key, SHA256())


def read(certificate: x509.Certificate) -> Certificate:
    """Return the certificate as the exporter reads it."""
    return read_certificate(certificate.public_bytes(Encoding.DER))


def read_list(revocations: x509.CertificateRevocationList) -> RevocationList:
    """Return the list as the exporter reads it."""
    return read_revocation_list(revocations.public_bytes(Encoding.DER))


@dataclass(frozen=True, slots=True)
class Case:
    """One side shows a chain, the other one trusts.

    Attributes:
        sent: the leaf first.
        cause: why it is refused; NONE if it is accepted.
    """

    name: str
    sent: tuple[Made, ...]
    authorities: tuple[x509.Certificate, ...]
    lists: tuple[x509.CertificateRevocationList, ...] = ()
    cause: ForecastCause = ForecastCause.NONE

    @property
    def chain(self) -> tuple[Certificate, ...]:
        """What is sent, as the exporter reads it."""
        return tuple(read(one.certificate) for one in self.sent)

    @property
    def trust(self) -> Trust:
        """What is trusted, as the exporter reads it."""
        return Trust(
            tuple(read(one) for one in self.authorities),
            tuple(read_list(one) for one in self.lists),
        )


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes the parts of the cases around one moment."""

    purpose: Purpose
    at: datetime

    def authority(self, name: str, issuer: Made | None = None, **rest: object) -> Made:
        dates = {"begins": self.at - 300 * DAY, "ends": self.at + 300 * DAY}
        return make(lab_name(name), issuer, authority=True, **{**dates, **rest})  # type: ignore[arg-type]

    def leaf(self, issuer: Made | None, **rest: object) -> Made:
        server = self.purpose is Purpose.SERVER
        given: dict[str, object] = {
            "begins": self.at - DAY,
            "ends": self.at + 30 * DAY,
            "usage": self.purpose,
            "alternative_names": (x509.DNSName(HOST),) if server else (),
            **rest,
        }
        return make(lab_name(HOST if server else ROLE), issuer, **given)  # type: ignore[arg-type]

    def list_of(
        self, issuer: Made, *revoked: Made, **rest: datetime
    ) -> x509.CertificateRevocationList:
        dates = {"begins": self.at - 10 * DAY, "ends": self.at + 10 * DAY, **rest}
        return make_list(issuer, *revoked, **dates)


def cases(purpose: Purpose, at: datetime) -> Iterator[Case]:
    """Yield every case, with what is to be expected at ``at``."""
    maker = _Maker(purpose, at.replace(microsecond=0))
    yield from _paths(maker)
    yield from _dates(maker)
    yield from _usages(maker)
    yield from _lists(maker)


def _paths(maker: _Maker) -> Iterator[Case]:
    root = maker.authority("Root")
    issuing = maker.authority("Issuing", root)
    leaf = maker.leaf(issuing)
    direct = maker.leaf(root)
    trusted = (root.certificate,)
    refused = ForecastCause.AUTHORITY

    yield Case("leaf of the root", (direct,), trusted)
    yield Case("intermediate sent", (leaf, issuing), trusted)
    yield Case("intermediate trusted", (leaf,), (root.certificate, issuing.certificate))
    yield Case("root sent too", (leaf, issuing, root), trusted)
    yield Case("strangers sent too", (leaf, direct, issuing, maker.authority("Other")), trusted)
    itself = maker.leaf(None)
    yield Case("leaf signed by itself and trusted", (itself,), (itself.certificate,))
    yield Case("leaf signed by itself", (itself,), trusted, cause=refused)
    yield Case("intermediate missing", (leaf,), trusted, cause=refused)
    yield Case("root missing", (leaf, issuing), (issuing.certificate,), cause=refused)
    yield Case("only the leaf trusted", (direct,), (direct.certificate,), cause=refused)
    other = maker.authority("Other")
    crossed = maker.authority("Root", other, key=root.key)
    yield Case("root signed across", (direct, crossed), (other.certificate,))
    namesake = maker.authority("Root")
    yield Case("another root of the same name", (direct,), (namesake.certificate,), cause=refused)
    yield Case("two roots of one name", (direct,), (namesake.certificate, root.certificate))
    no_authority = maker.leaf(root, usage=None)
    yield Case("issued by a leaf", (maker.leaf(no_authority), no_authority), trusted, cause=refused)
    # not of a root: whose path length OpenSSL 1.1.1 passes over
    short = maker.authority("Short", root, path_length=0)
    below = maker.authority("Issuing", short)
    yield Case("path as long as allowed", (maker.leaf(short), short), trusted)
    yield Case("path too long", (maker.leaf(below), below, short), trusted, cause=refused)
    forged = maker.leaf(Made(root.certificate, issuing.key), identifiers=False)
    yield Case("signature forged", (forged,), trusted, cause=refused)


def _dates(maker: _Maker) -> Iterator[Case]:
    past = {"begins": maker.at - 200 * DAY, "ends": maker.at - DAY}
    future = {"begins": maker.at + DAY, "ends": maker.at + 200 * DAY}
    root = maker.authority("Root")
    trusted = (root.certificate,)
    refused = ForecastCause.AUTHORITY

    yield Case("leaf expired", (maker.leaf(root, **past),), trusted, cause=ForecastCause.EXPIRED)
    unborn_leaf = maker.leaf(root, **future)
    yield Case("leaf not yet valid", (unborn_leaf,), trusted, cause=ForecastCause.NOT_YET_VALID)
    expired = maker.authority("Issuing", root, **past)
    below = (maker.leaf(expired), expired)
    yield Case("intermediate expired", below, trusted, cause=refused)
    renewed = maker.authority("Issuing", root, key=expired.key)
    both = (root.certificate, renewed.certificate)
    yield Case("intermediate expired, renewed one trusted", below, both)
    unborn = maker.authority("Issuing", root, **future)
    yield Case("intermediate not yet valid", (maker.leaf(unborn), unborn), trusted, cause=refused)
    old_root = maker.authority("Root", None, **past)
    new_root = maker.authority("Root", key=old_root.key)
    of_old = (maker.leaf(old_root),)
    yield Case("root expired", of_old, (old_root.certificate,), cause=refused)
    both = (old_root.certificate, new_root.certificate)
    yield Case("root expired, renewed one behind it", of_old, both)
    yield Case("root expired, renewed one before it", of_old, both[::-1])


def _usages(maker: _Maker) -> Iterator[Case]:
    root = maker.authority("Root")
    trusted = (root.certificate,)
    wrong = _OTHER[maker.purpose]
    refused = ForecastCause.PURPOSE

    yield Case("no usage", (maker.leaf(root, usage=None),), trusted)
    yield Case("wrong usage", (maker.leaf(root, usage=wrong),), trusted, cause=refused)
    restricted = maker.authority("Issuing", root, usage=wrong)
    below = (maker.leaf(restricted), restricted)
    yield Case("intermediate with the wrong usage", below, trusted, cause=refused)
    fitting = maker.authority("Issuing", root, usage=maker.purpose)
    yield Case("intermediate with the right usage", (maker.leaf(fitting), fitting), trusted)


def _lists(maker: _Maker) -> Iterator[Case]:
    at = maker.at
    root = maker.authority("Root")
    issuing = maker.authority("Issuing", root)
    leaf = maker.leaf(issuing)
    direct = maker.leaf(root)
    trusted = (root.certificate,)
    of_root = maker.list_of(root)
    of_issuing = maker.list_of(issuing)

    yield Case("listed by nobody", (leaf, issuing), trusted, (of_root, of_issuing))
    yield Case(
        "leaf revoked",
        (direct,),
        trusted,
        (maker.list_of(root, direct),),
        cause=ForecastCause.REVOKED,
    )
    yield Case(
        "intermediate revoked",
        (leaf, issuing),
        trusted,
        (maker.list_of(root, issuing), of_issuing),
        cause=ForecastCause.REVOKED,
    )
    yield Case(
        "no list of the intermediate",
        (leaf, issuing),
        trusted,
        (of_root,),
        cause=ForecastCause.CRL,
    )
    yield Case(
        "no list of the root", (leaf, issuing), trusted, (of_issuing,), cause=ForecastCause.CRL
    )
    old = maker.list_of(root, ends=at - DAY)
    yield Case("list expired", (direct,), trusted, (old,), cause=ForecastCause.CRL)
    yield Case("list expired, newer one present", (direct,), trusted, (old, of_root))
    yield Case(
        "list not yet valid",
        (direct,),
        trusted,
        (maker.list_of(root, begins=at + DAY),),
        cause=ForecastCause.CRL,
    )
    stranger = maker.authority("Root")
    yield Case(
        "list signed by another of the same name",
        (direct,),
        trusted,
        (maker.list_of(stranger),),
        cause=ForecastCause.CRL,
    )
    mute = maker.authority("Mute", signs_lists=False)
    yield Case(
        "authority may not sign lists",
        (maker.leaf(mute),),
        (mute.certificate,),
        (maker.list_of(mute),),
        cause=ForecastCause.CRL,
    )


NOW = datetime(2030, 6, 1, 12, tzinfo=UTC)
"""Of the unit tests."""


def address(text: str) -> x509.IPAddress:
    """Return a subjectAltName."""
    return x509.IPAddress(ip_address(text))
