"""The verification of a chain by OpenSSL: its result, and the function that performs it.

PostgreSQL and libpq verify with OpenSSL (be_tls_init() in be-secure-openssl.c, initialize_SSL() in
fe-secure-openssl.c). The judging code receives that function as an argument.
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
"""Results in addition to OpenSSL's own messages; label values."""


class Purpose(StrEnum):
    """The purpose that the leaf must be valid for."""

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
            PostgreSQL accepts any folder.
    """

    authorities: tuple[Certificate, ...]
    revocation_lists: tuple[RevocationList, ...] = ()
    demands_lists: bool = False


@dataclass(frozen=True, slots=True)
class Verification:
    """OpenSSL's result at one time, and until when it is valid.

    Attributes:
        result: ``ok``, or OpenSSL's message, such as ``certificate has
            expired``; they differ a little between its releases.
        cause: what is at fault; NONE when the result is ``ok``. EXPIRED and NOT_YET_VALID
            refer to the leaf; an authority's own dates are AUTHORITY, a list's are CRL.
        breaks_at: the end of validity (``notAfter``, ``nextUpdate``) after which it fails by
            dates alone; None when it fails already or nothing in it ends. Within that second,
            OpenSSL accepts it from 4.0 on and rejects it before.
        breaks_cause: what expires then: EXPIRED (the leaf), AUTHORITY (an intermediate or root
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
        """Return the result of verifying ``chain``.

        Args:
            chain: the leaf, then whatever is sent with it.
            trust: of the side that verifies.
            purpose: of the leaf.
            at: the time to verify at, aware.
            host: the name or address that a server's leaf must carry (``verify-full``), by
                libpq's rule; None: not checked.
        """
        ...
