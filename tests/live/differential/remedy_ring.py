"""One server on which random cases are tried, one after the other."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random

from exporter.model.inventory import InventorySource
from exporter.model.judgement import HbaState, Posture, Reason
from exporter.model.remedy import Place, Step
from exporter.model.server_steps import CompletePattern, NarrowMap
from exporter.observe.certificates.files.inventory import InventoryReader
from lab.replication import ReplicationClient, ReplicationRefusedError
from lab.source_address import SourceAddresses
from lab.wait import until
from tests.live.differential.remedy_cases import PASSWORD, Case, Client
from tests.live.differential.remedy_follower import Follower, StopError, WrongRemedyError
from tests.live.scenarios.following import Other
from tests.live.scenarios.stage import Stage, connections_of, now

NOTHING_TO_DO = "no client is insecure"
SECURED = "secured"

_DIRECT = "127.0.0.1"
_POLLS = 3


@dataclass(frozen=True, slots=True)
class Connected:
    """A client of a case that is accepted, and connected."""

    client: Client
    other: Other

    @property
    def pid(self) -> int:
        """Process id of its walsender."""
        assert self.other.client is not None
        return self.other.client.backend_pid


@dataclass(frozen=True, slots=True)
class Ring:
    """A server, ways to it from several addresses, and what was tried there."""

    on: Stage
    sources: SourceAddresses
    tally: Counter[str] = field(default_factory=Counter)

    def try_case(self, case: Case, random: Random) -> None:
        """Follow the remedy of one insecure client, and count how it ended.

        Raises:
            WrongRemedyError: the remedy is wrong.
        """
        self._load(case)
        with self._connected(case) as connected:
            if case.is_known:
                self._know(connected)
            insecure = self._insecure(connected)
            if not insecure:
                self.tally[NOTHING_TO_DO] += 1
                return
            chosen = random.choice(insecure)
            chosen.other.close()
            others = [each.other for each in connected if each is not chosen]
            own = chosen.other
            follower = Follower(self.on, own.parameters, own.kind, others)
            try:
                ended = self._follow(follower, case, chosen.client)
            except BaseException as error:
                error.add_note(self._description(case, chosen.client, follower, connected))
                raise
            finally:
                follower.close()
        self.tally[ended] += 1
        self.tally["other clients"] += len(others)
        self.tally["other clients named"] += len(others) - len(follower.others)

    def _follow(self, follower: Follower, case: Case, client: Client) -> str:
        if not follower.remedy:
            raise WrongRemedyError(f"there is no remedy for {follower.judged}")
        probes = [(probe, self._parameters(probe)) for probe in case.probes]
        before = [self._accepts(*probe) for probe in probes]
        try:
            for _ in follower.follow():
                pass
        except StopError as stop:
            return f"not complete: {stop}"
        after = follower.connection()
        if after.posture is not Posture.CERTIFICATE_REQUIRED:
            raise WrongRemedyError(f"it ended in {after.posture} {after.reasons}")
        follower.is_refused_without_certificate(PASSWORD)
        if any(step.place is not Place.EXPORTER for step in after.remedy):
            raise WrongRemedyError(f"it left {after.reasons} {after.remedy}")
        for probe, was in zip(probes, before, strict=True):
            _compare(client, probe[0], follower.done, was=was, is_now=self._accepts(*probe))
        return SECURED

    def _load(self, case: Case) -> None:
        """Have the files of a case in force."""
        server = self.on.primary.server
        for name, text in case.files.items():
            server.write(name, text)
        server.write_ident(case.maps)
        offset = server.log_size()
        self.on.load_hba(case.rules)
        log = server.log_since(offset)
        assert "was not reloaded" not in log, log
        self.on.restart_exporter()
        for _ in range(_POLLS):
            if self.on.hba_state() is HbaState.LOADED:
                return
            server.reload()
        raise AssertionError("the rules are not known to be loaded")

    @contextmanager
    def _connected(self, case: Case) -> Iterator[Sequence[Connected]]:
        """Connect the clients that are accepted."""
        connected: list[Connected] = []
        for client in case.clients:
            other = Other(client.name, self._parameters(client), client.kind)
            try:
                other.connect()
            except ReplicationRefusedError:
                continue
            connected.append(Connected(client, other))
        try:
            yield connected
        finally:
            for each in connected:
                each.other.close()
            server = self.on.primary.server
            until(
                lambda: not server.sql("SELECT 1 FROM pg_stat_replication"),
                within=10,
                what="all walsenders to end",
            )

    def _parameters(self, client: Client) -> dict[str, str]:
        server, authority = self.on.primary.server, self.on.primary.authority
        is_direct = client.source == _DIRECT
        parameters = {
            "host": _DIRECT,
            "port": str(server.port if is_direct else self.sources.port(client.source)),
            "user": client.role,
            "password": PASSWORD,
            "sslmode": "require" if client.tls else "disable",
            "application_name": client.name,
        }
        if client.database is not None:
            parameters["dbname"] = client.database
        if client.common_name is not None:
            issued = authority.issue(common_name=client.common_name)
            parameters |= {
                "sslcert": str(issued.certificate_path),
                "sslkey": str(issued.key_path),
                "sslmode": "verify-full",
                "sslrootcert": str(authority.certificate_path),
            }
        return parameters

    def _accepts(self, client: Client, parameters: Mapping[str, str]) -> bool:
        try:
            ReplicationClient(parameters, client.kind, stream=False).close()
        except ReplicationRefusedError:
            return False
        return True

    def _know(self, connected: Sequence[Connected]) -> None:
        """Have the certificates of the clients in the exporter's inventory."""
        parameters = [each.other.parameters for each in connected]
        paths = tuple(each["sslcert"] for each in parameters if "sslcert" in each)
        if paths:
            reader = InventoryReader([InventorySource("clients", paths)])
            self.on.board.certificates.inventory = reader.read(now())

    def _insecure(self, connected: Sequence[Connected]) -> Sequence[Connected]:
        by_pid = {each.wal_sender.pid: each for each in connections_of(self.on.poll())}
        return [
            each
            for each in connected
            if by_pid[each.pid].posture is not Posture.CERTIFICATE_REQUIRED
            or Reason.OTHER_RULE_ADMITS_WITHOUT_CERTIFICATE in by_pid[each.pid].reasons
        ]

    def _description(
        self, case: Case, client: Client, follower: Follower, connected: Sequence[Connected]
    ) -> str:
        directory = self.on.primary.server.data_directory
        files = ("pg_hba.conf", "pg_ident.conf", *case.files)
        return "\n".join(
            (
                *(str(case), "--- connected", *(str(each.client) for each in connected)),
                *("--- followed for", str(client), follower.judged, str(follower)),
                *(f"--- {name} now\n{(directory / name).read_text('utf-8')}" for name in files),
            )
        )


def _compare(client: Client, probe: Client, done: list[Step], *, was: bool, is_now: bool) -> None:
    """Fail if the remedy of ``client`` opened the server for a probe, or closed it for another."""
    is_alike = (probe.role, probe.database) == (client.role, client.database)
    if is_now and not was and not (is_alike and probe.common_name is not None):
        raise WrongRemedyError(f"{probe} was refused, and is accepted")
    is_named = any(isinstance(step.kind, NarrowMap | CompletePattern) for step in done)
    if was and not is_now and not is_alike and not is_named:
        raise WrongRemedyError(f"{probe} was accepted, and is refused")
