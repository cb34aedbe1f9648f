"""Random fields of pg_hba.conf: the fields for databases, roles, addresses and methods."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from tests.live.differential.population import DATABASES, GROUP_NAMES, ROLE_NAMES

_KEYWORDS = ("all", "replication", "sameuser", "samerole", "samegroup")
_NEARLY = ("ALL", "Replication", "nobody", "rep", "replication2", "GRP", "all2")
_EXPRESSIONS = (
    "/^re",
    "/epl",
    "/^(all|app)$",
    "/^[[:alpha:]]+$",
    "/^[a-z]+$",
    r"/\d$",
    r"/^\+",
    "/^z.rich$",
    "/^z..rich$",
    r"/^\w+$",
    "/^.{6}$",
    "/^$",
    "/(?i)^REPL$",
    "/^ZÜRICH$",
    "/(?i)ZÜRICH",
    "/.",
    "/^/",
    "/ü",
)
_QUOTED_EXPRESSIONS = (
    '"/[^ -~]"',
    '"/^a b,c#$"',
    '"/,"',
    '"/^(repl|app)$"',
    '/^"r"e',
    '"/^quo""te$"',
    '"/"',
)
_ADDRESSES = (
    "127.0.0.1/32",
    "127.0.0.5/32",
    "127.0.0.5/30",
    "127.0.0.0/29",
    "127.1.0.0/16",
    "127.255.255.255/8",
    "0.0.0.0/0",
    "10.0.0.0/8",
    "127.0.0.1 255.255.255.255",
    "127.9.9.5 255.0.0.255",
    "127.0.0.9 0.0.0.1",
    "127.0.0.9 0.0.0.0",
    "127.0.0.9 255.0.255.0",
    "all",
    "::1/128",
    "::/0",
    "::1/127",
    "::2/126",
    "fe80::/10",
    "::ffff:127.0.0.1/128",
    "::ffff:0:0/96",
    "::1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "8::1 ::ffff",
    "::1 ::1",
)
_UNDECIDABLE_ADDRESSES = (
    "samehost",
    "samenet",
    "localhost",
    "LOCALHOST",
    ".localhost",
    "db.invalid",
    ".invalid",
    '"all"',
    '"samehost"',
    '"127.0.0.1/32"',
    '"localhost"',
)
_PASSWORDS = ("scram-sha-256", "password", "md5")
_METHODS = {
    "local": ("trust", "trust", "reject", "peer", "ident", *_PASSWORDS),
    "host": ("trust", "trust", "trust", "reject", *_PASSWORDS),
}
_TLS_METHODS = (
    *_METHODS["host"],
    "cert",
    "cert",
    "cert clientcert=verify-full",
    "cert map=m",
    "cert clientname=DN",
    "trust clientcert=verify-full",
    "scram-sha-256 clientcert=verify-full",
    "scram-sha-256 clientcert=verify-ca",
    "trust clientcert=verify-ca clientname=CN",
    "reject clientcert=verify-ca",
)
TYPES = (
    "local",
    "host",
    "host",
    "host",
    "hostssl",
    "hostssl",
    "hostnossl",
    "hostgssenc",
    "hostnogssenc",
)


@dataclass(frozen=True, slots=True)
class Fields:
    """Random fields.

    Attributes:
        plain: nothing that depends on what the server's view does not carry: no quotes, host
            names, ``samehost`` or ``samenet``.
    """

    random: Random
    plain: bool

    def databases(self, references: Sequence[str]) -> str:
        """Return the database field; ``references`` are ``@file`` tokens that exist."""
        if self.random.random() < 0.5:
            # what most rules say, so that rules match often enough
            return self.random.choice(("all", "replication", "all,replication"))
        return self._list(self.database, references)

    def roles(self, references: Sequence[str]) -> str:
        """Return the role field."""
        if self.random.random() < 0.4:
            return "all"
        return self._list(self.role, references)

    def _list(self, token: Callable[[], str], references: Sequence[str]) -> str:
        words = [token() for _ in range(self.random.choice((1, 1, 2, 3, 4)))]
        if references and self.random.random() < 0.25:
            words[self.random.randrange(len(words))] = self.random.choice(references)
        return self.random.choice((",", ", ", ",")).join(words)

    def database(self) -> str:
        """Return one token for a database."""
        match self.random.randrange(10):
            case 0 | 1 | 2 | 3:
                return self._name(DATABASES)
            case 4 | 5 | 6:
                return self._keyword(self.random.choice(_KEYWORDS))
            case 7 | 8:
                return self.expression()
            case _:
                return self._name((*_NEARLY, *ROLE_NAMES))

    def role(self) -> str:
        """Return one token for a role."""
        match self.random.randrange(10):
            case 0 | 1 | 2 | 3:
                return self._name(ROLE_NAMES)
            case 4 | 5 | 6:
                group = self.random.choice((*GROUP_NAMES, *GROUP_NAMES, *ROLE_NAMES, "nobody", ""))
                return self._keyword(f"+{group}")
            case 7:
                return self.expression()
            case 8:
                return self._keyword(self.random.choice(("all", *_KEYWORDS)))
            case _:
                return self._name((*_NEARLY, *DATABASES))

    def expression(self) -> str:
        """Return a token that is a regular expression (16 and up)."""
        if self.plain or self.random.random() < 0.7:
            return self.random.choice(_EXPRESSIONS)
        return self.random.choice(_QUOTED_EXPRESSIONS)

    def _name(self, names: Sequence[str]) -> str:
        """Return a name as itself; in a plain file one that needs no quotes."""
        if self.plain:
            return self.random.choice([n for n in names if not _needs_quotes(n)])
        name = self.random.choice(names)
        return self.quoted(name) if _needs_quotes(name) or self.random.random() < 0.5 else name

    def _keyword(self, word: str) -> str:
        """Return a keyword as such, or in a file that is not plain also quoted in some way."""
        if self.plain:
            return word if not _needs_quotes(word) else "+grp"
        inner = word[1:].replace('"', '""')
        match self.random.randrange(6):
            case 0 | 1:
                return self.quoted(word)  # a name, not a keyword
            case 2:
                return f'""{self.quoted(word)}'  # the same
            case 3:
                return f'{word[0]}"{inner}"'  # a keyword: it does not begin with a quote
            case _:
                return word if not _needs_quotes(word) else f'{word[0]}"{inner}"'

    def quoted(self, name: str) -> str:
        """Return a name in quotes."""
        return '"' + name.replace('"', '""') + '"'

    def address(self) -> str:
        """Return the address field or the two fields of address and mask."""
        if self.random.random() < 0.35:
            return "all"
        if self.plain or self.random.random() < 0.75:
            return self.random.choice(_ADDRESSES)
        return self.random.choice(_UNDECIDABLE_ADDRESSES)

    def method(self, connection_type: str) -> str:
        """Return method and options that are legal in a rule of this type."""
        if connection_type == "hostssl":
            return self.random.choice(_TLS_METHODS)
        return self.random.choice(_METHODS.get(connection_type, _METHODS["host"]))


def _needs_quotes(name: str) -> bool:
    return not name or any(c in ' ,#"' for c in name)
