"""Finds what OpenSSL's security level may reject in a certificate that otherwise verifies.

Sources: OpenSSL, SSL_CTX_set_security_level(3); x509_vfy.c, check_auth_level(): the key of every
certificate, and the signature of every one but the root, must reach the level. The level comes from
the server's openssl.cnf, its build or ``ssl_ciphers`` (``@SECLEVEL=``), none of which can be seen.
Level 2, the common one, asks for 112 bits; OpenSSL 1.1.1 counts SHA-1 as enough for level 1, 3.0
does not.
"""

import re
from collections.abc import Sequence

from exporter.model.certificate import Certificate
from exporter.model.finding import Weakness

_WEAK_DIGEST = re.compile(r"md[245]|mdc2|ripemd|sha1?(?![\dk])", re.IGNORECASE)
_KEY = re.compile(r"(RSA|DSA|EC (?:secp|sect)) ?(\d+)")
_LEAST_BITS = {"RSA": 2048, "DSA": 2048, "EC secp": 224, "EC sect": 224}
"""Of 112 bits of security (NIST SP 800-57, part 1, table 2)."""


def doubtful(chain: Sequence[Certificate]) -> Weakness | None:
    """Return what in a chain the security level may reject; None if nothing."""
    for certificate in chain:
        of_itself = certificate.subject == certificate.issuer
        if not of_itself and _WEAK_DIGEST.search(certificate.signature_algorithm):
            return Weakness(certificate.subject, certificate.signature_algorithm, "")
        key = _KEY.match(certificate.key_type)
        if key is not None and int(key[2]) < _LEAST_BITS[key[1]]:
            return Weakness(certificate.subject, "", certificate.key_type)
    return None
