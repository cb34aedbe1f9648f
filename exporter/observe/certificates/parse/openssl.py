"""Verifies one chain at one time with OpenSSL, with the settings of PostgreSQL and libpq.

Both leave everything at OpenSSL's defaults but the lists (X509_V_FLAG_CRL_CHECK and _CHECK_ALL once
``ssl_crl_file``, ``ssl_crl_dir`` or ``sslcrl`` are loaded: be_tls_init() in be-secure-openssl.c,
initialize_SSL() in fe-secure-openssl.c); TLS itself adds the purpose (ssl_verify_cert_chain() in
OpenSSL's ssl_cert.c). No X509_V_FLAG_PARTIAL_CHAIN: a chain ends at a root.

TLS also adds OpenSSL's security level, by which short keys and old digests are rejected. That level
is a setting of the machine that verifies, which cannot be seen from outside: it is not applied.
The exporter's OpenSSL is used; an older one may differ in details (1.1.1 ignores the path length of
a root).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from cryptography import x509
from OpenSSL import crypto
from OpenSSL._util import lib

from exporter.model.certificate import Certificate, RevocationList
from exporter.model.verification import Purpose, Trust

OK = 0
"""X509_V_OK of x509_vfy.h."""
_UNSPECIFIED = 1
"""X509_V_ERR_UNSPECIFIED."""

_PURPOSES = {
    Purpose.CLIENT: lib.X509_PURPOSE_SSL_CLIENT,
    Purpose.SERVER: lib.X509_PURPOSE_SSL_SERVER,
}
_CHECK_LISTS = crypto.X509StoreFlags.CRL_CHECK | crypto.X509StoreFlags.CRL_CHECK_ALL


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a verification by OpenSSL.

    Attributes:
        error: X509_V_OK, or the first error (x509_vfy.h).
        depth: of the certificate at fault; 0 is the leaf.
        words: OpenSSL's for ``error``.
        path: from the leaf to the root that it found; empty after an error.
    """

    error: int
    depth: int
    words: str
    path: tuple[Certificate, ...] = ()


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A certificate as OpenSSL has it; the digest is of its own encoding."""

    certificate: crypto.X509
    digest: bytes


def ask(chain: Sequence[Certificate], trust: Trust, purpose: Purpose, at: datetime) -> Outcome:
    """Verify ``chain`` at ``at``, in whole seconds; never raises."""
    if not chain:
        return Outcome(_UNSPECIFIED, 0, "no certificate")
    leaf = _loaded(chain[0])
    if leaf is None:
        return Outcome(_UNSPECIFIED, 0, "certificate cannot be read by OpenSSL")
    sent = [loaded.certificate for each in chain[1:] if (loaded := _loaded(each))]
    try:
        store = _store(trust, purpose, at)
        found = crypto.X509StoreContext(store, leaf.certificate, sent).get_verified_chain()
    except crypto.X509StoreContextError as refused:
        error, depth, words = refused.errors
        return Outcome(error, depth, words)
    except crypto.Error:
        return Outcome(_UNSPECIFIED, 0, "unspecified certificate verification error")
    finally:
        # errors that are left in the queue would be taken for those of the next TLS handshake
        lib.ERR_clear_error()
    known = {
        loaded.digest: each for each in (*trust.authorities, *chain) if (loaded := _loaded(each))
    }
    return Outcome(OK, 0, "ok", tuple(known[_digest(each)] for each in found))


@lru_cache(maxsize=32)  # many chains are verified for the same times
def _store(trust: Trust, purpose: Purpose, at: datetime) -> crypto.X509Store:
    # one for each time: OpenSSL keeps the first time that a store was given
    store = crypto.X509Store()
    for authority in trust.authorities:
        if loaded := _loaded(authority):
            store.add_cert(loaded.certificate)
    for one in trust.revocation_lists:
        if (read := _loaded_list(one)) is not None:  # one that revokes nothing counts as false
            store.add_crl(read)
    if trust.revocation_lists or trust.demands_lists:
        store.set_flags(_CHECK_LISTS)
    store.set_time(at.astimezone(UTC))
    # pyOpenSSL has the function without a public name for it; cryptography's own verifier, which
    # has one, follows the rules of the web and not OpenSSL's
    lib.X509_STORE_set_purpose(store._store, _PURPOSES[purpose])  # noqa: SLF001  see above
    return store


@lru_cache(maxsize=4096)
def _loaded(certificate: Certificate) -> _Loaded | None:
    try:
        loaded = crypto.load_certificate(crypto.FILETYPE_ASN1, certificate.der)
    except crypto.Error:
        return None
    return _Loaded(loaded, _digest(loaded))


@lru_cache(maxsize=256)
def _loaded_list(one: RevocationList) -> x509.CertificateRevocationList | None:
    try:
        return x509.load_der_x509_crl(one.der)
    except ValueError:
        return None


def _digest(certificate: crypto.X509) -> bytes:
    return certificate.digest("sha256")
