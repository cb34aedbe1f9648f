"""A primary with an authority of its own, whose files a test replaces, and an inventory."""

import contextlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from exporter.model.inventory import InventorySource
from exporter.model.report import Connection, TargetReport
from exporter.observe.certificates.files.inventory import InventoryReader
from lab.account import server_account
from lab.pki import Authority, Issued, server_pki
from lab.replication import ReplicationClient, ReplicationRefusedError
from tests.live.primaries import Primaries, Primary, fresh_primary
from tests.live.scenarios.stage import EXPORTER_RULE, Stage, connection_of, now, staged

OLDEST_AND_NEWEST = (13, 18)

ROLE = "standby"
PASSWORD = "of-the-standby"
ROLES = f"""
CREATE ROLE {ROLE} LOGIN REPLICATION PASSWORD '{PASSWORD}';
CREATE ROLE blind LOGIN;
"""


@dataclass
class House:
    """The primary, the files that it is configured with, and what the exporter knows.

    Attributes:
        authority: signs whatever the test does not make otherwise.
        authority_file, list_file: ``ssl_ca_file`` and ``ssl_crl_file``.
        inventory_folder: of the clients' certificates.
    """

    stage: Stage
    authority: Authority
    directory: Path
    bound: bool = True
    _reader: InventoryReader | None = field(default=None, repr=False)

    @property
    def authority_file(self) -> Path:
        return self.directory / "authorities.crt"

    @property
    def list_file(self) -> Path:
        return self.directory / "lists.crl"

    @property
    def certificate_file(self) -> Path:
        return self.directory / "server.crt"

    @property
    def key_file(self) -> Path:
        return self.directory / "server.key"

    @property
    def inventory_folder(self) -> Path:
        return self.directory / "inventory"

    def put(self, path: Path, content: bytes) -> None:
        """Replace a file of the server's."""
        fresh = path.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_bytes(content)
        server_account().own(fresh)
        fresh.rename(path)

    def trust(self, authorities: Sequence[x509.Certificate], lists: Sequence[Path] = ()) -> None:
        """Configure authorities and revocation lists, and load them."""
        server = self.stage.primary.server
        self.put(self.authority_file, pem(*authorities))
        self.put(self.list_file, b"".join(path.read_bytes() for path in lists))
        server.set("ssl_ca_file", str(self.authority_file))
        server.set("ssl_crl_file", str(self.list_file) if lists else "")
        server.reload()

    def own(self, *issued: Issued | Path) -> None:
        """Make ``issued`` all that the inventory holds."""
        shutil.rmtree(self.inventory_folder, ignore_errors=True)
        self.inventory_folder.mkdir()
        for number, each in enumerate(issued):
            path = each if isinstance(each, Path) else each.certificate_path
            shutil.copy(path, self.inventory_folder / f"{number}.crt")

    def report(self) -> TargetReport:
        """Read the inventory, and poll."""
        if self._reader is None:
            roles = frozenset({ROLE}) if self.bound else frozenset[str]()
            source = InventorySource("clients", (str(self.inventory_folder),), roles)
            self._reader = InventoryReader((source,))
        self.stage.board.certificates.inventory = self._reader.read(now())
        return self.stage.poll()

    def connection(self, client: ReplicationClient) -> Connection:
        """Poll, and return what is reported about one client."""
        return connection_of(self.report(), client)

    def parameters(self, issued: Issued | None, **more: str) -> dict[str, str]:
        """Return how a client connects that has ``issued``."""
        return {
            "host": "127.0.0.1",
            "port": str(self.stage.primary.server.port),
            "user": ROLE,
            "password": PASSWORD,
            "sslmode": "require",
            **(
                {}
                if issued is None
                else {"sslcert": str(issued.certificate_path), "sslkey": str(issued.key_path)}
            ),
            **more,
        }

    def is_let_in(self, issued: Issued) -> bool:
        """Connect as a client that has ``issued``, and return whether it may stream."""
        try:
            ReplicationClient(self.parameters(issued)).close()
        except ReplicationRefusedError:
            return False
        return True


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(each.public_bytes(Encoding.PEM) for each in certificates)


@contextlib.contextmanager
def house(
    primaries: Primaries, major: int, rules: str, *, settings: Mapping[str, str] | None = None
) -> Iterator[House]:
    """Start a primary whose TLS files are the house's own."""
    with fresh_primary(
        primaries, major, hba=EXPORTER_RULE + rules, roles=ROLES, settings=settings
    ) as primary:
        server = primary.server
        directory = server.directory / "house"
        directory.mkdir()
        server_account().own(directory)
        authority = Authority.create(directory / "pki")
        pki = server_pki(authority)
        made = House(staged(Primary(server, authority)), authority, directory)
        made.put(made.certificate_file, pki.certificate.read_bytes())
        made.put(made.key_file, pki.key.read_bytes())
        server.set("ssl_cert_file", str(made.certificate_file))
        server.set("ssl_key_file", str(made.key_file))
        made.trust([authority.certificate])
        yield made
