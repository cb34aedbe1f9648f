"""Reading YAML strictly, with libyaml and without."""

from pathlib import Path

import pytest
import yaml

from exporter.config.document import LARGEST_FILE_BYTES, Value, read_document
from exporter.config.events import DEEPEST

PARSERS = [yaml.SafeLoader, yaml.CSafeLoader]

INDENTATION = (
    "not valid YAML: this does not continue what is above: indent all entries of one level alike,"
    " and put quotes around the whole of a text"
)
COLON = (
    'not valid YAML: a ":" where none can stand: indent all keys of one mapping alike, and put text'
    ' that holds ": " in quotes'
)
START = (
    "not valid YAML: a tab in the indentation, or text that begins with a special character: indent"
    " with blanks, and put such text in quotes"
)
ESCAPE = (
    'not valid YAML: an unknown escape in double quotes: write "\\\\" for a backslash, or use'
    " single quotes"
)
QUOTE = "not valid YAML: a quote that is opened here is never closed"
BRACKET = 'not valid YAML: a bracket that is opened here is not closed, or a "," is missing'
NO_VALUE = "not valid YAML: a value is missing here, or a bracket above is not closed"
TAG = "tags are not supported: remove what begins with an exclamation mark"
KEY = "a key must be text (true, false and null need quotes)"
ANCHOR = "names an anchor that is not complete above this line"

FAULTS = {
    "a tab": ("a:\n\tb: 1\n", f"f.yml:2: {START}"),
    "an at sign": ("a: b\nc: @d\n", f"f.yml:2: {START}"),
    "a back-quote": ("a: `b`\n", f"f.yml:1: {START}"),
    "a colon in a text": ("a: b: c\n", f"f.yml:1: {COLON}"),
    "a key deeper than its like": ("a: 1\n  b: 2\n", f"f.yml:2: {COLON}"),
    "a key less deep than its like": ("a:\n    b: 1\n  c: 2\n", f"f.yml:3: {INDENTATION}"),
    "a list and a mapping": ("- a\nb: c\n", f"f.yml:2: {INDENTATION}"),
    "text behind a quote": ("b: 1\na: 'x' y\n", f"f.yml:2: {INDENTATION}"),
    "an open quote": ("a: 'b\nc: d\n", f"f.yml:1: {QUOTE}"),
    "an open double quote": ('x: 1\na: "b\nc: d\n', f"f.yml:2: {QUOTE}"),
    "an open bracket": ("a: [b, c\n", f"f.yml:1: {BRACKET}"),
    "an open brace": ("a: {b: c\n", f"f.yml:1: {BRACKET}"),
    "a bracket before its value": ("a: ]\n", f"f.yml:1: {NO_VALUE}"),
    "an unknown escape": ('a: "\\d"\n', f"f.yml:1: {ESCAPE}"),
    "half an escape": ('a: "\\x4"\n', f"f.yml:1: {ESCAPE}"),
    "an undeclared tag": ("a: !b!c d\n", "f.yml:1: not valid YAML: tags are not supported"),
    "two documents": (
        "---\na: b\n---\nc: d\n",
        'f.yml:3: a second document begins: remove the "---"',
    ),
    "a control character": ("a: b\nc: \x07\n", "f.yml:2: holds a control character: remove it"),
    "a NUL": ("a: b\x00\n", "f.yml:1: holds a control character: remove it"),
    "only a comment": ("# a\n", "f.yml:1: is empty"),
    "nothing": ("", "f.yml:1: is empty"),
    "a repeated key": (
        "host: 1\nb: 2\nhost: 3\n",
        "f.yml:3: host: is given twice, first in line 1: remove one of them",
    ),
    "a repeated key in a flow": (
        "- {host: 1,\n   host: 2}\n",
        "f.yml:2: 0.host: is given twice, first in line 1: remove one of them",
    ),
    "a repeated key written otherwise": (
        'host: 1\n"host": 2\n',
        "f.yml:2: host: is given twice, first in line 1: remove one of them",
    ),
    "a merge key": (
        "a: &x {b: c}\nlabels:\n  <<: *x\n",
        'f.yml:3: labels: merge keys ("<<") are not supported: write the keys, or use defaults',
    ),
    "a tag": ("port: !!int 5\n", f"f.yml:1: port: {TAG}"),
    "a tag that builds an object": ("- a\n- !!python/object:os.system {}\n", f"f.yml:2: 1: {TAG}"),
    "a tag of no kind": ("port: ! b\n", f"f.yml:1: port: {TAG}"),
    "a key that is true": ("true: a\n", f"f.yml:1: {KEY}"),
    "a key that is nothing": ("a: b\n~: c\n", f"f.yml:2: {KEY}"),
    "a key that is a list": ("? [a, b]\n: c\n", f"f.yml:1: {KEY}"),
    "a key that is a mapping": ("? {a: b}\n: c\n", f"f.yml:1: {KEY}"),
    "a key that is an alias": ("a: &x b\n*x : c\n", f"f.yml:2: {KEY}"),
    "an alias to nothing": ("host: *b\n", f"f.yml:1: host: {ANCHOR}"),
    "an alias to what holds it": ("targets: &x\n- *x\n", f"f.yml:2: targets.0: {ANCHOR}"),
    "an escape to NUL": (
        'host: "\\0"\n',
        "f.yml:1: host: contains a character that is not text: remove its escape",
    ),
    "nesting": (
        "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1),
        "f.yml:1: is nested more than 16 levels deep",
    ),
    "a repeated secret": (
        "password:\n  hunter2: a\n  hunter2: b\n",
        "f.yml:3: password: is given twice, first in line 2: remove one of them",
    ),
    "a repeated secret elsewhere": (
        "hunter2: {hunter: 1, hunter: 2}\n",
        "f.yml:1: ?.?: is given twice, first in line 1: remove one of them",
    ),
}

MEANINGS: dict[str, Value] = {
    "yes": "yes",
    "no": "no",
    "on": "on",
    "OFF": "OFF",
    "y": "y",
    "True": "True",
    "true": True,
    "false": False,
    '"true"': "true",
    "~": None,
    "null": None,
    "": None,
    '""': "",
    "Null": "Null",
    "012": "012",
    "0o17": "0o17",
    "0x1F": "0x1F",
    "1_000": "1_000",
    "1:30": "1:30",
    "190:20:30": "190:20:30",
    "1e3": "1e3",
    "1.10": "1.10",
    ".inf": ".inf",
    "2027-01-31": "2027-01-31",
    "2027-01-31 10:00:00": "2027-01-31 10:00:00",
    "=": "=",
    "<<": "<<",
    "[a, {b: c}]": ["a", {"b": "c"}],
    "|\n  two\n  lines\n": "two\nlines\n",
}


def _read(folder: Path, text: str | bytes, parser: type) -> tuple[Value, list[str]]:
    file = folder / "f.yml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    document, faults = read_document(file, parser)
    lines = [str(fault).replace(f"{folder}/", "") for fault in faults]
    return document.value if document else None, lines


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize(("text", "expected"), FAULTS.values(), ids=FAULTS)
def test_what_is_not_accepted_is_reported_with_its_line(
    tmp_path: Path, text: str, expected: str, parser: type
) -> None:
    assert _read(tmp_path, text, parser)[1] == [expected]


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize(("text", "expected"), MEANINGS.items(), ids=MEANINGS)
def test_a_scalar_is_text_as_written_but_for_true_false_and_null(
    tmp_path: Path, text: str, expected: Value, parser: type
) -> None:
    assert _read(tmp_path, f"a: {text}", parser) == ({"a": expected}, [])


@pytest.mark.parametrize("parser", PARSERS)
def test_an_alias_is_the_value_that_it_names(tmp_path: Path, parser: type) -> None:
    value, faults = _read(tmp_path, "a: &x [1, {b: c}]\nd: *x\n", parser)
    assert faults == []
    assert value == {"a": ["1", {"b": "c"}], "d": ["1", {"b": "c"}]}


@pytest.mark.parametrize("parser", PARSERS)
def test_a_fault_behind_an_alias_is_reported_where_the_text_stands(
    tmp_path: Path, parser: type
) -> None:
    file = tmp_path / "f.yml"
    file.write_text("a: &x\n- b\n- c\nd: *x\n")
    document, _ = read_document(file, parser)
    assert document
    assert document.fault(("d", 1), "is wrong").line == 3
    assert document.fault(("d", 5), "is missing").line == 4
    assert document.fault(("e",), "is missing").line == 1


@pytest.mark.parametrize("parser", PARSERS)
def test_the_first_of_two_values_is_kept_and_the_rest_is_read(tmp_path: Path, parser: type) -> None:
    text = "a: 1\na: [2, {b: c}]\n? [x]\n: [y]\ntrue: {d: e}\nf: 3\n"
    value, faults = _read(tmp_path, text, parser)
    assert value == {"a": "1", "f": "3"}
    assert len(faults) == 3


@pytest.mark.parametrize("parser", PARSERS)
def test_aliases_of_aliases_do_not_exhaust_the_memory(tmp_path: Path, parser: type) -> None:
    lines = ["a0: &a0 [x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    value, faults = _read(tmp_path, "\n".join(lines), parser)
    assert value is None
    assert faults == ["f.yml:7: stands for more than a million values"]


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("end", ["[" * 20, "b: c: d", "---"])
def test_what_was_found_before_reading_ends_is_reported(
    tmp_path: Path, end: str, parser: type
) -> None:
    _, faults = _read(tmp_path, f"host: !x b\n{'c: ' if '[' in end else ''}{end}\n", parser)
    assert len(faults) == 2
    assert faults[0] == f"f.yml:1: host: {TAG}"
    assert faults[1].startswith("f.yml:2: ")


@pytest.mark.parametrize("parser", PARSERS)
def test_aliases_do_not_nest_deeper_than_is_allowed(tmp_path: Path, parser: type) -> None:
    lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 40))]
    value, faults = _read(tmp_path, "\n".join(lines), parser)
    assert value is None
    assert faults == ["f.yml:15: is nested more than 16 levels deep"]


@pytest.mark.parametrize("parser", PARSERS)
def test_nesting_as_deep_as_is_allowed_is_read(tmp_path: Path, parser: type) -> None:
    assert _read(tmp_path, "[" * DEEPEST + "]" * DEEPEST, parser)[1] == []


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("text", ['a: "\\ud800"', 'a: "\\U00110000"'])
def test_an_escape_that_is_not_a_character_is_reported(
    tmp_path: Path, text: str, parser: type
) -> None:
    # The two parsers find this at different moments, so their words differ.
    assert len(_read(tmp_path, text, parser)[1]) == 1


def test_a_file_that_is_not_utf8_is_reported_with_its_line(tmp_path: Path) -> None:
    assert _read(tmp_path, b"a: b\nc: caf\xe9\n", yaml.SafeLoader)[1] == [
        "f.yml:2: is not UTF-8: save the file in that encoding"
    ]


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    assert _read(tmp_path, b"\xef\xbb\xbfa: b\n", yaml.SafeLoader) == ({"a": "b"}, [])


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    text = b"#" * (LARGEST_FILE_BYTES + 1)
    assert _read(tmp_path, text, yaml.SafeLoader)[1] == [
        "f.yml: is larger than 8 MiB: split it with targets_from"
    ]


def test_a_file_that_does_not_exist_is_reported(tmp_path: Path) -> None:
    _, faults = read_document(tmp_path / "none.yml")
    assert [str(fault) for fault in faults] == [
        f"{tmp_path}/none.yml: cannot be read: No such file or directory"
    ]
