"""The files in ``ordinary/``, brought to loopback, and the clients that such servers have."""

import re
from pathlib import Path
from random import Random

from tests.live.differential.clients import Client
from tests.live.differential.population import Role
from tests.live.differential.rule_files import MAIN, RuleFiles

GROUPS = (Role("people"), Role("support"))
ROLES = (
    Role("replicator"),
    Role("standby"),
    Role("standby2"),
    Role("repmgr"),
    Role("streaming_replica"),
    Role("barman"),
    Role("streaming_barman"),
    Role("rewind"),
    Role("app"),
    Role("readonly"),
    Role("pooler"),
    Role("subscriber"),
    Role("debezium"),
    Role("monitor"),
    Role("backup"),
    Role("mike", member_of=(("people", ""), ("support", ""))),
)
DATABASES = ("postgres", "app", "reports", "repmgr")
MAPS = """\
streaming  streaming_replica  streaming_replica
pooler     pooler             pooler
local      postgres           postgres
"""

_REPLICATING = ("replicator", "replicator", "standby", "repmgr", "streaming_replica")
"""What most walsenders log in as."""

# The files name private networks; on loopback, where the tests run, 127.0.0.0/8 stands for them.
_PRIVATE = (
    (re.compile(r"\b10\.(\d+\.\d+\.\d+)"), r"127.\1"),
    (re.compile(r"\b(?:192|172)\.(\d+\.\d+\.\d+)"), r"127.\1"),
)
_CAME_FROM = (
    "127.0.0.1",
    "10.0.0.11",
    "10.0.0.12",
    "10.0.0.13",
    "10.0.0.20",
    "10.1.2.3",
    "10.2.0.5",
    "10.10.0.1",
    "10.20.0.1",
    "10.244.1.7",
    "192.168.1.5",
    "172.16.3.4",
    "127.203.113.9",  # somebody from far away
    "::1",
)
_FIELD = re.compile(r'(?:"[^"]*"|,\s*|[^\s,"])+')


def on_loopback(text: str) -> str:
    """Return ``text`` with private addresses moved to 127.0.0.0/8."""
    for pattern, replacement in _PRIVATE:
        text = pattern.sub(replacement, text)
    return text


SOURCES = tuple(on_loopback(address) for address in _CAME_FROM)


def ordinary_files() -> dict[str, RuleFiles]:
    """Return the committed files by name."""
    found = sorted((Path(__file__).parent / "ordinary").glob("*.conf"))
    texts = {path.stem: on_loopback(path.read_text("utf-8")) for path in found}
    return {
        name: RuleFiles({MAIN: text}, {MAIN: twin(text)}, plain=False)
        for name, text in texts.items()
    }


def twin(text: str) -> str:
    """Return the same rules with ``trust`` instead of method and options."""
    return "\n".join(_trusting(line) for line in text.split("\n"))


def _trusting(line: str) -> str:
    code = line.partition("#")[0]
    fields = list(_FIELD.finditer(code))
    if not fields or fields[0][0].startswith("include"):
        return line
    method = 3
    if fields[0][0] != "local":
        method = 5 if re.fullmatch(r"[\d.]+", fields[3][0]) else 4
    return code[: fields[method].start()] + "trust"


def ordinary_client(random: Random) -> Client:
    """Return a client as such servers have them, from somewhere."""
    role = random.choice((*_REPLICATING, *(role.name for role in ROLES)))
    source = random.choice((None, *SOURCES))
    tls = source is not None and random.random() < 0.7
    return Client(
        role=role,
        database=random.choice((None, None, *DATABASES)),
        source=source,
        tls=tls,
        certificate=role if tls and random.random() < 0.6 else None,
        knows_password=random.random() < 0.8,
    )
