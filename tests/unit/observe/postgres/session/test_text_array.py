"""The text form of text[]."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.observe.postgres.session.text_array import elements, literal


@given(st.lists(st.binary()))
def test_whatever_is_written_is_read_back(values: list[bytes]) -> None:
    assert elements(literal(tuple(values))) == tuple(values)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, ()),
        (b"{}", ()),
        (b"{all}", (b"all",)),
        (b'{all,"a b","c\\"d","e\\\\f",""}', (b"all", b"a b", b'c"d', b"e\\f", b"")),
        (b'{"NULL","a,b","{x}"}', (b"NULL", b"a,b", b"{x}")),
        (b'{"caf\xe9"}', (b"caf\xe9",)),
    ],
)
def test_the_server_s_forms_are_read(text: bytes | None, expected: tuple[bytes, ...]) -> None:
    assert elements(text) == expected


@pytest.mark.parametrize(
    "text", [b"", b"all", b"{", b"{a", b"{a,}", b"{,a}", b'{"a}', b'{"a"b}', b"{NULL}", b"{a{b}"]
)
def test_anything_else_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="text"):
        elements(text)


@given(st.binary())
def test_any_bytes_give_elements_or_a_value_error(text: bytes) -> None:
    try:
        found = elements(text)
    except ValueError:
        return
    assert all(isinstance(element, bytes) for element in found)
