"""What all types of exporter.model have in common, and what single ones derive."""

from collections.abc import Iterator
from dataclasses import is_dataclass, replace
from importlib import import_module
from pkgutil import iter_modules
from typing import get_type_hints

import exporter.model
from exporter.model.failure import FailureReason, Unread
from exporter.model.hba import HbaContent
from exporter.model.kept import Kept
from tests.unit.assess.facts import times
from tests.unit.assess.with_certificates import OWN, RECEIVER, SEEN, TLS_FILES


def types() -> Iterator[type]:
    for found in iter_modules(exporter.model.__path__, f"{exporter.model.__name__}."):
        for value in vars(import_module(found.name)).values():
            if isinstance(value, type) and value.__module__ == found.name:
                yield value


def test_every_value_is_frozen_so_that_it_can_be_handed_to_anybody() -> None:
    dataclasses = [found for found in types() if is_dataclass(found)]
    assert len(dataclasses) > 30
    for found in dataclasses:
        assert found.__dataclass_params__.frozen, found  # type: ignore[attr-defined]
        assert hasattr(found, "__slots__"), found


def test_no_value_can_hold_a_list_or_a_dictionary_that_somebody_changes() -> None:
    for found in types():
        if is_dataclass(found):
            for name, hint in get_type_hints(found).items():
                assert not str(hint).startswith(("list", "dict", "set")), (found, name)


def test_a_certificate_is_labelled_by_the_head_of_its_fingerprint_and_its_name() -> None:
    assert OWN.key == (OWN.fingerprint[:16], "replica")


def test_what_could_not_be_read_is_not_kept_for_the_next_poll() -> None:
    unread = Unread(FailureReason.PERMISSION)
    seen = replace(SEEN, receiver=RECEIVER, hba_lines_of=times())
    assert isinstance(seen.hba, HbaContent)
    kept = Kept(TLS_FILES, RECEIVER, seen.hba, (), times())
    assert seen.kept == kept
    assert replace(seen, tls_files=unread).kept == replace(kept, tls_files=None)
    assert replace(seen, receiver=unread).kept == replace(kept, receiver=None)
    assert replace(seen, receiver=None).kept == replace(kept, receiver=None)
    assert replace(seen, hba=unread).kept == replace(kept, hba=None)
    assert replace(seen, hba_lines=unread).kept == replace(kept, hba_lines=None)


def test_what_is_kept_is_settled_once_no_file_has_to_be_read_again() -> None:
    read = replace(TLS_FILES, read_of=times())
    kept = Kept(read, replace(RECEIVER, read_of=times()), None, (), times())
    assert kept.is_settled
    assert replace(kept, receiver=None).is_settled
    assert not replace(kept, receiver=RECEIVER).is_settled
    assert not replace(kept, tls_files=TLS_FILES).is_settled
    assert not replace(kept, tls_files=None).is_settled
    assert not replace(kept, hba_lines_of=()).is_settled
    assert not replace(kept, hba_lines=None).is_settled
