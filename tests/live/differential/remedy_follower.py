"""Following remedies of random cases, and what came of each."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509

from exporter.model.inventory import InventorySource
from exporter.model.judgement import HbaState, Posture, Reason
from exporter.model.report import Place, Step
from exporter.observe.certificates.inventory import InventoryReader
from lab.replication import ReplicationClient, ReplicationRefusedError
from lab.source_address import SourceAddresses
from lab.wait import until
from tests.live.differential.remedy_cases import PASSWORD, Case, Client
from tests.live.scenarios.following import Operator, Other
from tests.live.scenarios.stage import Stage, connections_of, now

_POLLS = 3
_CLOSED = {Posture.CERTIFICATE_REQUIRED, Posture.UNIX_SOCKET}
_KNOWN_FILE = re.compile(r"the inventory has it in (\S+)\)")
_UNLESS_NAMED = "A client that uses this line and is not connected now is refused"


SEEN: Counter[str] = Counter()


class WrongRemedyError(AssertionError):
    """A remedy did harm, or did not work."""


class StopError(Exception):
    """A step that a program cannot do, or that says itself to stop."""


class Follower(Operator):
    """An operator who also knows when a step leaves something to be decided."""

    def do(self, step: Step) -> None:
        """Do one step.

        Raises:
            StopError: the step is not complete, or its own check failed.
        """
        if step.edit is None and any(line.startswith("+ ") for line in step.lines):
            raise StopError("an edit that is not exact")
        if step.action.startswith("Issue a client certificate") and not step.lines:
            raise StopError("a certificate whose name is not exact")
        if "SECURITY DEFINER" in step.action or step.action.startswith("Give the exporter"):
            raise StopError("INSTALL")
        known = _KNOWN_FILE.search(step.action)
        if step.action.startswith("Use the certificate") and known is not None:
            self.files = {
                "client.crt": known[1],
                "client.key": known[1].removesuffix("crt") + "key",
                "root.crt": str(self.authority.certificate_path),
            }
        super().do(step)

    def _check_name(self, step: Step) -> None:
        data = Path(self.parameters["sslcert"]).read_bytes()
        subject = x509.load_pem_x509_certificate(data).subject
        common = [str(a.value) for a in subject if a.oid == x509.NameOID.COMMON_NAME][0]
        is_whole = step.action.startswith("Check that the distinguished name")
        name = subject.rfc4514_string() if is_whole else common
        expected = step.action.partition(" is ")[2].partition(". If it is not")[0]
        if expected.startswith("a name that the rule accepts"):
            raise StopError("a name to check that is not exact")
        if expected.startswith("a name that matches "):
            patterns = expected.removeprefix("a name that matches ").split(" or ")
            if not any(re.search(pattern.removeprefix("/"), name) for pattern in patterns):
                raise StopError("the name is checked, and is another")
            return
        if name not in expected.split(" or "):
            raise StopError("the name is checked, and is another")

    def _try(self, step: Step) -> None:
        try:
            super()._try(step)
        except ReplicationRefusedError as refused:
            raise WrongRemedyError(f"the trial is refused: {refused}") from refused


class Ring:
    """One server, and ways to it from several addresses."""

    def __init__(self, on: Stage, sources: SourceAddresses) -> None:
        self.on = on
        self.sources = sources

    def parameters(self, client: Client) -> dict[str, str]:
        """Return the connection parameters of a client."""
        server, authority = self.on.primary.server, self.on.primary.authority
        own = client.source == "127.0.0.1"
        found = {
            "host": "127.0.0.1",
            "port": str(server.port if own else self.sources.port(client.source)),
            "user": client.role,
            "password": PASSWORD,
            "sslmode": "require" if client.tls else "disable",
            "application_name": client.name,
        }
        if client.database is not None:
            found["dbname"] = client.database
        if client.common_name is not None:
            issued = authority.issue(common_name=client.common_name)
            found |= {
                "sslcert": str(issued.certificate_path),
                "sslkey": str(issued.key_path),
                "sslmode": "verify-full",
                "sslrootcert": str(authority.certificate_path),
            }
        return found

    def accepts(self, client: Client, parameters: Mapping[str, str]) -> bool:
        """Return whether the server accepts a client now."""
        try:
            ReplicationClient(parameters, client.kind, stream=False).close()
        except ReplicationRefusedError:
            return False
        return True

    def load(self, case: Case) -> None:
        """Have the rules and maps of a case in force."""
        server = self.on.primary.server
        for name, text in case.files.items():
            server.write(name, text)
        server.write_ident(case.maps)
        offset = server.log_size()
        self.on.load_hba(case.rules)
        log = server.log_since(offset)
        if "was not reloaded" in log:
            raise AssertionError(log)
        self.on.restart_exporter()
        for _ in range(_POLLS):
            if self.on.hba_state() is HbaState.LOADED:
                return
            server.reload()
        raise AssertionError("the rules are not known to be loaded")

    @contextmanager
    def connected(self, case: Case) -> Iterator[list[tuple[Client, Other]]]:
        """Connect the clients that are accepted."""
        found: list[tuple[Client, Other]] = []
        for client in case.clients:
            other = Other(client.name, self.parameters(client), client.kind)
            try:
                other.connect()
            except ReplicationRefusedError:
                continue
            found.append((client, other))
        try:
            yield found
        finally:
            for _, other in found:
                other.close()
            server = self.on.primary.server
            until(
                lambda: not server.sql("SELECT 1 FROM pg_stat_replication"),
                within=10,
                what="all walsenders to end",
            )

    def know(self, others: list[tuple[Client, Other]]) -> None:
        """Have the certificates of the clients in the exporter's inventory."""
        paths = tuple(o.parameters["sslcert"] for _, o in others if "sslcert" in o.parameters)
        if paths:
            reader = InventoryReader([InventorySource("clients", paths)])
            self.on.board.certificates.inventory = reader.read(now())


def try_case(ring: Ring, case: Case, choose) -> str:  # noqa: ANN001
    """Follow the remedy of one insecure client; return how it ended.

    Raises:
        WrongRemedyError: the remedy is wrong.
    """
    ring.load(case)
    with ring.connected(case) as found:
        if case.is_known:
            ring.know(found)
        insecure = _insecure(ring, found)
        if not insecure:
            return "nobody is insecure"
        client, own = choose(insecure)
        own.close()
        probes = [(p, ring.parameters(p)) for p in case.probes]
        before = [ring.accepts(*probe) for probe in probes]
        others = [other for each, other in found if each is not client]
        operator = Follower(ring.on, own.parameters, own.kind, others)
        try:
            ended = _follow(operator, client)
            after = [ring.accepts(*probe) for probe in probes]
            for (probe, _), was, is_now in zip(probes, before, after, strict=True):
                _compare(client, probe, operator.done, was=was, is_now=is_now)
        except WrongRemedyError as wrong:
            wrong.add_note(_told(case, client, operator, found))
            raise
        except Exception as error:
            wrong = WrongRemedyError(f"{type(error).__name__}: {error}")
            wrong.add_note(_told(case, client, operator, found))
            raise wrong from error
        finally:
            operator.close()
    return ended


def _insecure(ring: Ring, found: list[tuple[Client, Other]]) -> list[tuple[Client, Other]]:
    by_pid = {c.wal_sender.pid: c for c in connections_of(ring.on.poll())}
    return [
        (client, other)
        for client, other in found
        if by_pid[_pid(other)].posture not in _CLOSED
        or Reason.OTHER_RULE_ADMITS_WITHOUT_CERTIFICATE in by_pid[_pid(other)].reasons
    ]


def _pid(other: Other) -> int:
    assert other.client is not None
    return other.client.backend_pid


def _follow(operator: Follower, client: Client) -> str:
    before = operator.told()
    operator.beside = len(operator.others)
    operator.connection = before
    SEEN[f"posture {before.posture}"] += 1
    SEEN["others"] += len(operator.others)
    if not before.remedy:
        raise WrongRemedyError(f"no remedy for {before.posture} {before.reasons}")
    try:
        for _ in operator.follow():
            pass
    except StopError as stop:
        return f"not complete: {stop}"
    after = operator.told()
    if len(operator.others) < operator.beside:
        SEEN["named"] += 1
    for step in operator.done:
        SEEN[" ".join(step.action.split()[:3])] += 1
    if after.posture is not Posture.CERTIFICATE_REQUIRED:
        raise WrongRemedyError(f"it ended in {after.posture} {after.reasons}")
    operator.is_refused_without_certificate(PASSWORD)
    if any(step.place is not Place.EXPORTER for step in after.remedy):
        raise WrongRemedyError(f"it left {after.reasons} {after.remedy}")
    return "secured"


def _compare(client: Client, probe: Client, done: list[Step], *, was: bool, is_now: bool) -> None:
    is_alike = (probe.role, probe.database) == (client.role, client.database)
    if is_now and not was and not (is_alike and probe.common_name is not None):
        raise WrongRemedyError(f"{probe} was refused, and is accepted")
    if was and not is_now and not is_alike:
        if any(_UNLESS_NAMED in step.action for step in done):
            return
        raise WrongRemedyError(f"{probe} was accepted, and is refused")


def _told(case: Case, client: Client, operator: Follower, found) -> str:  # noqa: ANN001
    connection = getattr(operator, "connection", None)
    steps = () if connection is None else connection.remedy
    text = "\n".join(
        f"{'done' if step in operator.done else 'TODO'} {step.action}\n"
        + "\n".join(f"       {line}" for line in step.lines)
        for step in steps
    )
    state = (
        ""
        if connection is None
        else f"{connection.posture} {connection.reasons} {connection.rule_match}"
    )
    server = operator.server
    return (
        f"{case}\nconnected: {[c.name for c, _ in found]}, chosen: {client}\n{state}\n{text}\n"
        f"--- now\n{server.hba_path.read_text('utf-8')}---\n"
        f"{(server.data_directory / 'pg_ident.conf').read_text('utf-8')}"
        f"{''.join((server.data_directory / n).read_text('utf-8') for n in case.files)}"
        f"{server.log_text()[-500:]}"
    )
