"""Certificate authorities and certificates, made at run time; keys never leave the directory."""

import itertools
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lab.account import server_account

_VALID_FROM = timedelta(days=-1)
_VALID_UNTIL = timedelta(days=365)
_FILE_NUMBERS = itertools.count(1)


class Usage(Enum):
    """Extended key usage of an issued certificate."""

    SERVER = ExtendedKeyUsageOID.SERVER_AUTH
    CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH


SERVER = Usage.SERVER
CLIENT = Usage.CLIENT


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate with its key.

    Attributes:
        certificate_path: PEM; the leaf, followed by intermediate authorities if there are any.
        key_path: PEM, unencrypted, mode 0600.
    """

    certificate_path: Path
    key_path: Path
    certificate: x509.Certificate


def lab_name(common_name: str) -> x509.Name:
    """Return ``/O=Lab/CN=common_name``."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Lab"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority.

    Attributes:
        directory: where files are written.
        certificate_path: the authority's certificate alone, PEM.
        intermediates: certificates that follow a leaf in its file, nearest first.
    """

    directory: Path
    certificate_path: Path
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)
    intermediates: tuple[x509.Certificate, ...] = ()

    @classmethod
    def create(
        cls,
        directory: Path,
        *,
        common_name: str = "Lab Root CA",
        subject: x509.Name | None = None,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
    ) -> "Authority":
        """Make a root authority, valid from yesterday for a year unless told otherwise."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = subject if subject is not None else lab_name(common_name)
        builder = _builder(
            name, name, key, not_before=not_before, not_after=not_after, serial_number=None
        )
        certificate = _as_authority(builder, key).sign(key, SHA256())
        path = _write(directory, name, "crt", [certificate])
        return cls(directory, path, certificate, key)

    def intermediate(
        self,
        *,
        common_name: str = "Lab Issuing CA",
        not_before: datetime | None = None,
        not_after: datetime | None = None,
    ) -> "Authority":
        """Make an authority below this one; what it issues carries the chain in its file."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = lab_name(common_name)
        issuer = self.certificate.subject
        builder = _builder(
            name, issuer, key, not_before=not_before, not_after=not_after, serial_number=None
        )
        certificate = _as_authority(builder, key).sign(self.key, SHA256())
        path = _write(self.directory, name, "crt", [certificate])
        chain = (certificate, *self.intermediates)
        return Authority(self.directory, path, certificate, key, chain)

    def issue(
        self,
        *,
        common_name: str = "",
        subject: x509.Name | None = None,
        usage: Usage | None = CLIENT,
        sans: tuple[str, ...] = (),
        not_before: datetime | None = None,
        not_after: datetime | None = None,
        serial_number: int | None = None,
    ) -> Issued:
        """Issue a certificate, valid from yesterday for a year unless told otherwise.

        Args:
            common_name: with ``O=Lab`` before it.
            subject: instead of ``common_name``; may be empty or odd.
            usage: None for a certificate without extended key usage.
            sans: host names and IP addresses.
            not_before: aware.
            not_after: aware.
            serial_number: random if None.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        name = subject if subject is not None else lab_name(common_name)
        issuer = self.certificate.subject
        builder = _builder(
            name,
            issuer,
            key,
            not_before=not_before,
            not_after=not_after,
            serial_number=serial_number,
        )
        builder = builder.add_extension(
            x509.BasicConstraints(ca=False, path_length=None), critical=True
        )
        if usage is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage.value]), critical=False)
        if sans:
            names = [_general_name(san) for san in sans]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = builder.sign(self.key, SHA256())
        path = _write(self.directory, name, "crt", [certificate, *self.intermediates])
        key_path = path.with_suffix(".key")
        _write_bytes(
            key_path,
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        )
        return Issued(path, key_path, certificate)

    def revocation_list(
        self,
        *revoked: x509.Certificate,
        this_update: datetime | None = None,
        next_update: datetime | None = None,
    ) -> Path:
        """Write a revocation list of this authority, PEM, and return its path."""
        now = datetime.now(UTC)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(this_update or now + _VALID_FROM)
            .next_update(next_update or now + _VALID_UNTIL)
        )
        for certificate in revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder()
                .serial_number(certificate.serial_number)
                .revocation_date(now + _VALID_FROM)
                .build()
            )
        path = _path(self.directory, self.certificate.subject, "crl")
        _write_bytes(path, builder.sign(self.key, SHA256()).public_bytes(Encoding.PEM))
        return path


@dataclass(frozen=True, slots=True)
class ServerPki:
    """The files that a server is configured with.

    Attributes:
        authority: ``ssl_ca_file``; None to request no certificate from clients.
        revocation_list: ``ssl_crl_file``.
    """

    certificate: Path
    key: Path
    authority: Path | None
    revocation_list: Path | None = None


def server_pki(authority: Authority) -> ServerPki:
    """Issue a server certificate for localhost; clients are checked by the same authority."""
    issued = authority.issue(
        common_name="localhost", usage=SERVER, sans=("localhost", "127.0.0.1", "::1")
    )
    return ServerPki(issued.certificate_path, issued.key_path, authority.certificate_path)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    *,
    not_before: datetime | None,
    not_after: datetime | None,
    serial_number: int | None,
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    ends = not_after or now + _VALID_UNTIL
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number() if serial_number is None else serial_number)
        .not_valid_before(not_before or min(now, ends) + _VALID_FROM)
        .not_valid_after(ends)
    )


def _as_authority(
    builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(identifier, critical=False)
    )


def _general_name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _path(directory: Path, name: x509.Name, suffix: str) -> Path:
    common_names = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    text = str(common_names[0].value) if common_names else "nameless"
    slug = re.sub(r"[^A-Za-z0-9]+", "-", text)[:40].strip("-") or "odd"
    return directory / f"{slug}-{next(_FILE_NUMBERS)}.{suffix}"


def _write(
    directory: Path, name: x509.Name, suffix: str, certificates: list[x509.Certificate]
) -> Path:
    path = _path(directory, name, suffix)
    _write_bytes(path, b"".join(entry.public_bytes(Encoding.PEM) for entry in certificates))
    return path


def _write_bytes(path: Path, content: bytes) -> None:
    if not path.parent.is_dir():
        path.parent.mkdir(parents=True)
        server_account().own(path.parent)
    path.touch(mode=0o600)
    path.write_bytes(content)
    server_account().own(path)
