"""Compares a posture with the user's policy."""

import re
from datetime import datetime

from exporter.model.judgement import Posture, Verdict
from exporter.model.policy import LOOPBACK_EXEMPTION, Exemption, Policy, Requirement, TlsVersion
from exporter.model.wal_sender import TcpPeer, TlsSession, WalSender

_ENOUGH = {
    Requirement.CERTIFICATE: frozenset({Posture.CERTIFICATE_REQUIRED}),
    Requirement.CERTIFICATE_CHAIN: frozenset(
        {Posture.CERTIFICATE_REQUIRED, Posture.CERTIFICATE_CHAIN_REQUIRED}
    ),
    # only encryption is required here: whether a certificate is required does not matter,
    # and GSSAPI encrypts and authenticates both sides
    Requirement.TLS: frozenset(
        {
            Posture.CERTIFICATE_REQUIRED,
            Posture.CERTIFICATE_CHAIN_REQUIRED,
            Posture.CERTIFICATE_OPTIONAL,
            Posture.CERTIFICATE_UNCONFIRMED,
            Posture.TLS_WITHOUT_CERTIFICATE,
            Posture.GSS_ENCRYPTED,
        }
    ),
}
_OTHERWISE = {
    Posture.CERTIFICATE_REQUIRED: Verdict.INSECURE,
    Posture.CERTIFICATE_CHAIN_REQUIRED: Verdict.INSECURE,
    Posture.CERTIFICATE_OPTIONAL: Verdict.INSECURE,
    Posture.CERTIFICATE_UNCONFIRMED: Verdict.UNKNOWN,
    Posture.TLS_WITHOUT_CERTIFICATE: Verdict.INSECURE,
    Posture.GSS_ENCRYPTED: Verdict.INSECURE,
    Posture.UNIX_SOCKET: Verdict.SECURE,
    Posture.PLAINTEXT: Verdict.INSECURE,
    Posture.HIDDEN: Verdict.UNKNOWN,
}
"""Of a posture that is not enough for the requirement."""
_VERSION = re.compile(r"TLSv(\d+)(?:\.(\d+))?")


def verdict(
    wal_sender: WalSender, posture: Posture, policy: Policy, *, now: datetime
) -> tuple[Verdict, str]:
    """Return the verdict and the name of the exemption that covers the connection, if any.

    What is secure needs no exemption; a hidden connection cannot be matched to one.
    """
    before = _without_exemptions(wal_sender, posture, policy)
    if before is Verdict.SECURE or posture is Posture.HIDDEN:
        return before, ""
    covering = covering_exemption(wal_sender, policy, now=now)
    return (Verdict.EXEMPT, covering) if covering else (before, "")


def covering_exemption(wal_sender: WalSender, policy: Policy, *, now: datetime) -> str:
    """Return the name of the first exemption that covers the connection, or an empty string."""
    for exemption in policy.exemptions:
        if _covers(exemption, wal_sender, now):
            return exemption.name
    match wal_sender.peer:
        case TcpPeer(address=address) if policy.exempt_loopback and address.is_loopback:
            return LOOPBACK_EXEMPTION
        case _:
            return ""


def tls_version_too_old(tls: TlsSession | None, minimum: TlsVersion) -> bool:
    """Return whether a TLS session's version is older than ``minimum``."""
    return tls is not None and _number(tls.version) < _number(minimum.value)


def _without_exemptions(wal_sender: WalSender, posture: Posture, policy: Policy) -> Verdict:
    if tls_version_too_old(wal_sender.tls, policy.minimum_tls_version):
        return Verdict.INSECURE
    if posture in _ENOUGH[policy.require]:
        return Verdict.SECURE
    return _OTHERWISE[posture]


def _covers(exemption: Exemption, wal_sender: WalSender, now: datetime) -> bool:
    if exemption.until is not None and now >= exemption.until:
        return False
    if not exemption.roles and not exemption.networks:
        # an application name alone is the client's to choose
        return False
    if (exemption.roles and wal_sender.role not in exemption.roles) or (
        exemption.application_names
        and wal_sender.application_name not in exemption.application_names
    ):
        return False
    if not exemption.networks:
        return True
    peer = wal_sender.peer
    return isinstance(peer, TcpPeer) and any(peer.address in n for n in exemption.networks)


def _number(version: str) -> tuple[int, ...]:
    found = _VERSION.fullmatch(version)
    # what is not named TLSvN is older: SSLv3
    return (int(found[1]), int(found[2] or 0)) if found else ()
