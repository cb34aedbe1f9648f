"""Verifies a client's certificate as the server would, and by which files.

Source: be-secure-openssl.c, be_tls_init(): authorities and lists are read at start and reload; a
reload that fails at one TLS file keeps all that was loaded before.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache

from exporter.assess.rules.load_state import newest_change
from exporter.model.certificate import Certificate, CertificateFile
from exporter.model.failure import Read, Unread
from exporter.model.hba import ServerFile
from exporter.model.judgement import FilesInForce
from exporter.model.observation import Observation
from exporter.model.served import ServedChain
from exporter.model.tls_files import TlsFiles
from exporter.model.verification import VERIFIED, Purpose, Trust, Verification, Verify

Accept = Callable[[tuple[Certificate, ...]], Verification | None]
"""Returns what the server would say of a chain, leaf first; None where that is not known."""

_RESOLUTION = timedelta(seconds=1)
"""Of file times."""


def accepting(tls_files: Read[TlsFiles], verify: Verify, *, at: datetime) -> Accept:
    """Return the function that says how the server would receive a certificate at ``at``.

    Args:
        tls_files: of the server, as on disk.
        verify: OpenSSL.
        at: the time to verify at.
    """

    @cache
    def accept(chain: tuple[Certificate, ...]) -> Verification | None:
        if isinstance(tls_files, Unread) or isinstance(tls_files.authority, Unread):
            return None
        if not tls_files.authority.path:
            # the server requests no certificate
            return None
        authorities = tls_files.authority.certificates
        if isinstance(tls_files.revocation, Unread):
            found = verify(chain, Trust(authorities), Purpose.CLIENT, at=at)
            # what fails without the lists fails with them
            return None if found.result == VERIFIED else found
        lists = tls_files.revocation
        trust = Trust(authorities, lists.revocation_lists, demands_lists=lists.path != "")
        return verify(chain, trust, Purpose.CLIENT, at=at)

    return accept


def files_in_force(observation: Observation, served: Read[ServedChain] | None) -> FilesInForce:
    """Return whether the authorities and lists on disk are known to be loaded.

    Lists in ``ssl_crl_dir`` are looked up when a client connects, and need no load.

    Args:
        observation: of the server.
        served: its chain as last seen over the wire.
    """
    server = observation.server
    newest = newest_change(observation.file_times, (), (ServerFile.AUTHORITY, ServerFile.CRL))
    if newest is None:
        return FilesInForce.UNKNOWN
    if newest + _RESOLUTION <= server.started_at:
        # the server read them when it started, and they are unchanged since
        return FilesInForce.LOADED
    if newest > server.configuration_loaded_at:
        return FilesInForce.CHANGED
    if _holds_rubbish(observation) or _own_not_taken(observation, served):
        return FilesInForce.NOT_TAKEN
    return FilesInForce.LOADED


def _holds_rubbish(observation: Observation) -> bool:
    """Return whether a file of authorities or lists is one that a reload stumbles over.

    One without a single PEM block is rejected, as one with a broken block is.
    """
    tls_files, times = observation.tls_files, observation.file_times
    if isinstance(tls_files, Unread) or isinstance(times, Unread):
        return False
    authority, lists = tls_files.authority, tls_files.revocation
    is_file = any(each.setting is ServerFile.CRL for each in times)  # a directory may be empty
    found: list[tuple[Read[CertificateFile], bool]] = [
        (authority, not isinstance(authority, Unread) and not authority.certificates),
        (lists, not isinstance(lists, Unread) and is_file and not lists.revocation_lists),
    ]
    return any(
        not isinstance(file, Unread) and file.path != "" and (file.unparsable > 0 or is_bare)
        for file, is_bare in found
    )


def _own_not_taken(observation: Observation, served: Read[ServedChain] | None) -> bool:
    """Return whether a reload has seen another certificate than the server serves, or none."""
    loaded_at = observation.server.configuration_loaded_at
    newest = newest_change(observation.file_times, (), (ServerFile.CERTIFICATE,))
    if newest is None or newest > loaded_at or isinstance(observation.tls_files, Unread):
        return False
    own = observation.tls_files.certificate
    if not isinstance(own, Unread) and not own.certificates:
        return True
    if served is None or isinstance(served, Unread):
        return False
    return (
        served.read_at > loaded_at
        and server_certificate_pending(observation.tls_files, served) is True
    )


def own_and_served(
    tls_files: Read[TlsFiles], served: Read[ServedChain] | None
) -> tuple[Certificate, Certificate] | None:
    """Return the certificate of the server's file and the one it serves; None: not both known."""
    if isinstance(tls_files, Unread) or isinstance(tls_files.certificate, Unread):
        return None
    if served is None or isinstance(served, Unread):
        return None
    own = tls_files.certificate.certificates
    if not own or not served.certificates:
        return None
    return own[0], served.certificates[0]


def server_certificate_pending(
    tls_files: Read[TlsFiles], served: Read[ServedChain] | None
) -> bool | None:
    """Return whether the server's file has another certificate than it sends; None: unknown."""
    both = own_and_served(tls_files, served)
    return None if both is None else both[0] != both[1]
