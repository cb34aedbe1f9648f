"""Following a remedy literally: each step's own words, lines and edits are done to real servers.

After every step all clients of the server reconnect: one that was accepted before may be refused
only if a step that was done names it.
"""

import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from psycopg.conninfo import conninfo_to_dict

from exporter.model.client_steps import (
    CheckName,
    ConfigureStandby,
    ConfigureSubscription,
    IssueCertificate,
    Reconnect,
    ReplaceCertificate,
    SeeCertificate,
    TryConnection,
    UseCertificate,
)
from exporter.model.judgement import Posture
from exporter.model.remedy import FileEdit, Place, Step
from exporter.model.report import Connection
from exporter.model.server_steps import LoadMaps, LoadRules, RequestCertificates
from exporter.model.wal_sender import ReplicationKind
from lab.pki import Authority
from lab.replication import PHYSICAL, ReplicationClient, ReplicationRefusedError
from lab.wait import until
from tests.live.scenarios.stage import Stage
from tests.steps import action, exact_edit, lines

_PRESENTED = (
    Posture.CERTIFICATE_REQUIRED,
    Posture.CERTIFICATE_CHAIN_REQUIRED,
    Posture.CERTIFICATE_OPTIONAL,
    Posture.CERTIFICATE_UNCONFIRMED,
)
_ERRORS = re.compile(r"SELECT .* FROM .* WHERE (?:type IS NULL|error IS NOT NULL);")
_NAME = re.compile(r"^subject: (.+)$")
_KEPT = ("host", "port", "password", "application_name")
"""What a client has already, and a remedy does not repeat."""


@dataclass
class Other:
    """Another client of the server, connected the whole time, that is not to be changed."""

    name: str
    parameters: dict[str, str]
    kind: ReplicationKind = PHYSICAL
    client: ReplicationClient | None = field(default=None, repr=False)

    def connect(self) -> None:
        """Reconnect.

        Raises:
            ReplicationRefusedError: it is refused.
        """
        self.close()
        self.client = ReplicationClient(
            {**self.parameters, "application_name": self.name}, self.kind
        )

    def close(self) -> None:
        if self.client is not None:
            self.client.close()
            self.client = None


class Operator:
    """Somebody who does what the steps say, no more, with one client that has to stay."""

    def __init__(
        self,
        on: Stage,
        parameters: Mapping[str, str],
        kind: ReplicationKind = PHYSICAL,
        others: Iterable[Other] = (),
    ) -> None:
        self.on = on
        self.server = on.primary.server
        self.authority: Authority = on.primary.authority
        self.parameters = dict(parameters)
        self.kind = kind
        self.others = list(others)
        self.files: dict[str, str] = {}
        self.done: list[Step] = []
        self.client = ReplicationClient(self.parameters, kind)
        for other in self.others:
            other.connect()

    def close(self) -> None:
        self.client.close()
        for other in self.others:
            other.close()

    def connection(self) -> Connection:
        """Poll, and return what is known of the client's connection."""
        return self.on.connection(self.client)

    def follow(self) -> Iterator[Step]:
        """Do each step of the remedy in order; after each, everybody must be able to reconnect."""
        for step in self.connection().remedy:
            self.do(step)
            self.done.append(step)
            self.everybody_reconnects()
            yield step

    def everybody_reconnects(self) -> None:
        """Force every client to reconnect; fail if one is refused that no step named."""
        ReplicationClient(self.parameters, self.kind).close()
        for other in list(self.others):
            try:
                other.connect()
            except ReplicationRefusedError as refused:
                if not any(other.name in action(step) for step in self.done):
                    raise AssertionError(
                        f"{other.name} is locked out by {self.done[-1]}"
                    ) from refused
                self.others.remove(other)

    def is_refused_without_certificate(self, password: str) -> None:
        """Fail if the same role, address and database is accepted without a certificate."""
        bare = {k: v for k, v in self.parameters.items() if k not in {"sslcert", "sslkey"}}
        for sslmode in ("require", "disable"):
            bare |= {"sslmode": sslmode, "password": password}
            bare.pop("sslrootcert", None)
            try:
                ReplicationClient(bare, self.kind).close()
            except ReplicationRefusedError:
                continue
            raise AssertionError(f"accepted with sslmode={sslmode} and no certificate")

    def do(self, step: Step) -> None:
        """Do one step; a step that is not understood fails."""
        edit = exact_edit(step)
        if edit is not None:
            self._edit(edit)
            return
        actions: dict[type, Callable[[Step], None]] = {
            RequestCertificates: self._server_settings,
            IssueCertificate: self._certificate,
            ReplaceCertificate: self._certificate,
            UseCertificate: lambda _: None,
            TryConnection: self._try,
            ConfigureStandby: self._set_parameters,
            ConfigureSubscription: self._set_parameters,
            Reconnect: self._reconnect,
            SeeCertificate: self._see,
            CheckName: self._check_name,
            LoadRules: self._load,
            LoadMaps: self._load,
        }
        assert type(step.kind) in actions, f"not understood: {step}"
        actions[type(step.kind)](step)

    def _edit(self, edit: FileEdit) -> None:
        path = Path(edit.file_name)
        written = path.read_text("utf-8").splitlines()
        assert edit.line_number is not None
        at = end = edit.line_number - 1
        if edit.old is not None:
            while written[end].endswith("\\"):
                end += 1
            end += 1
        written[at:end] = edit.new
        self.server.write(path.name, "".join(f"{line}\n" for line in written))

    def _server_settings(self, step: Step) -> None:
        *settings, reload = lines(step)
        for line in settings:
            name, _, value = line.partition(" = ")
            value = value.strip("'")
            if value == "root.crt":
                value = str(self.authority.certificate_path)
            self.server.set(name, value)
        self._reload(reload)

    def _certificate(self, step: Step) -> None:
        [line] = lines(step)
        found = _NAME.match(line)
        assert found is not None, step
        name = x509.Name.from_rfc4514_string(found[1])
        issued = self.authority.issue(subject=name)
        self.files = {
            "client.crt": str(issued.certificate_path),
            "client.key": str(issued.key_path),
            "root.crt": str(self.authority.certificate_path),
        }
        if isinstance(step.kind, ReplaceCertificate):
            for of, file in (("sslcert", "client.crt"), ("sslkey", "client.key")):
                Path(self.parameters[of]).write_bytes(Path(self.files[file]).read_bytes())

    def _parameters(self, conninfo: str) -> dict[str, str]:
        written = {k: str(v) for k, v in conninfo_to_dict(conninfo).items()}
        if not self.files:
            # it has a certificate already
            self.files = {
                "client.crt": self.parameters["sslcert"],
                "client.key": self.parameters["sslkey"],
                "root.crt": str(self.authority.certificate_path),
            }
        kept = {k: v for k, v in self.parameters.items() if k in _KEPT}
        return {**kept, **{k: self.files.get(v, v) for k, v in written.items() if k not in kept}}

    def _try(self, step: Step) -> None:
        [line] = lines(step)
        program, conninfo, *rest = shlex.split(line)
        assert (program, rest) == ("psql", ["-c", "IDENTIFY_SYSTEM"])
        parameters = self._parameters(conninfo)
        physical = parameters.pop("replication") == "true"
        assert physical == (self.kind is PHYSICAL)
        ReplicationClient(parameters, self.kind, stream=False).close()

    def _set_parameters(self, step: Step) -> None:
        conninfo, *reload = lines(step)
        assert reload == ["SELECT pg_reload_conf();"] * (self.kind is PHYSICAL)
        self.parameters = {**self.parameters, **self._parameters(conninfo)}
        # a reload with another primary_conninfo ends the receiver, and it reconnects at once
        self._again()

    def _reconnect(self, step: Step) -> None:
        (statement,) = lines(step)
        ended = self.client.backend_pid
        self.server.sql(statement)
        until(
            lambda: not self.server.sql("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [ended]),
            within=10,
            what=f"process {ended} to be ended by: {statement}",
        )
        self._again()

    def _again(self) -> None:
        self.client.close()
        self.client = ReplicationClient(self.parameters, self.kind)

    def _see(self, _step: Step) -> None:
        assert self.connection().posture in _PRESENTED

    def _check_name(self, step: Step) -> None:
        certificate = x509.load_pem_x509_certificate(Path(self.parameters["sslcert"]).read_bytes())
        whole = certificate.subject.rfc4514_string()
        common = [a.value for a in certificate.subject if a.oid == x509.NameOID.COMMON_NAME]
        assert isinstance(step.kind, CheckName)
        expected = step.kind.name.names
        assert whole in expected or common[0] in expected, step
        assert f" is {' or '.join(expected)}. If it is not, stop" in action(step)

    def _load(self, step: Step) -> None:
        errors, reload = lines(step)
        assert _ERRORS.match(errors)
        assert self.server.sql(errors) == []
        self._reload(reload)

    def _reload(self, statement: str) -> None:
        before = self.server.load_time()
        assert self.server.sql(statement) == [(True,)]
        until(lambda: self.server.load_time() > before, within=10, what="the reload")


def lines_of(steps: Iterable[Step], place: Place | None = None) -> list[str]:
    """Return the lines of all steps, or of those at a place."""
    return [line for step in steps if place in {None, step.place} for line in lines(step)]
