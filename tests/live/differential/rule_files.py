"""Random pg_hba.conf files, with included files and ``@`` lists, all of which a server loads."""

import itertools
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from tests.live.differential.tokens import TYPES, Fields

MAIN = "pg_hba.conf"
PARTS = "parts"
"""Folder of included files, relative to the data directory."""

_TRUST = "trust"


@dataclass(frozen=True, slots=True)
class RuleFiles:
    """pg_hba.conf and what it includes.

    Attributes:
        files: text by path relative to the data directory.
        twin: the same, line by line, but every rule is ``trust`` without options. Which rule
            matches does not depend on the method, and the server's log shows the line of ``trust``.
        plain: nothing in them depends on what the server's view does not carry, so that nothing
            may be left undecided.
    """

    files: Mapping[str, str]
    twin: Mapping[str, str]
    plain: bool

    def __str__(self) -> str:
        return "\n".join(
            f"--- {name}\n"
            + "\n".join(f"{n:3} {line}" for n, line in enumerate(text.split("\n"), start=1))
            for name, text in self.files.items()
        )


def random_rule_files(random: Random) -> RuleFiles:
    """Return files of random rules, about half of them plain."""
    return _Writer(random, plain=random.random() < 0.5).write()


class _Writer:
    """Writes one set of files."""

    def __init__(self, random: Random, *, plain: bool) -> None:
        self._random = random
        self._plain = plain
        self._fields = Fields(random, plain=plain)
        self._numbers = itertools.count(1)
        self._files: dict[str, str] = {}
        self._twin: dict[str, str] = {}

    def write(self) -> RuleFiles:
        self._file(MAIN, rules=self._random.randint(3, 12), depth=0)
        return RuleFiles(self._files, self._twin, self._plain)

    def _file(self, name: str, *, rules: int, depth: int) -> None:
        lines: list[tuple[str, str]] = []
        includes = 0 if depth > 1 or self._random.random() < 0.6 else 1
        references = [] if self._plain or self._random.random() < 0.7 else self._lists(name)
        for _ in range(rules):
            if self._random.random() < 0.25:
                lines.append(self._same(self._noise()))
            if includes and self._random.random() < 0.3:
                includes -= 1
                lines.append(self._same(self._include(name, depth)))
            lines.append(self._rule(references))
        end = self._random.choice(("\n", "\n", "\r\n"))
        last = self._random.choice((end, end, ""))
        for files, texts in zip((self._files, self._twin), zip(*lines, strict=True), strict=True):
            files[name] = end.join(t.replace("\n", end) for t in texts) + last

    def _same(self, line: str) -> tuple[str, str]:
        return line, line

    def _rule(self, references: list[str]) -> tuple[str, str]:
        connection_type = self._random.choice(TYPES)
        fields = [
            self._quoted_at_times(connection_type),
            self._fields.databases(references),
            self._fields.roles(references),
        ]
        if connection_type != "local":
            fields.append(self._fields.address())
        gaps = [self._gap() for _ in fields]
        head = self._random.choice(("", "", "", "  ", "\t", ",")) + "".join(
            field + gap for field, gap in zip(fields, gaps, strict=True)
        )
        tail = self._random.choice(("", "", "", " ", " # why", ' # not "why"', "\t#"))
        return head + self._fields.method(connection_type) + tail, head + _TRUST + tail

    def _quoted_at_times(self, connection_type: str) -> str:
        if self._plain or self._random.random() < 0.95:
            return connection_type
        return f'"{connection_type}"'

    def _gap(self) -> str:
        if self._random.random() < 0.04:
            return " \\\n" + self._random.choice(("", "  ", "\\\n", "\t \\\n"))
        return self._random.choice((" ", " ", "\t", "   "))

    def _noise(self) -> str:
        """Return lines that are no rule."""
        return self._random.choice(
            (
                "",
                "   ",
                "# a comment",
                '# a comment with a "quote',
                "# host all all all reject",
                # a comment goes on in the next line, too: this is no rule
                "# continued \\\nhost all,replication all all reject",
                "#\\",
                f"include_if_exists {PARTS}/missing.conf",
            )
        )

    def _lists(self, name: str) -> list[str]:
        """Write lists for ``@`` and return references to them, as they stand in file ``name``."""
        number = next(self._numbers)
        inner, outer = (f"{PARTS}/{kind}{number}.list" for kind in ("inner", "outer"))
        self._both(inner, "\n".join(self._words(self._random.randint(1, 3))) + "\n")
        words = self._words(self._random.randint(1, 3))
        self._both(outer, f"# names\n{', '.join(words)}\n{_reference(inner, outer)}  # and these")
        return [_reference(inner, name), _reference(outer, name)]

    def _words(self, count: int) -> list[str]:
        token = self._random.choice((self._fields.database, self._fields.role))
        return [token() for _ in range(count)]

    def _both(self, name: str, text: str) -> None:
        self._files[name] = self._twin[name] = text

    def _include(self, name: str, depth: int) -> str:
        """Write another file, or a folder of them; return the line that includes it."""
        number = next(self._numbers)
        rules = self._random.randint(1, 4)
        inside = name.startswith(f"{PARTS}/")
        if depth == 0 and self._random.random() < 0.3:
            folder = f"{PARTS}/d{number}"
            for part in self._random.sample(("10.conf", "9.conf", "a b.conf", "Z.conf"), 2):
                self._file(f"{folder}/{part}", rules=rules, depth=2)
            for ignored in (".hidden.conf", "old.conf.bak"):
                self._both(f"{folder}/{ignored}", "host all,replication all all reject\n")
            return "include_dir " + self._spelled(folder) + self._random.choice(("", "/", "  "))
        part = f"{PARTS}/part {number}.conf" if self._rarely_blank() else f"{PARTS}/p{number}.conf"
        self._file(part, rules=rules, depth=depth + 1)
        directive = self._random.choice(("include", "include_if_exists"))
        return f"{directive} {self._spelled(part, relative_to_parts=inside)}"

    def _rarely_blank(self) -> bool:
        return not self._plain and self._random.random() < 0.2

    def _spelled(self, path: str, *, relative_to_parts: bool = False) -> str:
        if relative_to_parts:
            path = path.removeprefix(f"{PARTS}/")
            path = self._random.choice((path, f"./{path}", f"../{PARTS}/{path}"))
        else:
            path = self._random.choice(
                (path, f"./{path}", f"{PARTS}/../{path}", path.replace("/", "//"))
            )
        return f'"{path}"' if " " in path else path


def _reference(path: str, from_file: str) -> str:
    """Return the token for a list; paths are relative to the file that they stand in."""
    return "@" + posixpath.relpath(path, posixpath.dirname(from_file) or ".")
