"""Following a remedy as it is written: each step's own words and lines are done to real servers."""

import re
from collections.abc import Iterator

from psycopg.conninfo import conninfo_to_dict

from exporter.model.judgement import Posture
from exporter.model.report import Step
from exporter.model.wal_sender import ReplicationKind
from lab.pki import Authority
from lab.replication import ReplicationClient
from lab.wait import until
from tests.live.scenarios.stage import Stage

_SHOWN = (
    Posture.CERTIFICATE_REQUIRED,
    Posture.CERTIFICATE_CHAIN_REQUIRED,
    Posture.CERTIFICATE_OPTIONAL,
)
_AT_LINE = re.compile(r"(in place of|directly before|let in by) line (\d+) of (\S+)")


class Operator:
    """Somebody who does what the steps say, no more, with one client that wants to stay."""

    def __init__(self, on: Stage, parameters: dict[str, str], kind: ReplicationKind) -> None:
        self.on = on
        self.server = on.primary.server
        self.authority: Authority = on.primary.authority
        self.parameters = parameters
        self.kind = kind
        self.client = ReplicationClient(parameters, kind)

    def close(self) -> None:
        self.client.close()

    def can_reconnect(self) -> None:
        """Fail if a client as it is configured now would be locked out."""
        ReplicationClient(self.parameters, self.kind).close()

    def do(self, step: Step) -> None:
        """Do one step; a step that is not understood fails."""
        for words, action in (
            ("Let the server ask for certificates", self._server_settings),
            ("Put a client certificate and its key there", self._certificate),
            ("Put a certificate there whose common name", self._certificate),
            ("Let it verify the server", self._connection_string),
            ("Let the connection begin anew", self._reconnect),
            ("See that the certificate is shown", self._look),
            ("Demand the certificate", self._rule),
            ("Let it in over TLS", self._rule),
            ("Over TLS a certificate is demanded already", self._rule),
            ("Make sure that no line ", self._load),
            ("Give the role to", self._map),
        ):
            if step.action.startswith(words):
                action(step)
                return
        raise AssertionError(f"not understood: {step}")

    def _server_settings(self, step: Step) -> None:
        *settings, reload = step.lines
        for line in settings:
            name, _, value = line.partition(" = ")
            value = value.strip("'")
            if value == "root.crt":
                value = str(self.authority.certificate_path)
            self.server.set(name, value)
        self._reload(reload)

    def _certificate(self, step: Step) -> None:
        found = re.search(r"common name \(CN\) (?:is )?(\S+?)[,;]", step.action)
        assert found is not None, step
        issued = self.authority.issue(common_name=found[1])
        self.files = {
            "client.crt": str(issued.certificate_path),
            "client.key": str(issued.key_path),
            "root.crt": str(self.authority.certificate_path),
        }
        if "sslcert" in self.parameters:
            self.parameters |= {
                "sslcert": self.files["client.crt"],
                "sslkey": self.files["client.key"],
            }

    def _connection_string(self, step: Step) -> None:
        (line,) = step.lines
        written = {k: str(v) for k, v in conninfo_to_dict(line).items()}
        self.parameters |= {k: self.files.get(v, v) for k, v in written.items()}

    def _reconnect(self, step: Step) -> None:
        (statement,) = step.lines
        ended = self.client.backend_pid
        self.server.sql(statement)
        until(
            lambda: not self.server.sql("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [ended]),
            within=10,
            what=f"process {ended} to be ended by: {statement}",
        )
        self.client.close()
        self.client = ReplicationClient(self.parameters, self.kind)

    def _look(self, _step: Step) -> None:
        assert self.on.told(self.client).posture in _SHOWN

    def _rule(self, step: Step) -> None:
        lines = self.server.hba_path.read_text("utf-8").splitlines()
        at = _AT_LINE.search(step.action)
        if at is None:
            assert "before every other rule" in step.action, step
            lines[0:0] = step.lines
        else:
            assert at[3].rstrip(".") == str(self.server.hba_path)
            number = int(at[2]) - 1
            lines[number : number + (at[1] != "directly before")] = step.lines
        self.server.write("pg_hba.conf", "".join(f"{line}\n" for line in lines))

    def _map(self, step: Step) -> None:
        (line,) = step.lines
        path = self.server.data_directory / "pg_ident.conf"
        name = line.split()[0]
        kept = [
            written
            for written in path.read_text("utf-8").splitlines()
            if not written.startswith(f"{name} ")
        ]
        self.server.write_ident("".join(f"{written}\n" for written in [*kept, line]))

    def _load(self, step: Step) -> None:
        errors, reload = step.lines
        assert self.server.sql(errors) == []
        self._reload(reload)

    def _reload(self, statement: str) -> None:
        before = self.server.load_time()
        assert self.server.sql(statement) == [(True,)]
        until(lambda: self.server.load_time() > before, within=10, what="the reload")


def steps_until_secure(operator: Operator) -> Iterator[Step]:
    """Yield each step of the remedy in order, done."""
    for step in operator.on.told(operator.client).remedy:
        operator.do(step)
        yield step
