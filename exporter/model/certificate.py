"""X.509 certificates and revocation lists that were read whole (RFC 5280).

Two of them are equal when their bytes are: they are compared by fingerprint.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

KEY_DIGITS = 16
"""Hexadecimal digits of a fingerprint that labels contain."""


class CertificateUsage(StrEnum):
    """What a certificate is for; a label value."""

    SERVER = "server"
    CLIENT = "client"
    AUTHORITY = "authority"


class CertificateSource(StrEnum):
    """Where a certificate was found; a label value."""

    SERVED = "served"
    """Sent by the server in a TLS handshake."""
    SERVER_FILE = "server_file"
    """In a file of the server that its settings name."""
    STANDBY_FILE = "standby_file"
    """In the ``sslcert`` file of a standby that is a target too."""
    INVENTORY = "inventory"
    """In a file that the configuration names."""


@dataclass(frozen=True, slots=True)
class DistinguishedName:
    r"""A subject or issuer, in the two forms in which PostgreSQL has it, uncut.

    Attributes:
        slash: as pg_stat_ssl shows it, were it not cut at 63 bytes: ``/O=Lab/CN=replica``, in
            encoded order (be-secure-openssl.c, X509_NAME_to_cstring()); empty for an empty name.
        rfc2253: as ``clientname=DN``, pg_ident maps and the server's log have it:
            ``CN=replica,O=Lab``, bytes beyond ASCII as ``\C3\BC`` (XN_FLAG_RFC2253).
        common_names: every CN, in encoded order: the first is the one that PostgreSQL compares.
    """

    slash: str
    rfc2253: str
    common_names: tuple[str, ...]

    @property
    def common_name(self) -> str:
        """The first CN; empty if there is none."""
        return self.common_names[0] if self.common_names else ""


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate; all of it is public.

    Attributes:
        fingerprint: SHA-256 of the DER bytes, 64 hexadecimal digits.
        serial_number: may be zero or negative.
        not_before, not_after: both belong to the validity (RFC 5280, section 4.1.2.5).
        is_authority: basicConstraints say that it is a CA; or it is of version 1 and self-issued.
        names: DNS names and IP addresses of its subjectAltName, as text.
        key_type: such as ``RSA 2048``, ``EC secp256r1``, ``Ed25519``.
        signature_algorithm: such as ``sha256WithRSAEncryption``.
    """

    fingerprint: str
    der: bytes = field(repr=False, compare=False)
    subject: DistinguishedName = field(compare=False)
    issuer: DistinguishedName = field(compare=False)
    serial_number: int = field(compare=False)
    not_before: datetime = field(compare=False)
    not_after: datetime = field(compare=False)
    is_authority: bool = field(compare=False)
    names: tuple[str, ...] = field(compare=False)
    key_type: str = field(compare=False)
    signature_algorithm: str = field(compare=False)

    @property
    def key(self) -> tuple[str, str]:
        """The labels that identify it: ``fingerprint`` and ``subject_cn``."""
        return (self.fingerprint[:KEY_DIGITS], self.subject.common_name)


@dataclass(frozen=True, slots=True)
class RevocationList:
    """One certificate revocation list.

    Attributes:
        fingerprint: SHA-256 of the DER bytes.
        next_update: from then on every client below this issuer is rejected; None if not given.
        number: the extension cRLNumber; None if not given.
    """

    fingerprint: str
    der: bytes = field(repr=False, compare=False)
    issuer: DistinguishedName = field(compare=False)
    this_update: datetime = field(compare=False)
    next_update: datetime | None = field(compare=False)
    number: int | None = field(compare=False)


@dataclass(frozen=True, slots=True)
class CertificateFile:
    """The public content of a file.

    Attributes:
        path: as the server, the standby or the configuration names it.
        certificates: in the order of the file; where a client or server sends it, the first is
            the leaf and the others go with it.
        revocation_lists: in the order of the file.
        unparsable: blocks that claim to be a certificate or a list and are none.
    """

    path: str
    certificates: tuple[Certificate, ...] = ()
    revocation_lists: tuple[RevocationList, ...] = ()
    unparsable: int = 0
