"""Certificates, files, standbys and an OpenSSL of one's own choice; vary by `replace`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256

from exporter.model.certificate import (
    Certificate,
    CertificateFile,
    DistinguishedName,
    RevocationList,
)
from exporter.model.hba import FileTimes, HbaRule, ServerFile
from exporter.model.inventory import Binding, Inventory, InventoryCertificate
from exporter.model.knowledge import Knowledge, Standby
from exporter.model.observation import Observation
from exporter.model.report import Connection
from exporter.model.served import ServedChain
from exporter.model.tls_files import Receiver, TlsFiles
from exporter.model.verification import VERIFIED, Purpose, Trust, Verification
from exporter.model.wal_sender import PeerCertificate, SlashName, WalSender
from tests.unit.assess.facts import (
    NOW,
    POLL,
    STANDBY,
    TARGET,
    TLS,
    WRITTEN,
    connections,
    report,
    rules,
    times,
)

DAY = timedelta(days=1)
ENDS = NOW + 30 * DAY


def name(*attributes: str) -> DistinguishedName:
    """Return a name whose attributes need no escaping, in encoded order."""
    return DistinguishedName(
        slash="".join(f"/{a}" for a in attributes),
        rfc2253=",".join(reversed(attributes)),
        common_names=tuple(a[3:] for a in attributes if a.startswith("CN=")),
    )


REPLICA = name("O=Lab", "CN=replica")
CA_NAME = name("CN=CA")


def certificate(
    subject: DistinguishedName = REPLICA,
    *,
    serial: int = 7,
    issuer: DistinguishedName = CA_NAME,
    since: datetime = NOW - 60 * DAY,
    until: datetime = ENDS,
    authority: bool = False,
    salt: str = "",
) -> Certificate:
    text = f"{subject}{serial}{issuer}{since}{until}{authority}{salt}"
    return Certificate(
        fingerprint=sha256(text.encode("utf-8", "backslashreplace")).hexdigest(),
        der=text.encode("utf-8", "backslashreplace"),
        subject=subject,
        issuer=issuer,
        serial_number=serial,
        not_before=since,
        not_after=until,
        is_authority=authority,
        names=(),
        key_type="EC secp256r1",
        signature_algorithm="ecdsa-with-SHA256",
    )


CA = certificate(CA_NAME, serial=1, until=NOW + 365 * DAY, authority=True)
OWN = certificate()
EXPIRED = certificate(until=NOW - DAY)
RENEWED = certificate(serial=8, since=NOW - DAY, until=ENDS + 60 * DAY)
SERVER_LEAF = certificate(name("CN=db1"), serial=50, until=NOW + 90 * DAY)


def peer(of: Certificate) -> PeerCertificate:
    """Return what a session that uses ``of`` shows, by the server's own cutting."""
    return PeerCertificate(shown(of.subject), shown(of.issuer), of.serial_number)


def shown(of: DistinguishedName) -> SlashName | None:
    raw = of.slash.encode()
    if not raw:
        return None
    return SlashName(raw[:63].decode("utf-8", "backslashreplace"), len(raw[:63]) >= 60)


def using(of: Certificate, sender: WalSender = STANDBY) -> WalSender:
    return replace(sender, tls=replace(TLS, client_certificate=peer(of)))


def known(
    of: Certificate,
    *chain: Certificate,
    paths: tuple[str, ...] = ("/inventory/replica.crt",),
    roles: Sequence[str] = (),
    application_names: Sequence[str] = (),
) -> InventoryCertificate:
    binding = Binding(frozenset(roles), frozenset(application_names))
    return InventoryCertificate(of, chain, paths, (binding,))


def inventory(*certificates: InventoryCertificate) -> Inventory:
    return Inventory(certificates, (), NOW)


def file(path: str, *certificates: Certificate, unparsable: int = 0) -> CertificateFile:
    return CertificateFile(path, certificates, (), unparsable)


def crl(issuer: str = "CA", until: datetime | None = NOW + 7 * DAY) -> RevocationList:
    return RevocationList(
        fingerprint=f"{issuer}{until}",
        der=b"",
        issuer=name(f"CN={issuer}"),
        this_update=NOW - DAY,
        next_update=until,
        number=3,
    )


NO_LISTS = CertificateFile("")
TLS_FILES = TlsFiles(file("server.crt", SERVER_LEAF), file("root.crt", CA), NO_LISTS)
SERVED = ServedChain((SERVER_LEAF,), "db1", Trust((CA,)), NOW)
RECEIVER = Receiver(
    status="streaming",
    role="replica",
    application_name="standby",
    sender_host="db1",
    sender_port=5432,
    slot_name="",
    sslmode="verify-full",
    certificate=file("/home/postgres/replica.crt", OWN),
)
STANDBY_TARGET = Standby("db2", "1", frozenset({"db2", "10.0.0.5"}), RECEIVER)
PRIMARY = replace(TARGET, parameters={"host": "db1"})


@dataclass
class OpenSsl:
    """Says of a chain what the table says, by the leaf; else that it holds.

    Attributes:
        asked: every question, in order.
    """

    verdicts: Mapping[Certificate, Verification] = field(default_factory=dict)
    asked: list[tuple[tuple[Certificate, ...], Trust, Purpose, datetime, str | None]] = field(
        default_factory=list
    )

    def __call__(
        self,
        chain: Sequence[Certificate],
        trust: Trust,
        purpose: Purpose,
        *,
        at: datetime,
        host: str | None = None,
    ) -> Verification:
        self.asked.append((tuple(chain), trust, purpose, at, host))
        return self.verdicts.get(chain[0], Verification(VERIFIED))


def of_standby(receiver: Receiver = RECEIVER, *others: Standby) -> Knowledge:
    return Knowledge(OpenSsl(), standbys=(replace(STANDBY_TARGET, receiver=receiver), *others))


def sending(*certificates: Certificate, sslmode: str = "verify-full") -> Receiver:
    path = "/home/postgres/replica.crt"
    return replace(RECEIVER, certificate=file(path, *certificates), sslmode=sslmode)


def tls_times(
    authority: datetime = WRITTEN, *, own: datetime = WRITTEN, revocation: datetime = WRITTEN
) -> tuple[FileTimes, ...]:
    return (
        *times(),
        FileTimes(ServerFile.CERTIFICATE, "server.crt", 1, own, own),
        FileTimes(ServerFile.AUTHORITY, "root.crt", 1, authority, authority),
        FileTimes(ServerFile.CRL, "root.crl", 1, revocation, revocation),
    )


SEEN = replace(POLL, tls_files=TLS_FILES, receiver=None, file_times=tls_times())


def judged(
    knowledge: Knowledge,
    *written: HbaRule,
    sender: WalSender = STANDBY,
    others: Sequence[WalSender] = (),
    poll: Observation = SEEN,
) -> Connection:
    """Return ``sender`` judged under the rules ``written``."""
    seen = replace(poll, wal_senders=(sender, *others), hba=rules(*written))
    target_report = report(seen, knowledge=knowledge, target=PRIMARY)
    (connection,) = (c for c in connections(target_report) if c.wal_sender is sender)
    return connection
