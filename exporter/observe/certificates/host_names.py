"""Whether a server's certificate carries the name that libpq connects to (``verify-full``).

libpq decides by code of its own and not by OpenSSL's; this is its rule from 15 on. Before, it did
not look at IP addresses in subjectAltName. Source: fe-secure-common.c,
pq_verify_peer_name_matches_certificate_name() and _ip(); fe-secure-openssl.c,
pgtls_verify_peer_name_matches_certificate_guts().
"""

import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address

from cryptography import x509

from exporter.model.certificate import Certificate

_LARGEST_CODE_OF_ASCII = 127


def is_address(host: str) -> bool:
    """Return whether libpq takes ``host`` for an IP address: also ``127.1``."""
    return _v4(host) is not None or _v6(host) is not None


def carries(certificate: Certificate, host: str) -> bool:
    """Return whether ``certificate`` is one of ``host``, by its subjectAltName or its first CN.

    The CN counts where subjectAltName holds no name of the kind that ``host`` is: DNS name or
    IP address.
    """
    names = list(_alternative_names(certificate))
    kind = x509.IPAddress if is_address(host) else x509.DNSName
    for name in names:
        match name:
            case x509.DNSName(value=text):
                # a zero byte in a name is an attack (CVE-2009-4034): libpq gives up
                if "\0" in text:
                    return False
                fits = _name_fits(text, host)
            case x509.IPAddress(value=IPv4Address() | IPv6Address() as address):
                fits = address.packed in {_v4(host), _v6(host)}
            case x509.IPAddress():
                return False  # neither 4 nor 16 bytes: libpq gives up
            case _:
                fits = False
        if fits:
            return True
    if any(isinstance(name, kind) for name in names):
        return False
    common_name = certificate.subject.common_name
    return "\0" not in common_name and _name_fits(common_name, host)


def _alternative_names(certificate: Certificate) -> Iterator[x509.GeneralName]:
    try:
        extensions = x509.load_der_x509_certificate(certificate.der).extensions
        yield from extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.DuplicateExtension, x509.ExtensionNotFound):
        return  # libpq too takes one that it cannot read for none


def _name_fits(pattern: str, host: str) -> bool:
    pattern, host = _lower(pattern), _lower(host)
    if pattern == host:
        return True
    # a star is one whole label, the leftmost
    label, dot, rest = host.partition(".")
    return pattern.startswith("*.") and bool(label and dot and rest) and pattern[2:] == rest


def _lower(name: str) -> str:
    return "".join(c.lower() if ord(c) <= _LARGEST_CODE_OF_ASCII else c for c in name)


def _v4(host: str) -> bytes | None:
    try:
        return socket.inet_aton(host)
    except (OSError, ValueError):
        return None


def _v6(host: str) -> bytes | None:
    try:
        return socket.inet_pton(socket.AF_INET6, host)
    except (OSError, ValueError):
        return None
