"""Checks whether a server's certificate has the host name that libpq connects to (``verify-full``).

libpq decides by code of its own and not by OpenSSL's; this is its rule from 15 on. Before, it did
not check IP addresses in subjectAltName. Source: fe-secure-common.c,
pq_verify_peer_name_matches_certificate_name() and _ip(); fe-secure-openssl.c,
pgtls_verify_peer_name_matches_certificate_guts().
"""

import socket

from exporter.model.certificate import Certificate
from exporter.observe.certificates.parse.der import SEQUENCE, Element, first, inside
from exporter.observe.certificates.parse.fields import extensions_of

_EXTENSIONS = 0xA3
_SUBJECT_ALTERNATIVE_NAME = "2.5.29.17"
_DNS_NAME = 0x82
_IP_ADDRESS = 0x87
_IP_ADDRESS_BYTES = (4, 16)


def is_address(host: str) -> bool:
    """Return whether libpq treats ``host`` as an IP address; it does so for ``127.1``, too."""
    return _v4(host) is not None or _v6(host) is not None


def carries(certificate: Certificate, host: str) -> bool:
    """Return whether ``certificate`` is valid for ``host``, by its subjectAltName or its first CN.

    The CN counts where subjectAltName holds no name of the kind that ``host`` is: DNS name or
    IP address.
    """
    names = _alternative_names(certificate)
    for name in names:
        if _makes_libpq_give_up(name):
            return False
        if name.tag == _DNS_NAME and _name_fits(name.content, host):
            return True
        if name.tag == _IP_ADDRESS and name.content in (_v4(host), _v6(host)):
            return True
    kind = _IP_ADDRESS if is_address(host) else _DNS_NAME
    if any(name.tag == kind for name in names):
        return False
    common_name = certificate.subject.common_name.encode("utf-8", "surrogateescape")
    return b"\0" not in common_name and _name_fits(common_name, host)


def _alternative_names(certificate: Certificate) -> list[Element]:
    try:
        to_be_signed, *_ = inside(first(certificate.der), SEQUENCE)
        for field in inside(to_be_signed, SEQUENCE):
            if field.tag == _EXTENSIONS:
                names = extensions_of(first(field.content))[_SUBJECT_ALTERNATIVE_NAME]
                return list(inside(first(names), SEQUENCE))
    except (ValueError, KeyError):
        pass  # libpq ignores one that it cannot parse, too
    return []


def _makes_libpq_give_up(name: Element) -> bool:
    if name.tag == _IP_ADDRESS:
        return len(name.content) not in _IP_ADDRESS_BYTES
    # a zero byte in a name is an attack (CVE-2009-4034)
    return name.tag == _DNS_NAME and b"\0" in name.content


def _name_fits(pattern: bytes, host: str) -> bool:
    # lower() of bytes is that of ASCII
    pattern, name = pattern.lower(), host.encode("utf-8", "surrogatepass").lower()
    if pattern == name:
        return True
    # a star is one whole label, the leftmost
    label, _, rest = name.partition(b".")
    return pattern.startswith(b"*.") and bool(label and rest) and pattern[2:] == rest


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
