"""Returns how one connection is secured: what it presented, and what the rules now require."""

from exporter.assess.rules.demand import CERTIFICATE_DEMANDS
from exporter.assess.rules.outcome import Outcomes
from exporter.model.judgement import Demand, Posture
from exporter.model.observation import Server
from exporter.model.wal_sender import OtherPeer, PeerCertificate, SlashName, TlsSession, WalSender


def shown_certificate(wal_sender: WalSender) -> PeerCertificate | None:
    """Return the client certificate of the connection's handshake."""
    return None if wal_sender.tls is None else wal_sender.tls.client_certificate


def shown_subject(wal_sender: WalSender) -> SlashName | None:
    """Return the subject of that certificate; None if it is empty or none was shown."""
    shown = shown_certificate(wal_sender)
    return None if shown is None else shown.subject


def demanded_of(wal_sender: WalSender, found: Outcomes, server: Server) -> frozenset[Demand]:
    """Return what the server now requires of a connection of the same kind.

    A rule that requires a certificate rejects a connection that presented none, and every
    connection if the server does not request one (auth.c, ClientAuthentication()). With ``ssl``
    off, no client can use TLS.
    """
    demanded = found.demanded
    if demanded and wal_sender.tls is not None and not server.tls_enabled:
        return frozenset({Demand.REFUSES})
    can_show = shown_certificate(wal_sender) is not None and server.requests_client_certificate
    if can_show or not demanded & CERTIFICATE_DEMANDS:
        return demanded
    return (demanded - CERTIFICATE_DEMANDS) | {Demand.REFUSES}


def posture(wal_sender: WalSender, demanded: frozenset[Demand], *, name_unproven: bool) -> Posture:
    """Return the posture of a connection.

    Args:
        wal_sender: the connection.
        demanded: by ``demanded_of``; empty when the rules in force are not known.
        name_unproven: the connection predates the rules, and the name in its certificate is
            not known to be one that they require.
    """
    match wal_sender.peer, wal_sender.tls:
        case OtherPeer.HIDDEN, _:
            return Posture.HIDDEN
        case OtherPeer.UNIX_SOCKET, _:
            return Posture.UNIX_SOCKET
        case _, None:
            return Posture.GSS_ENCRYPTED if wal_sender.gss_encrypted else Posture.PLAINTEXT
        case _, TlsSession(client_certificate=None):
            return Posture.TLS_WITHOUT_CERTIFICATE
        case _:
            return _with_certificate(demanded, name_unproven=name_unproven)


def _with_certificate(demanded: frozenset[Demand], *, name_unproven: bool) -> Posture:
    # a rule that may reject every client accepts none without a certificate either
    admitting = demanded - {Demand.REFUSES}
    if admitting == {Demand.CERTIFICATE}:
        if name_unproven:
            return Posture.CERTIFICATE_UNCONFIRMED
        return Posture.CERTIFICATE_REQUIRED
    if admitting and admitting <= {Demand.CHAIN, Demand.CHAIN_BY_MAP}:
        return Posture.CERTIFICATE_CHAIN_REQUIRED
    if admitting == {Demand.NOTHING}:
        return Posture.CERTIFICATE_OPTIONAL
    return Posture.CERTIFICATE_UNCONFIRMED
