"""The sentences for findings on a server's rules and certificates."""

from typing import assert_never

from exporter.model.finding import (
    ExpiringThing,
    Expiry,
    LineInError,
    MoreNotInUse,
    NotInUse,
    RulesState,
    ServedDiffers,
    ServedNotVerified,
    ServedRejected,
    ServerFinding,
)
from exporter.model.verification import VERIFIED
from exporter.publish.words.certificates import (
    certificate_text,
    name_of,
    timestamp_text,
)
from exporter.publish.words.meanings import HBA_STATES
from exporter.publish.words.place import place

_CLIENTS_THAT_VERIFY = (
    "clients that verify the server (sslmode verify-ca or verify-full) cannot connect"
)
_EXPIRIES = {
    ExpiringThing.SERVED_CERTIFICATE: (
        "The certificate {} that the server sends",
        _CLIENTS_THAT_VERIFY,
        "put a renewed certificate into ssl_cert_file and reload",
    ),
    ExpiringThing.SERVED_AUTHORITY: (
        "The CA certificate {} that the server sends",
        _CLIENTS_THAT_VERIFY,
        "put its successor into ssl_cert_file, after the server's own certificate, and reload",
    ),
    ExpiringThing.AUTHORITY: (
        "The CA certificate {} of ssl_ca_file",
        "clients whose certificates depend on it are rejected, whatever the rule",
        "add its successor to ssl_ca_file and reload",
    ),
    ExpiringThing.REVOCATION_LIST: (
        "The certificate revocation list (CRL) of the CA {}",
        "every client below that CA is rejected, whatever the rule",
        "have a new one issued, replace the file and reload",
    ),
}
"""What expires, what fails then, and what to do."""


def server_finding_text(  # noqa: PLR0911  one case for each kind
    finding: ServerFinding,
) -> str:
    """Return the sentence for one finding on a server's rules or certificates."""
    match finding:
        case RulesState(state):
            return HBA_STATES[state]
        case LineInError(error):
            effect = "" if error.blocks_loading else " (the file is loaded nevertheless)"
            return f"{place(error.location)}: {error.message}{effect}"
        case ServedNotVerified(detail):
            return (
                "The certificate that the server sends is not verified: the configured CA file "
                f"cannot be read ({detail})."
            )
        case ServedRejected(certificate, host, verification):
            name = "" if host is None else f" and the host name {host}"
            return (
                f"A client with sslmode=verify-full{name} rejects the certificate that the server "
                f"sends, {certificate_text(certificate)}: {verification}."
            )
        case ServedDiffers(in_file, served, read_at):
            return (
                f"ssl_cert_file contains {certificate_text(in_file)}, but the server sends "
                f"{certificate_text(served)} (seen {timestamp_text(read_at)}). Reload the server; "
                "if that changes nothing, its log says why (for example a key that does not match)."
            )
        case Expiry():
            return _expiry(finding)
        case NotInUse(certificate, verification):
            accepted = verification == VERIFIED
            result = "accept it" if accepted else f"reject it: {verification}"
            return (
                f"Known and not in use: {certificate_text(certificate)}; the server would {result}."
            )
        case MoreNotInUse(number):
            return f"Known and not in use: {number} more."
        case _:
            assert_never(finding)


def _expiry(finding: Expiry) -> str:
    subject, breaks, renew = _EXPIRIES[finding.thing]
    what = subject.format(name_of(finding.name))
    if finding.is_past:
        return f"{what} expired {timestamp_text(finding.at)}: {breaks}. To fix it, {renew}."
    return (
        f"{what} expires first here, {timestamp_text(finding.at)}: from then on {breaks}. "
        f"Before that, {renew}."
    )
