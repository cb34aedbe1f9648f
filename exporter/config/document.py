"""Reading YAML strictly: one document, every value with its line, nothing guessed.

PyYAML splits the text into events; what the events mean is decided here, because its own
constructors follow YAML 1.1 (``no`` is false, ``1:30`` is 90, ``012`` is 10) and take a repeated
key's last value silently. Here a value is a mapping, a list, ``true``, ``false``, nothing,
or text exactly as written. Numbers stay text: the shapes parse them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import yaml

from exporter import regular_file
from exporter.config.events import Builder, Node, UnusableDocument
from exporter.config.faults import Fault, KeyPath, located

Value: TypeAlias = "str | bool | list[Value] | dict[str, Value] | None"

LARGEST_FILE_BYTES = 8 * 1024 * 1024
"""About 40,000 targets of eight lines each."""

# libyaml reads 1,000 targets in 0.03 s, PyYAML's own parser in 0.9 s. Both are tested; builds of
# PyYAML without libyaml exist.
PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_CONTROL_CHARACTER = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ufffe\uffff]")

# The parser's own words quote the file, and a line of the file may hold a secret: each of them is
# translated, none is passed on.
_BAD_START = (
    "a tab in the indentation, or text that begins with a special character:"
    " indent with blanks, and put such text in quotes"
)
_BAD_COLON = (
    'a ":" where none can stand: indent all keys of one mapping alike, and put text that'
    ' holds ": " in quotes'
)
_BAD_ESCAPE = (
    'an unknown escape in double quotes: write "\\\\" for a backslash, or use single quotes'
)
_BAD_INDENTATION = (
    "this does not continue what is above: indent all entries of one level alike, and put quotes"
    " around the whole of a text"
)
_PROBLEMS = (
    ("cannot start any token", _BAD_START),
    ("unexpected end of stream", "a quote that is opened here is never closed"),
    ("mapping values are not allowed", _BAD_COLON),
    ("',' or", 'a bracket that is opened here is not closed, or a "," is missing'),
    ("node content", "a value is missing here, or a bracket above is not closed"),
    ("escape", _BAD_ESCAPE),
    ("hex", _BAD_ESCAPE),
    ("tag", "tags are not supported"),
    ("<block end>", _BAD_INDENTATION),
    ("expected key", _BAD_INDENTATION),
    ("'-' indicator", _BAD_INDENTATION),
)


@dataclass(frozen=True, slots=True)
class Document:
    """One file that was read.

    Attributes:
        file: as it is named in faults.
        root: the value of the whole file; each value below it knows its line.
    """

    file: Path
    root: Node

    @property
    def value(self) -> Value:
        """The whole file as plain values."""
        return _plain(self.root)

    def fault(self, path: KeyPath, message: str, shown: KeyPath | None = None) -> Fault:
        """Return a fault at ``path``, or at the nearest thing above it that is in the file.

        Args:
            path: where the value stands.
            message: what to write instead.
            shown: the path to print instead, if part of it must not be printed.
        """
        return Fault(self.file, self._line(path), located(shown or path, message))

    def _line(self, path: KeyPath) -> int:
        line, node = self.root.line, self.root
        for key in path:
            match node.value, key:
                case list() as items, int() if key < len(items):
                    node = items[key]
                    line = node.line
                case dict() as entries, str() if key in entries:
                    line, node = entries[key].line, entries[key].node
                case _:
                    break
        return line


def read_document(file: Path, parser: type = PARSER) -> tuple[Document | None, tuple[Fault, ...]]:
    """Read ``file``; return None and the faults if it cannot be parsed.

    If a document is returned together with faults (a repeated key, a tag), its other values can
    still be checked.
    """
    builder = Builder(file)
    try:
        text = _text(file)
        for event in yaml.parse(text, Loader=parser):
            builder.take(event)
    except UnusableDocument as error:
        return None, (*builder.faults, Fault(file, error.line, error.message))
    except yaml.MarkedYAMLError as error:
        return None, (*builder.faults, _syntax_fault(file, error))
    except (yaml.YAMLError, ValueError):
        # ValueError: PyYAML's parser makes characters of "\\U00110000" unchecked.
        return None, (*builder.faults, Fault(file, 0, "not valid YAML"))
    if builder.root is None:
        return None, (Fault(file, 1, "is empty"),)
    return Document(file, builder.root), tuple(builder.faults)


def _text(file: Path) -> str:
    try:
        data = regular_file.read(file, LARGEST_FILE_BYTES)
    except regular_file.TooLarge as fault:
        raise UnusableDocument(0, f"{fault}: split it with targets_from") from None
    except regular_file.FAULTS as fault:
        raise UnusableDocument(0, regular_file.why(fault)) from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UnusableDocument(line, "is not UTF-8: save the file in that encoding") from None
    if found := _CONTROL_CHARACTER.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise UnusableDocument(line, "holds a control character: remove it")
    return text


def _syntax_fault(file: Path, error: yaml.MarkedYAMLError) -> Fault:
    problem = error.problem or ""
    mark = error.problem_mark
    # For what is opened and never closed, the parser's mark is the end of the file.
    if "',' or" in problem or "unexpected end" in problem:
        mark = error.context_mark or mark
    hint = next((words for part, words in _PROBLEMS if part in problem), None)
    return Fault(
        file,
        mark.line + 1 if mark else 0,
        f"not valid YAML: {hint}" if hint else "not valid YAML",
    )


def _plain(node: Node) -> Value:
    match node.value:
        case list() as items:
            return [_plain(item) for item in items]
        case Mapping() as entries:
            return {key: _plain(entry.node) for key, entry in entries.items()}
        case scalar:
            return scalar
