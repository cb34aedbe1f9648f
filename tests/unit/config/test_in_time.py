"""A configuration on a file system that does not answer is given up after a while."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from exporter.config.faults import ConfigurationError
from exporter.config.loading import MOST_BLOCKED, load_in_time
from lab.blocking_files import Blocked, blocked

pytestmark = pytest.mark.root

STEP_SECONDS = 0.2
TEXT = """\
defaults:
  served_certificate: {authority: root.crt}
targets:
- name: db1
  host: db1.example
- name: db2
  host: db2.example
  password_file: password
inventory:
- {name: a, paths: b, password_file: keystores}
targets_from: more.yml
"""


@pytest.fixture
def main(folder: Path) -> Path:
    (folder / "config.yml").write_text(TEXT)
    (folder / "keystores").write_text("secret\n")
    (folder / "more.yml").write_text("targets:\n- name: db3\n  host: db3.example\n")
    return folder / "config.yml"


def _fault(main: Path) -> str:
    with pytest.raises(ConfigurationError) as raised:
        load_in_time(main, step_seconds=STEP_SECONDS)
    fault = str(raised.value).replace(f"{main.parent}/", "")
    # a busy machine takes longer to notice
    return re.sub(r"within [0-9.]+ s", "within 0.2 s", fault)


@contextmanager
def _opened(file: Path) -> Iterator[Blocked]:
    with blocked(file) as opening:
        yield opening
        assert opening.opens() == 1


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("config.yml", "config.yml: was not read within 0.2 s"),
        ("more.yml", "more.yml: was not read within 0.2 s"),
        (
            "root.crt",
            "config.yml:1: defaults: names a file or directory that was not read within 0.2 s",
        ),
        (
            "password",
            "config.yml:6: targets.1: names a file or directory that was not read within 0.2 s",
        ),
        (
            "keystores",
            "config.yml:9: inventory: names a file or directory that was not read within 0.2 s",
        ),
    ],
)
def test_what_was_not_read_in_time_is_reported_with_its_place(
    main: Path, name: str, fault: str
) -> None:
    with _opened(main.parent / name):
        assert _fault(main) == fault
    assert len(load_in_time(main).targets) == 3


def test_readings_that_a_file_holds_up_do_not_pile_up(main: Path) -> None:
    with blocked(main) as opening:
        for _ in range(MOST_BLOCKED):
            assert _fault(main) == "config.yml: was not read within 0.2 s"
        assert _fault(main) == (
            f"config.yml: is not read: {MOST_BLOCKED} earlier readings of it have not ended yet"
        )
        assert opening.opens() == MOST_BLOCKED


def test_all_files_together_have_a_limit_too(main: Path) -> None:
    with blocked(main), pytest.raises(ConfigurationError, match="was not read within"):
        load_in_time(main, all_seconds=STEP_SECONDS)
