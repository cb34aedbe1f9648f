"""Our verdict on a chain is that of a real server and of a real client that meet it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from exporter.model.certificate import Certificate
from exporter.model.judgement import ForecastCause
from exporter.model.served import ServedCertificateCheck, ServedChain
from exporter.model.target import Target
from exporter.model.verification import Purpose, Trust
from exporter.observe.certificates.tls.served import served_chain
from exporter.observe.certificates.tls.verification import verify
from lab.pki import lab_name
from tests.chains import DAY, HOST, ROLE, Case, Made, address, cases, make, read
from tests.live.primaries import Primaries, Primary, fresh_primary

pytestmark = pytest.mark.live

NOW = datetime.now(UTC)
CLIENTS = {case.name: case for case in cases(Purpose.CLIENT, NOW)}
SERVERS = {case.name: case for case in cases(Purpose.SERVER, NOW)}
HBA = f"hostssl postgres {ROLE} 127.0.0.1/32 cert\nhostssl postgres l_cert 127.0.0.1/32 trust\n"


@dataclass(frozen=True, slots=True)
class Meeting:
    """A server whose TLS files change from case to case.

    Attributes:
        folder: of the client's files.
        usual: the server's settings when no case wants others.
    """

    primary: Primary
    folder: Path
    usual: dict[str, str]

    def serve(self, **files: str) -> None:
        """Have the server load its usual TLS files, and others where they are given."""
        server = self.primary.server
        names = [
            f"ALTER SYSTEM SET {name} = '{value}'" for name, value in (self.usual | files).items()
        ]
        for statement in names:
            server.sql(statement)
        offset = server.log_size()
        server.reload()
        assert "not reloaded" not in server.log_since(offset)

    def server_file(self, name: str, text: str) -> str:
        """Write a file for the server."""
        return str(self.primary.server.write(name, text))

    def client_file(self, name: str, text: str) -> str:
        """Write a file for the client."""
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o600)
        return str(path)

    def connects(self, **parameters: str) -> str:
        """Connect as a client does; return why it failed, or nothing."""
        given = {
            "host": "localhost",
            "hostaddr": "127.0.0.1",
            "port": str(self.primary.server.port),
            "dbname": "postgres",
            "sslrootcert": str(self.primary.authority.certificate_path),
            "sslmode": "verify-ca",
            "gssencmode": "disable",
            **parameters,
        }
        try:
            psycopg.connect("", connect_timeout=10, **given).close()  # type: ignore[arg-type]
        except psycopg.OperationalError as error:
            return str(error)
        return ""


@pytest.fixture(scope="module", params=[13, 18])
def meeting(
    request: pytest.FixtureRequest, primaries: Primaries, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Meeting]:
    with fresh_primary(primaries, request.param, hba=HBA) as primary:
        names = ("ssl_cert_file", "ssl_key_file", "ssl_ca_file", "ssl_crl_file")
        usual = {name: primary.server.sql(f"SHOW {name}")[0][0] for name in names}
        yield Meeting(primary, tmp_path_factory.mktemp("client"), usual)


def _pem(*certificates: x509.Certificate | x509.CertificateRevocationList) -> str:
    return "".join(one.public_bytes(Encoding.PEM).decode() for one in certificates)


def _key(made: Made) -> str:
    return made.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _sent(case: Case) -> str:
    return _pem(*(one.certificate for one in case.sent))


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_is_accepted_as_forecast(meeting: Meeting, name: str) -> None:
    case = CLIENTS[name]
    meeting.serve(
        ssl_ca_file=meeting.server_file("case_ca.crt", _pem(*case.authorities)),
        ssl_crl_file=meeting.server_file("case.crl", _pem(*case.lists)) if case.lists else "",
    )
    forecast = verify(case.chain, case.trust, Purpose.CLIENT, at=datetime.now(UTC))
    refusal = meeting.connects(
        user=ROLE,
        sslcert=meeting.client_file("case.crt", _sent(case)),
        sslkey=meeting.client_file("case.key", _key(case.sent[0])),
    )
    assert (refusal == "") is (forecast.cause is ForecastCause.NONE), (refusal, forecast)
    assert forecast.cause is case.cause


@pytest.mark.parametrize("name", SERVERS)
async def test_a_server_is_accepted_as_it_was_forecast(meeting: Meeting, name: str) -> None:
    case = SERVERS[name]
    _serve_case(meeting, case)
    forecast = verify(
        await _seen(meeting), case.trust, Purpose.SERVER, at=datetime.now(UTC), host=HOST
    )
    lists = {"sslcrl": meeting.client_file("case.crl", _pem(*case.lists))} if case.lists else {}
    refusal = meeting.connects(
        user="l_cert",
        host=HOST,
        sslmode="verify-full",
        sslrootcert=meeting.client_file("root.crt", _pem(*case.authorities)),
        **lists,
    )
    assert (refusal == "") is (forecast.cause is ForecastCause.NONE), (refusal, forecast)
    assert forecast.cause is case.cause


def _serve_case(meeting: Meeting, case: Case) -> None:
    meeting.serve(
        ssl_cert_file=meeting.server_file("case.crt", _sent(case)),
        ssl_key_file=meeting.server_file("case.key", _key(case.sent[0])),
        # OpenSSL would send the authorities in it as well
        ssl_ca_file="",
    )


async def _seen(meeting: Meeting) -> tuple[Certificate, ...]:
    target = Target("meeting", {"host": "127.0.0.1", "port": str(meeting.primary.server.port)})
    look = await served_chain(target, ServedCertificateCheck(), now=lambda: datetime.now(UTC))
    assert isinstance(look, ServedChain)
    return look.certificates


def test_an_empty_folder_of_lists_refuses_everybody(meeting: Meeting) -> None:
    server = meeting.primary.server
    if server.major < 14:
        with pytest.raises(psycopg.errors.UndefinedObject):
            server.sql("SHOW ssl_crl_dir")
        return
    case = CLIENTS["leaf of the root"]
    folder = server.data_directory / "no_lists"
    folder.mkdir()
    meeting.serve(
        ssl_ca_file=meeting.server_file("case_ca.crt", _pem(*case.authorities)),
        ssl_crl_dir=str(folder),
    )
    refusal = meeting.connects(
        user=ROLE,
        sslcert=meeting.client_file("case.crt", _sent(case)),
        sslkey=meeting.client_file("case.key", _key(case.sent[0])),
    )
    server.set("ssl_crl_dir", None)
    trust = Trust(case.trust.authorities, demands_lists=True)
    forecast = verify(case.chain, trust, Purpose.CLIENT, at=datetime.now(UTC))
    assert refusal
    assert forecast.cause is ForecastCause.CRL


NAMES = [
    ("cn", ("db1.lab.example",), (), "db1.lab.example"),
    ("case", ("DB1.lab.example",), (), "db1.LAB.example"),
    ("other", ("db1.lab.example",), (), "db2.lab.example"),
    ("star", (), (x509.DNSName("*.lab.example"),), "db1.lab.example"),
    ("star_two_labels", (), (x509.DNSName("*.lab.example"),), "a.db1.lab.example"),
    ("star_no_label", (), (x509.DNSName("*.lab.example"),), "lab.example"),
    ("star_in_label", (), (x509.DNSName("db*.lab.example"),), "db1.lab.example"),
    ("star_alone", ("*",), (), "localhost"),
    ("star_over_top", ("*.example",), (), "lab.example"),
    ("dns_silences_cn", ("db1",), (x509.DNSName("db2"),), "db1"),
    ("address_does_not", ("db1",), (address("127.0.0.1"),), "db1"),
    ("address", ("x",), (address("127.0.0.1"),), "127.0.0.1"),
    ("address_otherwise", ("x",), (address("127.0.0.1"),), "127.1"),
    ("address_other", ("127.0.0.1",), (address("127.0.0.2"),), "127.0.0.1"),
    ("address_in_cn", ("127.0.0.1",), (x509.DNSName("db1"),), "127.0.0.1"),
    ("address_as_dns", ("x",), (x509.DNSName("127.0.0.1"),), "127.0.0.1"),
    ("address_six", ("x",), (address("2001:db8::1"),), "2001:DB8:0::1"),
    ("first_cn", ("db1", "db2"), (), "db1"),
    ("second_cn", ("db1", "db2"), (), "db2"),
    ("mail", ("db1",), (x509.RFC822Name("x@db1"),), "db1"),
    ("trailing_dot", ("db1.lab.example",), (), "db1.lab.example."),
]


@pytest.mark.parametrize(
    ("common_names", "names", "host"), [each[1:] for each in NAMES], ids=[each[0] for each in NAMES]
)
async def test_a_name_is_accepted_as_it_was_forecast(
    meeting: Meeting,
    common_names: tuple[str, ...],
    names: tuple[x509.GeneralName, ...],
    host: str,
) -> None:
    root = make(lab_name("Root"), authority=True, begins=NOW - DAY, ends=NOW + DAY)
    subject = x509.Name(
        [x509.NameAttribute(x509.NameOID.COMMON_NAME, each) for each in common_names]
    )
    leaf = make(subject, root, begins=NOW - DAY, ends=NOW + DAY, alternative_names=names)
    case = Case("name", (leaf,), (root.certificate,))
    _serve_case(meeting, case)
    forecast = verify(
        (read(leaf.certificate),), case.trust, Purpose.SERVER, at=datetime.now(UTC), host=host
    )
    refusal = meeting.connects(
        user="l_cert",
        host=host,
        sslmode="verify-full",
        sslrootcert=meeting.client_file("root.crt", _pem(root.certificate)),
    )
    assert (refusal == "") is (forecast.result == "ok"), (refusal, forecast)
