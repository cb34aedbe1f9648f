"""The sentences for findings on a connection's certificates."""

from typing import assert_never

from exporter.model.certificates_report import NameFit
from exporter.model.finding import (
    CertificateFinding,
    NextCertificateUnknown,
    NextHandshake,
    NotInInventory,
    ReconnectsFail,
    TlsFilesNotInForce,
    UsesCertificate,
    UsesOneOf,
    WillSend,
)
from exporter.model.judgement import FilesInForce
from exporter.model.verification import VERIFIED
from exporter.publish.words.certificates import (
    EXPIRES,
    certificate_text,
    timestamp_text,
    weakness_text,
)
from exporter.publish.words.unknown import next_unknown_text

_TLS_FILES = {
    FilesInForce.CHANGED: (
        "The server's CA or CRL files were changed after the last reload: the server still "
        "verifies clients by the older ones. What is said above holds for the files on disk."
    ),
    FilesInForce.NOT_TAKEN: (
        "The last reload did not load the server's TLS files (its log says why): the server still "
        "verifies clients by older CA and CRL files. What is said above holds for the files on "
        "disk."
    ),
}


def certificate_finding_text(  # noqa: PLR0911  one case for each kind
    finding: CertificateFinding,
) -> str:
    """Return the sentence for one finding on a connection's certificates."""
    match finding:
        case UsesCertificate(certificate, is_expired):
            expired = (
                " It has expired. The connection continues, because nothing is verified again "
                "while it lasts."
            )
            used = f"It uses the certificate {certificate_text(certificate)}."
            return used + (expired if is_expired else "")
        case UsesOneOf(candidates):
            several = ", ".join(map(certificate_text, candidates))
            return (
                "The server shows only serial number and names of the certificate in use, and "
                f"several known certificates match them: {several}."
            )
        case NotInInventory():
            return "The certificate in use is not in the inventory."
        case NextCertificateUnknown(unknown):
            why = next_unknown_text(unknown.why)
            return f"Which certificate it will send at the next reconnect is not known: {why}."
        case WillSend():
            return _will_send(finding)
        case NextHandshake():
            return _handshake(finding)
        case TlsFilesNotInForce(state):
            return _TLS_FILES[state]
        case ReconnectsFail(at, cause):
            expires = EXPIRES.get(cause, "something in its chain expires")
            return f"Reconnects fail from {timestamp_text(at)}, when {expires}."
        case _:
            assert_never(finding)


def _will_send(finding: WillSend) -> str:
    file = f"{finding.path} on the standby" if finding.is_on_standby else finding.path
    if finding.is_in_use:
        return f"Next reconnect: it will send the same certificate ({file})."
    renewed = ". It is renewed, and not in use before a reconnect" if finding.is_renewed else ""
    return (
        f"Next reconnect: it will send {certificate_text(finding.certificate)}, from {file}"
        f"{renewed}."
    )


def _handshake(finding: NextHandshake) -> str:
    name = {
        NameFit.ADMITTED: f"its name is accepted for role {finding.role}",
        NameFit.REFUSED: f"its name is not accepted for role {finding.role}",
        NameFit.UNDECIDED: (
            f"it cannot be determined whether its name is accepted for role {finding.role}"
        ),
    }[finding.name]
    if finding.verification is None:
        return (
            "It is not known whether the server would verify it, because its CA file cannot be "
            f"read; {name}."
        )
    if finding.verification != VERIFIED:
        return (
            "The TLS handshake will fail whatever pg_hba.conf says: "
            f"{finding.verification} ({name})."
        )
    if finding.weakness is not None:
        return (
            "The server's CA file verifies it, but whether the TLS handshake succeeds depends on "
            "the security level of the server's OpenSSL, which cannot be seen: "
            f"{weakness_text(finding.weakness)}. Certificates signed with SHA-256, with RSA keys "
            f"of 2048 bits or EC keys of 256, are accepted at the common levels; {name}."
        )
    if finding.is_required and not finding.compares_name:
        return (
            "Next reconnect: the certificate will be accepted. The server's CA file verifies it, "
            "and no rule compares its name."
        )
    if finding.is_required:
        result = {
            NameFit.ADMITTED: "will be accepted",
            NameFit.REFUSED: "will be rejected",
            NameFit.UNDECIDED: "may be accepted",
        }[finding.name]
        return (
            f"Next reconnect: the certificate {result}. The server's CA file verifies it, and "
            f"{name}."
        )
    result = {
        NameFit.ADMITTED: "would be accepted",
        NameFit.REFUSED: "would be rejected",
        NameFit.UNDECIDED: "might be accepted",
    }[finding.name]
    return (
        f"If the rule required a certificate, this one {result}: the server's CA file verifies it, "
        f"and {name}."
    )
