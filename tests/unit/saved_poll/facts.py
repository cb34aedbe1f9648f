"""A poll with everything that a file can hold, and certificates that OpenSSL reads."""

from dataclasses import replace
from datetime import timedelta

from exporter.judging import Inputs
from exporter.model.certificate import Certificate, CertificateFile
from exporter.model.history import RulesHistory
from exporter.model.inventory import (
    Binding,
    Inventory,
    InventoryCertificate,
    InventoryError,
    InventoryFault,
)
from exporter.model.knowledge import Knowledge, Standby
from exporter.model.served import ServedChain
from exporter.model.target import ClearPassword, Target
from exporter.model.tls_files import Receiver, TlsFiles
from exporter.model.verification import Trust
from exporter.model.wal_sender import PeerCertificate, SlashName
from exporter.observe.certificates.tls.verification import verify
from lab.pki import lab_name
from tests.chains import Made, make, make_list, read, read_list
from tests.unit.assess.facts import (
    CERT,
    LOADED,
    NOW,
    POLL,
    SCRAM,
    SERVER,
    STANDBY,
    TARGET,
    TLS,
    WITHOUT_CERTIFICATE,
    at,
    line,
    mapping,
    maps,
    rules,
    times,
)

PASSWORD = "planted-in-the-target"
DAY = timedelta(days=1)
AUTHORITY = make(lab_name("CA"), authority=True, begins=NOW - 100 * DAY, ends=NOW + 900 * DAY)


def issued(common_name: str, days: int) -> Made:
    return make(lab_name(common_name), AUTHORITY, begins=NOW - 50 * DAY, ends=NOW + days * DAY)


CA = read(AUTHORITY.certificate)
OLD, NEW = (read(issued("replica", days).certificate) for days in (20, 300))
LEAF = read(issued("db1", 40).certificate)
LIST = read_list(make_list(AUTHORITY, begins=NOW - DAY, ends=NOW + 90 * DAY))


def shown(of: Certificate) -> PeerCertificate:
    return PeerCertificate(
        SlashName(of.subject.slash, may_be_cut=False),
        SlashName(of.issuer.slash, may_be_cut=False),
        of.serial_number,
    )


RULES = rules(CERT, SCRAM)
LINES = (line(at(2, SCRAM).location, quote=True),)
OLD_RULES = rules(SCRAM)
RECEIVER = Receiver(
    status="streaming",
    role="replica",
    application_name="standby",
    sender_host="primary",
    sender_port=5432,
    slot_name="",
    sslmode="verify-full",
    certificate=CertificateFile("standby.crt", (NEW, CA)),
    read_of=times(),
)
SENDER = replace(STANDBY, tls=replace(TLS, client_certificate=shown(OLD)))
OBSERVED = replace(
    POLL,
    server=replace(SERVER, system_identifier="7"),
    wal_senders=(
        SENDER,
        replace(WITHOUT_CERTIFICATE, pid=1, application_name="another"),
    ),
    hba=RULES,
    hba_lines=LINES,
    # written after the load: what is in force is known from the history
    file_times=times(hba=LOADED + DAY / 2),
    ident=maps(mapping("/^r", "replica")),
    tls_files=TlsFiles(
        certificate=CertificateFile("server.crt", (LEAF,)),
        authority=CertificateFile("ca.crt", (CA,)),
        revocation=CertificateFile("ca.crl", (), (LIST,)),
    ),
    receiver=None,
)
SERVER_TARGET: Target = replace(
    TARGET,
    parameters={
        "host": "primary",
        "port": "5432",
        "user": "exporter",
        "dbname": "postgres",
        "sslpassword": PASSWORD,
        "options": f"-c x={PASSWORD}",
    },
    password=ClearPassword(PASSWORD),
    labels={"team": "a"},
)
KNOWN = Knowledge(
    verify=verify,
    inventory=Inventory(
        (
            InventoryCertificate(
                NEW, (CA,), ("/pki/new.crt",), (Binding(frozenset({"replica"}), frozenset()),)
            ),
        ),
        (InventoryError("clients", "/pki/old.crt", InventoryFault.MISSING),),
        NOW - DAY,
    ),
    served=ServedChain((LEAF, CA), "db1", Trust((CA,), (LIST,)), NOW),
    standbys=(Standby("standby", "7", frozenset({"10.0.0.5"}), RECEIVER),),
    seen=(OLD,),
)
HISTORY = RulesHistory()
HISTORY = replace(
    HISTORY,
    hba=replace(
        HISTORY.hba,
        confirmed=OLD_RULES.with_lines(()),
        confirmed_since=LOADED,
        complete=True,
        latest=RULES.with_lines(LINES),
        latest_load=LOADED,
        before_unread=replace(HISTORY.hba, confirmed=OLD_RULES),
    ),
)
INPUTS = Inputs(SERVER_TARGET, OBSERVED, 0.25, HISTORY, KNOWN)
