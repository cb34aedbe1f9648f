"""Random rules, maps and clients, of which one is to be secured by its remedy."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from exporter.model.wal_sender import ReplicationKind
from lab.replication import LOGICAL, PHYSICAL

PASSWORD = "for random remedies only"
GROUP = "staff"
ROLES = (
    *("repl", "repl2", "replication", "all", "+staff", "a b,c", 'quo"te', "Repl"),
    *("/^re", "o{d}d %s$`!'\\", "#1", "back\\"),
)
"""Roles that replicate."""
MEMBERS = ROLES[::2]
"""Members of GROUP."""
DATABASES = ("postgres", "app", "replication")
SOURCES = ("127.0.0.5", "127.1.2.3")
"""Addresses besides 127.0.0.1."""

_ADDRESSES = (
    *("127.0.0.1/32", "127.0.0.0/8", "127.0.0.0/8", "127.0.0.4/30", "all", "127.1.0.0/16"),
    *("127.0.0.0 255.0.0.0", "127.0.0.1 255.0.0.255", "0.0.0.0/0"),
)
_NAMED_ADDRESSES = ("localhost", "samehost", "samenet")
"""Addresses of which it cannot be determined here whether they match."""
_TYPES = ("host", "host", "host", "hostssl", "hostssl", "hostnossl", "hostnogssenc", "hostgssenc")
_METHODS = ("trust", "scram-sha-256", "scram-sha-256", "scram-sha-256", "reject")
_TLS_METHODS = (
    *_METHODS,
    "cert",
    "cert",
    "cert map=m",
    "cert map=m",
    "scram-sha-256 clientcert=verify-ca",
    "scram-sha-256 clientcert=verify-full",
    "trust clientcert=verify-ca",
    "trust clientcert=verify-full",
)
_CLIENTNAME_METHODS = (
    "cert clientname=CN",
    "cert clientname=DN",
    "cert clientname=CN map=m",
    "cert clientname=DN map=m",
    "cert map=m clientname=DN",
    "scram-sha-256 clientcert=verify-ca clientname=DN",
    "trust clientcert=verify-full clientname=CN",
)
_CLIENTNAME_SINCE = 14
_EXPRESSIONS_SINCE = 16
_INCLUDES_SINCE = 16
_UNTOLD_IN_MAPS = frozenset({"all", "+staff"})
"""Roles that a map of 16 and up names in quotes, which the server's view does not show."""
_CONTINUED_SINCE = 14
_NAMED = 0.04
_EVERY_ROLE = 0.25
_NAMES = ("machine-7", "{}.example.com", "{}@example.com", "{}.example.com.evil", "observer")


@dataclass(frozen=True, slots=True)
class Client:
    """One client.

    Attributes:
        name: its application name.
        database: None for physical replication.
        common_name: of its certificate; None for none.
    """

    name: str
    role: str
    database: str | None
    source: str
    tls: bool
    common_name: str | None

    @property
    def kind(self) -> ReplicationKind:
        """What it replicates."""
        return PHYSICAL if self.database is None else LOGICAL


@dataclass(frozen=True, slots=True)
class Case:
    """Files, and clients that may or may not be accepted.

    Attributes:
        probes: further clients, which are tried before and after the remedy.
        files: others that these include.
        is_known: the certificates of the clients are in the exporter's inventory.
    """

    rules: str
    maps: str
    files: dict[str, str]
    clients: tuple[Client, ...]
    probes: tuple[Client, ...]
    is_known: bool

    def __str__(self) -> str:
        return "\n".join(
            (
                *("--- pg_hba.conf", self.rules, "--- pg_ident.conf", self.maps),
                *(f"--- {name}\n{text}" for name, text in self.files.items()),
                *map(str, self.clients),
            )
        )


def random_case(random: Random, major: int) -> Case:
    """Return a case for a server of ``major``."""
    roles = random.sample(ROLES, random.choice((1, 2, 2, 3)))
    name = random.choice(("client-{}", "client-{}", "walreceiver"))
    clients = tuple(
        _client(random, name.format(number), roles) for number in range(random.randint(3, 6))
    )
    probes = tuple(_client(random, f"probe-{number}", roles) for number in range(6))
    rules = [_rule(random, clients, major) for _ in range(random.randint(2, 7))]
    if random.random() < 0.4:
        rules.append(f"host all,replication all all {random.choice(('scram-sha-256', 'trust'))}")
    if random.random() < 0.3:
        rules.insert(0, "hostssl all,replication all all cert map=m")
    if major >= _EXPRESSIONS_SINCE and not _UNTOLD_IN_MAPS.isdisjoint(roles):
        rules = [line.replace(" map=m", "") for line in rules]
    maps = [_mapping(random, roles, major) for _ in range(random.randint(1, 4))]
    files: dict[str, str] = {}
    end = random.choice(("\n", "\n", "\n", "\r\n"))
    for file, lines in (("more_hba.conf", rules), ("more_ident.conf", maps)):
        if major >= _INCLUDES_SINCE and random.random() < 0.3:
            at = random.randint(0, len(lines) - 1)
            files[file] = _text(lines[at : at + 2], end)
            lines[at : at + 2] = ["# more", f"include {file}"]
    is_known = random.random() < 0.3
    return Case(_text(rules, end), _text(maps, end), files, clients, probes, is_known)


def _text(lines: Sequence[str], end: str) -> str:
    return "".join(line.replace("\n", end) + end for line in lines)


def _client(random: Random, name: str, roles: Sequence[str]) -> Client:
    role = random.choice((roles[0], *roles))
    tls = random.random() < 0.65
    return Client(
        name=name,
        role=role,
        database=random.choice(DATABASES) if random.random() < 0.3 else None,
        source=random.choice(("127.0.0.1", "127.0.0.1", *SOURCES)),
        tls=tls,
        common_name=_name(random, role) if tls and random.random() < 0.7 else None,
    )


def _name(random: Random, role: str) -> str:
    return role if random.random() < 0.45 else random.choice(_NAMES).format(role)


def _rule(random: Random, clients: Sequence[Client], major: int) -> str:
    client = random.choice(clients)
    kind = random.choice(_TYPES)
    database = "replication" if client.database is None else quoted(client.database)
    if random.random() < 0.35:
        database = random.choice(("all", "all,replication", "replication,postgres", "sameuser,all"))
    address = f"{client.source}/32" if random.random() < 0.4 else random.choice(_ADDRESSES)
    if random.random() < _NAMED:
        address = random.choice(_NAMED_ADDRESSES)
    methods: Sequence[str] = _METHODS
    if kind == "hostssl":
        methods = _TLS_METHODS
        if major >= _CLIENTNAME_SINCE and random.random() < 0.25:
            methods = _CLIENTNAME_METHODS
    gap = random.choice((" ", " ", "\t", "   "))
    tail = random.choice(("", "", "", " # why", ""))
    gaps = [_continued(random, gap, major) for _ in range(4)]
    fields = (kind, database, _roles(random, client, major), address)
    line = "".join(map("".join, zip(fields, gaps, strict=True)))
    return f"{line}{random.choice(methods)}{tail}"


def _continued(random: Random, gap: str, major: int) -> str:
    """Return a gap, at times with the end of a line that is continued."""
    return " \\\n" if major >= _CONTINUED_SINCE and random.random() < _NAMED else gap


def _roles(random: Random, client: Client, major: int) -> str:
    role = quoted(client.role)
    if random.random() < 0.55:
        return role
    several = ["all", "all", "+staff", f"{role},repl2", f'+staff,"+staff",{role}']
    if major >= _EXPRESSIONS_SINCE:
        several.append("/^re")
    return random.choice(several)


def quoted(name: str) -> str:
    """Return ``name`` so that it is never a keyword."""
    if name.isidentifier() and name not in {"all", "replication"}:
        return name
    return '"' + name.replace('"', '""') + '"'


def _mapping(random: Random, roles: Sequence[str], major: int) -> str:
    role = random.choice(roles)
    names = [_name(random, role), f"CN={_name(random, role)},O=Lab"]
    expressions = (
        r"/^(.*)$",
        r"/^(.*)\.example\.com$",
        r"/^(.*)\.example\.com",
        r"/(.*)@example\.com$",
        r"/^([^@]+)@example\.com$",
        r"/^.*$",
        r"/machine",
        r"/^machine-7$",
        r"/^(machine-7|observer)$",
        r"/^CN=(.*),O=Lab$",
        r"/^CN=(.*),O=Lab",
        r"/^CN=(.*)$",
    )
    written = random.choice((*names, *names, names[0], *expressions))
    given = role
    if "(" in written and random.random() < 0.7:
        given = r"\1"
    elif major >= _EXPRESSIONS_SINCE and random.random() < _EVERY_ROLE:
        return f"m {quoted(written)} {random.choice(('all', '+staff', '/^re'))}"
    gaps = [_continued(random, " ", major) for _ in range(2)]
    return f"m{gaps[0]}{quoted(written)}{gaps[1]}{quoted(given)}"
