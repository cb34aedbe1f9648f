"""A chain held against authorities by OpenSSL, as a value and as the question that asks for it.

PostgreSQL and libpq verify with OpenSSL (be_tls_init() in be-secure-openssl.c, initialize_SSL() in
fe-secure-openssl.c). The judging code gets an answer from a function that it is handed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from exporter.model.certificate import Certificate, RevocationList
from exporter.model.judgement import ForecastCause

VERIFIED = "ok"
NOT_CHECKED = "not_checked"
"""Results beside OpenSSL's own words; label values."""


class Purpose(StrEnum):
    """For what the leaf must be good."""

    CLIENT = "client"
    """As a server checks its client."""
    SERVER = "server"
    """As a client checks its server."""


@dataclass(frozen=True, slots=True)
class Trust:
    """What a side trusts.

    Attributes:
        authorities: of ``ssl_ca_file`` or ``sslrootcert``, roots and intermediates; an
            intermediate without its root is not enough.
        revocation_lists: if there is any, every authority of a chain needs one
            (X509_V_FLAG_CRL_CHECK_ALL).
        demands_lists: also while there is none: ``ssl_crl_dir`` or ``sslcrldir`` is set, and
            PostgreSQL takes any folder.
    """

    authorities: tuple[Certificate, ...]
    revocation_lists: tuple[RevocationList, ...] = ()
    demands_lists: bool = False


@dataclass(frozen=True, slots=True)
class Verification:
    """OpenSSL's verdict at one moment, and until when it holds.

    Attributes:
        result: ``ok``, or the words of the OpenSSL that was asked, such as ``certificate has
            expired``; they differ a little between its releases.
        cause: what is at fault; NONE when the result is ``ok``. EXPIRED and NOT_YET_VALID tell of
            the leaf; an authority's own dates are AUTHORITY, a list's are CRL.
        breaks_at: the end of validity (``notAfter``, ``nextUpdate``) after which it fails by
            dates alone; None when it fails already or nothing in it ends. Within that second,
            OpenSSL accepts from 4.0 on and refuses before.
        breaks_cause: what runs out then: EXPIRED (the leaf), AUTHORITY (an intermediate or root
            that no other path replaces), CRL.
    """

    result: str
    cause: ForecastCause = ForecastCause.NONE
    breaks_at: datetime | None = None
    breaks_cause: ForecastCause = ForecastCause.NONE


class Verify(Protocol):
    """Asks OpenSSL; the same arguments always give the same answer."""

    def __call__(
        self,
        chain: Sequence[Certificate],
        trust: Trust,
        purpose: Purpose,
        *,
        at: datetime,
        host: str | None = None,
    ) -> Verification:
        """Return whether ``chain`` holds.

        Args:
            chain: the leaf, then whatever is sent with it.
            trust: of the side that verifies.
            purpose: of the leaf.
            at: the moment to verify at, aware.
            host: the name or address that a server's leaf must carry (``verify-full``), by
                libpq's rule; None: not checked.
        """
        ...
