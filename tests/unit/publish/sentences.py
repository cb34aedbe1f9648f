"""Findings of every kind, each with its whole sentence."""

from dataclasses import replace

from exporter.model.certificate import DistinguishedName
from exporter.model.certificates_report import (
    CertificateFileUnread,
    InventoryGap,
    NameFit,
    NextUnknown,
    NotFound,
)
from exporter.model.doubt import MembershipUnread, NotEvaluated, RuleInDoubt, SeveralVersions
from exporter.model.finding import (
    CertificatesNoLongerRequested,
    ClientNameNotShown,
    ExpiringThing,
    Expiry,
    Finding,
    LineInError,
    MoreNotInUse,
    NextCertificateUnknown,
    NextHandshake,
    NoRuleMatches,
    NoRuleMayMatch,
    NotDecided,
    NotInInventory,
    NotInUse,
    PredatesRules,
    QuotesNotShown,
    ReconnectsFail,
    RuleGoverns,
    RuleMayGovern,
    RuleRequires,
    RulesState,
    RuleUndecided,
    ServedDiffers,
    ServedNotVerified,
    ServedRejected,
    TlsFilesNotInForce,
    TlsTurnedOff,
    UsesCertificate,
    UsesOneOf,
    Weakness,
    WillSend,
)
from exporter.model.hba import ErrorLine
from exporter.model.judgement import Demand, FilesInForce, ForecastCause, HbaState
from exporter.model.verification import VERIFIED
from tests.unit.certificates import distinguished
from tests.unit.reports import (
    AUTHORITY,
    CERT_RULE,
    HBA,
    IN_USE,
    NOW,
    RENEWED,
    SERVED,
    STARTED,
    TRUST_RULE,
)

IN_USE_TEXT = '"replicator" (serial number 244837814094590, valid until 2026-12-10 12:00 UTC)'
RENEWED_TEXT = '"replicator" (serial number 7, valid until 2027-09-16 12:00 UTC)'
SERVED_TEXT = '"db1.example.com" (serial number 8, valid until 2027-02-18 12:00 UTC)'
FILE = "/home/postgres/replica.crt"
HANDSHAKE = NextHandshake(
    role="replicator",
    name=NameFit.ADMITTED,
    verification=VERIFIED,
    weakness=None,
    compares_name=True,
    is_required=True,
)
SENDS = WillSend(RENEWED, FILE, is_on_standby=False, is_in_use=False, is_renewed=False)
EXPIRES = Expiry(
    ExpiringThing.SERVED_CERTIFICATE, distinguished("db1.example.com"), NOW, is_past=False
)
NAME_ACCEPTED = "its name is accepted for role replicator"
NAME_NOT_ACCEPTED = "its name is not accepted for role replicator"
NAME_UNDECIDED = "it cannot be determined whether its name is accepted for role replicator"
_CANNOT_CONNECT = "clients that verify the server (sslmode verify-ca or verify-full) cannot connect"
_SECURITY_LEVEL = (
    "The server's CA file verifies it, but whether the TLS handshake succeeds depends on the "
    "security level of the server's OpenSSL, which cannot be seen: {}. Certificates signed with "
    "SHA-256, with RSA keys of 2048 bits or EC keys of 256, are accepted at the common levels; {}."
)

RULE_SENTENCES: tuple[tuple[Finding, str], ...] = (
    (NoRuleMatches(), "No rule of pg_hba.conf matches it: the server would reject a reconnect."),
    (
        RuleGoverns(CERT_RULE),
        (
            f"{HBA}, line 12, is the first rule that matches: "
            "hostssl replication replicator 10.0.0.0/24 cert"
        ),
    ),
    (
        RuleRequires(Demand.CERTIFICATE, "cert"),
        "It requires a certificate whose name is the role's.",
    ),
    (
        RuleRequires(Demand.CHAIN, "scram-sha-256"),
        "It requires a certificate that the server's CA file verifies, whatever its name is.",
    ),
    (
        RuleRequires(Demand.CHAIN_BY_MAP, "cert"),
        "It requires a certificate, and its user name map accepts several names for this role.",
    ),
    (
        RuleRequires(Demand.UNKNOWN, "cert"),
        (
            "It requires a certificate; its user name map, which decides whose, cannot be read or "
            "decided."
        ),
    ),
    (RuleRequires(Demand.REFUSES, "reject"), "It rejects this connection."),
    (
        RuleRequires(Demand.NOTHING, "trust"),
        "Its method is trust: it requires neither a password nor a certificate.",
    ),
    (
        RuleRequires(Demand.NOTHING, "password"),
        (
            "It requires a password, sent in clear text inside the connection; it does not require "
            "a certificate."
        ),
    ),
    (
        RuleRequires(Demand.NOTHING, "md5"),
        "It requires a password; it does not require a certificate.",
    ),
    (
        RuleRequires(Demand.NOTHING, "scram-sha-256"),
        "It requires a password; it does not require a certificate.",
    ),
    (
        RuleRequires(Demand.NOTHING, "ldap"),
        "It authenticates by ldap; it does not require a certificate.",
    ),
    (
        QuotesNotShown(),
        (
            "The line contains quotes, or an @ file that may contain some; the server's view does "
            "not show them."
        ),
    ),
    (
        ClientNameNotShown(),
        "The line contains clientname=DN, which the server's view does not show.",
    ),
    (
        RuleUndecided(),
        "It cannot be determined which rule matches first. It may be one of these:",
    ),
    (
        RuleMayGovern(TRUST_RULE),
        f"{HBA}, line 14: host replication replicator 10.0.0.0/24 trust",
    ),
    (NoRuleMayMatch(), "It is also possible that none of them matches."),
    (NotDecided(SeveralVersions()), "Several versions of the rules may be in force."),
    (
        NotDecided(
            RuleInDoubt(TRUST_RULE.location, (MembershipUnread("staff"), NotEvaluated("/^r")))
        ),
        (
            f"{HBA}, line 14: membership in staff could not be read; the regular expression /^r "
            "was not evaluated."
        ),
    ),
    (
        TlsTurnedOff(),
        "The server has turned TLS off since (ssl = off): new connections cannot use it.",
    ),
    (
        CertificatesNoLongerRequested(),
        (
            "The server no longer requests client certificates (ssl_ca_file is empty): a rule that "
            "requires one rejects every client."
        ),
    ),
    (
        PredatesRules(STARTED, NOW),
        (
            "The connection began 2026-11-08 12:00:00 UTC; the rules are known to be in force "
            "since 2026-11-20 12:00:00 UTC. Older rules may have accepted it."
        ),
    ),
)
HANDSHAKE_SENTENCES: tuple[tuple[NextHandshake, str], ...] = (
    (
        HANDSHAKE,
        (
            "Next reconnect: the certificate will be accepted. The server's CA file verifies it, "
            f"and {NAME_ACCEPTED}."
        ),
    ),
    (
        replace(HANDSHAKE, name=NameFit.REFUSED),
        (
            "Next reconnect: the certificate will be rejected. The server's CA file verifies it, "
            f"and {NAME_NOT_ACCEPTED}."
        ),
    ),
    (
        replace(HANDSHAKE, name=NameFit.UNDECIDED),
        (
            "Next reconnect: the certificate may be accepted. The server's CA file verifies it, "
            f"and {NAME_UNDECIDED}."
        ),
    ),
    *(
        (
            replace(HANDSHAKE, name=name, compares_name=False),
            (
                "Next reconnect: the certificate will be accepted. The server's CA file verifies "
                "it, and no rule compares its name."
            ),
        )
        for name in NameFit
    ),
    *(
        (
            replace(HANDSHAKE, name=name, compares_name=compares_name, is_required=False),
            (
                f"If the rule required a certificate, this one {result}: the server's CA file "
                f"verifies it, and {words}."
            ),
        )
        for compares_name in (False, True)
        for name, result, words in (
            (NameFit.ADMITTED, "would be accepted", NAME_ACCEPTED),
            (NameFit.REFUSED, "would be rejected", NAME_NOT_ACCEPTED),
            (NameFit.UNDECIDED, "might be accepted", NAME_UNDECIDED),
        )
    ),
    *(
        (
            replace(HANDSHAKE, verification="certificate has expired", is_required=required),
            (
                "The TLS handshake will fail whatever pg_hba.conf says: certificate has expired "
                f"({NAME_ACCEPTED})."
            ),
        )
        for required in (False, True)
    ),
    (
        replace(HANDSHAKE, verification="certificate revoked", name=NameFit.REFUSED),
        (
            "The TLS handshake will fail whatever pg_hba.conf says: certificate revoked "
            f"({NAME_NOT_ACCEPTED})."
        ),
    ),
    (
        replace(HANDSHAKE, verification="x", weakness=Weakness(distinguished("a"), "", "RSA 512")),
        f"The TLS handshake will fail whatever pg_hba.conf says: x ({NAME_ACCEPTED}).",
    ),
    (
        replace(HANDSHAKE, verification=None, is_required=False),
        (
            "It is not known whether the server would verify it, because its CA file cannot be "
            f"read; {NAME_ACCEPTED}."
        ),
    ),
    (
        replace(HANDSHAKE, verification=None, is_required=False, name=NameFit.UNDECIDED),
        (
            "It is not known whether the server would verify it, because its CA file cannot be "
            f"read; {NAME_UNDECIDED}."
        ),
    ),
    (
        replace(HANDSHAKE, weakness=Weakness(distinguished("a"), "", "RSA 1024")),
        _SECURITY_LEVEL.format('"a" has a key of RSA 1024', NAME_ACCEPTED),
    ),
    (
        replace(
            HANDSHAKE,
            name=NameFit.REFUSED,
            weakness=Weakness(distinguished("a"), "ecdsa-with-SHA1", ""),
            compares_name=False,
            is_required=False,
        ),
        _SECURITY_LEVEL.format('"a" is signed by ecdsa-with-SHA1', NAME_NOT_ACCEPTED),
    ),
)
CERTIFICATE_SENTENCES: tuple[tuple[Finding, str], ...] = (
    (UsesCertificate(IN_USE, is_expired=False), f"It uses the certificate {IN_USE_TEXT}."),
    (
        UsesCertificate(IN_USE, is_expired=True),
        (
            f"It uses the certificate {IN_USE_TEXT}. It has expired. The connection continues, "
            "because nothing is verified again while it lasts."
        ),
    ),
    (
        UsesOneOf((IN_USE, RENEWED)),
        (
            "The server shows only serial number and names of the certificate in use, and several "
            f"known certificates match them: {IN_USE_TEXT}, {RENEWED_TEXT}."
        ),
    ),
    (NotInInventory(), "The certificate in use is not in the inventory."),
    (
        NextCertificateUnknown(
            NextUnknown(
                NotFound(
                    CertificateFileUnread("db2", "denied", is_missing=False),
                    InventoryGap.NO_INVENTORY,
                )
            )
        ),
        (
            "Which certificate it will send at the next reconnect is not known: the certificate "
            "file of db2 cannot be read: denied, and there is no inventory."
        ),
    ),
    (SENDS, f"Next reconnect: it will send {RENEWED_TEXT}, from {FILE}."),
    (
        replace(SENDS, is_on_standby=True),
        f"Next reconnect: it will send {RENEWED_TEXT}, from {FILE} on the standby.",
    ),
    (
        replace(SENDS, is_on_standby=True, is_renewed=True),
        (
            f"Next reconnect: it will send {RENEWED_TEXT}, from {FILE} on the standby. It is "
            "renewed, and not in use before a reconnect."
        ),
    ),
    (
        replace(SENDS, is_renewed=True),
        (
            f"Next reconnect: it will send {RENEWED_TEXT}, from {FILE}. It is renewed, and not in "
            "use before a reconnect."
        ),
    ),
    (
        replace(SENDS, is_in_use=True),
        f"Next reconnect: it will send the same certificate ({FILE}).",
    ),
    (
        replace(SENDS, is_in_use=True, is_on_standby=True),
        f"Next reconnect: it will send the same certificate ({FILE} on the standby).",
    ),
    *HANDSHAKE_SENTENCES,
    (
        TlsFilesNotInForce(FilesInForce.CHANGED),
        (
            "The server's CA or CRL files were changed after the last reload: the server still "
            "verifies clients by the older ones. What is said above holds for the files on disk."
        ),
    ),
    (
        TlsFilesNotInForce(FilesInForce.NOT_TAKEN),
        (
            "The last reload did not load the server's TLS files (its log says why): the server "
            "still verifies clients by older CA and CRL files. What is said above holds for the "
            "files on disk."
        ),
    ),
    (
        ReconnectsFail(NOW, ForecastCause.EXPIRED),
        "Reconnects fail from 2026-11-20 12:00 UTC, when the certificate expires.",
    ),
    (
        ReconnectsFail(NOW, ForecastCause.AUTHORITY),
        "Reconnects fail from 2026-11-20 12:00 UTC, when a CA certificate of its chain expires.",
    ),
    (
        ReconnectsFail(NOW, ForecastCause.CRL),
        (
            "Reconnects fail from 2026-11-20 12:00 UTC, when a certificate revocation list (CRL) "
            "expires, and every client below its issuer is rejected."
        ),
    ),
    (
        ReconnectsFail(NOW, ForecastCause.PURPOSE),
        "Reconnects fail from 2026-11-20 12:00 UTC, when something in its chain expires.",
    ),
)
SERVER_SENTENCES: tuple[tuple[Finding, str], ...] = (
    (RulesState(HbaState.LOADED), "The rules in pg_hba.conf are the rules in force."),
    (
        RulesState(HbaState.PENDING),
        "pg_hba.conf was changed and not loaded: the change is not in force yet.",
    ),
    (
        RulesState(HbaState.REJECTED),
        (
            "pg_hba.conf has errors, so that it cannot be loaded: older rules are in force, and "
            "the next restart of the server fails."
        ),
    ),
    (
        RulesState(HbaState.UNVERIFIED),
        (
            "The file times cannot be read, and nothing else has confirmed yet that the rules on "
            "disk are the rules in force."
        ),
    ),
    (RulesState(HbaState.UNREADABLE), "The rules of pg_hba.conf cannot be read."),
    (
        LineInError(ErrorLine(CERT_RULE.location, "invalid method", blocks_loading=True)),
        f"{HBA}, line 12: invalid method",
    ),
    (
        LineInError(ErrorLine(CERT_RULE.location, "SSL is disabled", blocks_loading=False)),
        f"{HBA}, line 12: SSL is disabled (the file is loaded nevertheless)",
    ),
    (
        ServedNotVerified("no such file"),
        (
            "The certificate that the server sends is not verified: the configured CA file cannot "
            "be read (no such file)."
        ),
    ),
    (
        ServedRejected(SERVED, "db1", "hostname mismatch"),
        (
            "A client with sslmode=verify-full and the host name db1 rejects the certificate that "
            f"the server sends, {SERVED_TEXT}: hostname mismatch."
        ),
    ),
    (
        ServedRejected(SERVED, None, "certificate has expired"),
        (
            "A client with sslmode=verify-full rejects the certificate that the server sends, "
            f"{SERVED_TEXT}: certificate has expired."
        ),
    ),
    (
        ServedDiffers(in_file=RENEWED, served=SERVED, read_at=NOW),
        (
            f"ssl_cert_file contains {RENEWED_TEXT}, but the server sends {SERVED_TEXT} (seen "
            "2026-11-20 12:00 UTC). Reload the server; if that changes nothing, its log says why "
            "(for example a key that does not match)."
        ),
    ),
    (
        EXPIRES,
        (
            'The certificate "db1.example.com" that the server sends expires first here, '
            f"2026-11-20 12:00 UTC: from then on {_CANNOT_CONNECT}. Before that, put a renewed "
            "certificate into ssl_cert_file and reload."
        ),
    ),
    (
        replace(EXPIRES, is_past=True),
        (
            'The certificate "db1.example.com" that the server sends expired 2026-11-20 12:00 UTC: '
            f"{_CANNOT_CONNECT}. To fix it, put a renewed certificate into ssl_cert_file and "
            "reload."
        ),
    ),
    (
        replace(EXPIRES, thing=ExpiringThing.SERVED_AUTHORITY, name=AUTHORITY.subject),
        (
            'The CA certificate "Lab authority" that the server sends expires first here, '
            f"2026-11-20 12:00 UTC: from then on {_CANNOT_CONNECT}. Before that, put its successor "
            "into ssl_cert_file, after the server's own certificate, and reload."
        ),
    ),
    (
        replace(EXPIRES, thing=ExpiringThing.AUTHORITY, name=AUTHORITY.subject),
        (
            'The CA certificate "Lab authority" of ssl_ca_file expires first here, 2026-11-20 '
            "12:00 UTC: from then on clients whose certificates depend on it are rejected, "
            "whatever the rule. Before that, add its successor to ssl_ca_file and reload."
        ),
    ),
    (
        replace(EXPIRES, thing=ExpiringThing.REVOCATION_LIST, name=AUTHORITY.subject),
        (
            'The certificate revocation list (CRL) of the CA "Lab authority" expires first here, '
            "2026-11-20 12:00 UTC: from then on every client below that CA is rejected, whatever "
            "the rule. Before that, have a new one issued, replace the file and reload."
        ),
    ),
    (
        replace(
            EXPIRES,
            thing=ExpiringThing.REVOCATION_LIST,
            name=DistinguishedName("", "", ()),
            is_past=True,
        ),
        (
            "The certificate revocation list (CRL) of the CA without a name expired 2026-11-20 "
            "12:00 UTC: every client below that CA is rejected, whatever the rule. To fix it, have "
            "a new one issued, replace the file and reload."
        ),
    ),
    (
        NotInUse(RENEWED, VERIFIED),
        f"Known and not in use: {RENEWED_TEXT}; the server would accept it.",
    ),
    (
        NotInUse(RENEWED, "certificate revoked"),
        f"Known and not in use: {RENEWED_TEXT}; the server would reject it: certificate revoked.",
    ),
    (MoreNotInUse(189), "Known and not in use: 189 more."),
)
SENTENCES = (*RULE_SENTENCES, *CERTIFICATE_SENTENCES, *SERVER_SENTENCES)
