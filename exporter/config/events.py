"""Builds nodes with line numbers from the parser's events, within bounds.

No recursion and no expansion: an alias is the node it names, and the size that it stands for is
counted, so that neither depth nor a chain of aliases can exhaust the exporter.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import yaml

from exporter.config.faults import Fault, KeyPath, located
from exporter.config.vocabulary import HIDDEN

DEEPEST = 16
"""Levels of nesting; the deepest key of the configuration is on level 7."""

MOST_VALUES = 1_000_000
"""Values in one file, those behind aliases counted wherever they are used."""

_TOO_DEEP = f"is nested more than {DEEPEST} levels deep"
_MERGE_KEY = "<<"


class UnusableDocument(Exception):  # noqa: N818  it is a finding, not an error of the program
    """The file cannot be read as text, or what follows in it cannot be placed.

    Attributes:
        line: from 1; 0 when the fault is of the file as a whole.
    """

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a mapping; ``line`` is that of its key."""

    line: int
    node: "Node"


Scalar: TypeAlias = str | bool | None
NodeValue: TypeAlias = "str | bool | list[Node] | dict[str, Entry] | None"


@dataclass(frozen=True, slots=True)
class Node:
    """One value.

    Attributes:
        line: of its first character, from 1.
        size: how many values it stands for, itself included.
        depth: levels of nesting that it stands for, itself included.
    """

    line: int
    value: NodeValue
    size: int = 1
    depth: int = 1


@dataclass(slots=True)
class _Frame:
    """A list or mapping that is being read.

    ``key`` is the key that waits for its value; after an ``unusable`` key the value is dropped.
    ``drops_key`` while that key is itself a list or mapping that is still being read.
    """

    line: int
    anchor: str | None
    value: "list[Node] | dict[str, Entry]"
    size: int = 1
    depth: int = 1
    key: str | None = None
    key_line: int = 0
    unusable: bool = False
    drops_key: bool = False


class Builder:
    """Takes the events of one file in turn.

    Attributes:
        faults: what was found so far, without preventing the rest from being parsed.
        root: None until the document has ended, or when there is none.
    """

    def __init__(self, file: Path) -> None:
        self.faults: list[Fault] = []
        self.root: Node | None = None
        self._file = file
        self._frames: list[_Frame] = []
        self._anchors: dict[str, Node] = {}

    def take(self, event: yaml.Event) -> None:
        """Take the next event.

        Raises:
            UnusableDocument: a bound is exceeded, or a second document begins.
        """
        # Every event of the parser has its marks; only events made by hand have none.
        line = event.start_mark.line + 1 if event.start_mark else 0
        match event:
            case yaml.DocumentStartEvent() if self.root is not None:
                raise UnusableDocument(line, 'a second document begins: remove the "---"')
            case yaml.ScalarEvent():
                self._refuse_tag(event.tag, line)
                value = _scalar(event)
                if isinstance(value, str) and not _encodable(value):
                    self._fault(line, "contains a character that is not text: remove its escape")
                    value = ""
                self._scalar_or_key(value, event.anchor, line, plain=event.implicit[0])
            case yaml.AliasEvent():
                self._alias(event.anchor, line)
            case yaml.SequenceStartEvent():
                self._open(_Frame(line, event.anchor, []), event.tag)
            case yaml.MappingStartEvent():
                self._open(_Frame(line, event.anchor, {}), event.tag)
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                frame = self._frames.pop()
                node = Node(frame.line, frame.value, frame.size, frame.depth)
                self._place(node, frame.anchor, frame.line)
            case _:
                pass  # where the stream and the document begin and end

    def _open(self, frame: _Frame, tag: str | None) -> None:
        self._refuse_tag(tag, frame.line)
        if len(self._frames) >= DEEPEST:
            raise UnusableDocument(frame.line, _TOO_DEEP)
        if self._awaits_key():
            self._key(None, frame.line)
            self._frames[-1].drops_key = True
        self._frames.append(frame)

    def _scalar_or_key(self, value: Scalar, anchor: str | None, line: int, *, plain: bool) -> None:
        if not self._awaits_key():
            self._place(Node(line, value), anchor, line)
        elif plain and value == _MERGE_KEY:
            self._unusable_key(
                line, 'merge keys ("<<") are not supported: write the keys, or use defaults'
            )
        else:
            self._key(value, line)

    def _alias(self, anchor: str | None, line: int) -> None:
        node = None if anchor is None else self._anchors.get(anchor)
        if self._awaits_key():
            self._key(None, line)
        elif node is None:
            self._fault(line, "names an anchor that is not complete above this line")
            self._place(Node(line, None), None, line)
        else:
            self._place(node, None, line)

    def _awaits_key(self) -> bool:
        if not self._frames or isinstance(self._frames[-1].value, list):
            return False
        frame = self._frames[-1]
        return frame.key is None and not frame.unusable

    def _key(self, key: Scalar, line: int) -> None:
        frame = self._frames[-1]
        if not isinstance(key, str):
            self._unusable_key(line, "a key must be text (true, false and null need quotes)")
            return
        frame.key, frame.key_line = key, line

    def _unusable_key(self, line: int, message: str) -> None:
        self._fault(line, message)
        self._frames[-1].unusable = True

    def _place(self, node: Node, anchor: str | None, line: int) -> None:
        if anchor is not None:
            self._anchors[anchor] = node
        if not self._frames:
            self.root = node
            return
        frame = self._frames[-1]
        if frame.drops_key:
            frame.drops_key = False
            return
        if len(self._frames) + node.depth > DEEPEST:
            raise UnusableDocument(line, _TOO_DEEP)
        frame.depth = max(frame.depth, node.depth + 1)
        frame.size += node.size
        if frame.size > MOST_VALUES:
            raise UnusableDocument(line, "stands for more than a million values")
        if isinstance(frame.value, list):
            frame.value.append(node)
            return
        if frame.key in frame.value:
            self._refuse_repetition(frame, frame.value[frame.key], node)
        elif frame.key is not None:
            frame.value[frame.key] = Entry(frame.key_line, node)
        frame.key, frame.unusable = None, False

    def _refuse_repetition(self, frame: _Frame, first: Entry, node: Node) -> None:
        if node.value is None and first.node.value is None:
            # YAML reads {hunter2, hunter2} as keys without values; they may be secrets.
            frame.key = HIDDEN
        message = f"is given twice, first in line {first.line}: remove one of them"
        self._fault(frame.key_line, message)

    def _refuse_tag(self, tag: str | None, line: int) -> None:
        if tag is not None:
            self._fault(line, "tags are not supported: remove what begins with an exclamation mark")

    def _fault(self, line: int, message: str) -> None:
        self.faults.append(Fault(self._file, line, located(self._path(), message)))

    def _path(self) -> KeyPath:
        path: list[str | int] = []
        for frame in self._frames:
            if isinstance(frame.value, list):
                path.append(len(frame.value))
            elif frame.key is not None:
                path.append(frame.key)
            else:
                break
        return tuple(path)


def _scalar(event: yaml.ScalarEvent) -> Scalar:
    """Return the value of a scalar: text, but for four plain words and the empty value."""
    if event.implicit[0]:
        match event.value:
            case "true" | "false":
                return str(event.value) == "true"
            case "" | "~" | "null":
                return None
            case _:
                pass
    return str(event.value)


def _encodable(text: str) -> bool:
    """Return whether ``text`` can go to libpq and into metrics: no surrogates, no NUL."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text
