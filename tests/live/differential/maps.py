"""Random lines of pg_ident.conf, and certificates whose names are nearly the right ones."""

from random import Random

MAP = "m"

NAMES = (
    "repl",
    "Repl",
    "repl2",
    "app",
    "chief",
    "zürich",
    "all",
    "xrepl",
    "repl\n",
    "repl@example.com",
    "repl@exampleXcom",
    "repl@evil@example.com",
    "REPL@EXAMPLE.COM",
    "app@example.com",
    "app,repl",
)
"""CNs of the certificates that are tried."""

ROLES = ("repl", "repl", "repl2", "Repl", "app", "chief", "zürich", "all")
"""Roles that are tried."""

_EXPRESSIONS = (
    # these come more often: those that accept one name only
    "/^(.*)@example\\.com$",
    "/^([^@]+)@example\\.com$",
    "/^(.*)$",
    "/^x(.*)$",
    "/^repl$",
    "/repl",
    "/^repl",
    "/repl$",
    "/^(.*)$",
    "/(.*)",
    "/^(.+)@example\\.com$",
    "/^(.*)@example\\.com$",
    "/^(.*)@example.com$",
    "/^([^@]+)@example\\.com$",
    "/^([^@]*)@(.*)$",
    "/^(.*)@.*$",
    "/^x(.*)$",
    "/^x?(.*)$",
    "/^(repl|app)$",
    "/^(r)epl$",
    "/^re(pl)$",
    "/^r(.*)l$",
    "/^((.*))$",
    "/^(?:x)?(.*)$",
    "/^(.)*$",
    "/(?i)^repl$",
    "/(?i)^(.*)@example\\.com$",
    "/^\\w+$",
    "/^(\\w+)$",
    "/^z(.*)rich$",
    "/^(..)rich$",
    "/^(...)rich$",
    '"/^(.*),repl$"',
    '"/^([^,]+),repl$"',
    "/^(.*)\\@example\\.com$",
    "/^repl$|app",
    "/^app|repl$",
    "/^repl\\n$",
)
_REFERENCES = ("\\1", "\\1", "\\1", "re\\1", "\\1pl", "r\\1l", "\\1\\1", "x\\1", "z\\1rich", "+\\1")
_KEYWORDS = (
    *("all", "+grp", "+outer", "+nobody"),
    # for the server at login, each byte of "ü" is a character
    *(
        "/^re",
        "/^(all|app)$",
        "/.",
        "/^z.rich$",
        "/^z..rich$",
        "/(p)\\1",
        "/^re(p|\\\\1)",
        '"/^repl,?$"',
    ),
)


def random_mappings(random: Random, role: str) -> str:
    """Return lines of ``MAP``, most of which concern ``role``, among some of another map."""
    lines = [_line(random, role) for _ in range(random.choice((1, 1, 1, 2, 3)))]
    if random.random() < 0.3:
        lines.insert(random.randint(0, len(lines)), "other /(.*) all  # another map")
    return "\n".join(lines) + "\n"


def _line(random: Random, role: str) -> str:
    given = role if random.random() < 0.8 else random.choice(ROLES)
    match random.randrange(6):
        case 0 | 1:  # what most maps are
            return f"{MAP} {_written(random.choice(NAMES))} {given}"
        case 2 | 3:  # what most of the others are
            return f"{MAP} {random.choice(_EXPRESSIONS)} {random.choice(_REFERENCES)}"
        case 4:
            return f"{MAP} {random.choice(_EXPRESSIONS)} {given}"
        case _:
            name = random.choice((*_EXPRESSIONS, *map(_written, NAMES)))
            return f"{MAP} {name} {random.choice((*_REFERENCES, *_KEYWORDS))}"


def _written(name: str) -> str:
    name = name.removesuffix("\n")  # no line of the file can hold it
    return f'"{name}"' if "," in name else name
