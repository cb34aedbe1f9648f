"""``inventory``: the files with certificates of replication clients, and who uses them."""

import glob
from collections.abc import Mapping, Sequence
from pathlib import Path

from exporter.config.checking import check
from exporter.config.document import Document
from exporter.config.faults import Fault, KeyPath
from exporter.config.files import password_file_fault
from exporter.config.shapes import InventorySourceShape
from exporter.model.inventory import InventorySource
from exporter.model.target import Password, PasswordFile, PasswordVariable


def read_inventory(
    document: Document,
    entries: Sequence[object],
    environment: Mapping[str, str],
    faults: list[Fault],
) -> tuple[InventorySource, ...]:
    """Return the sources, in the order of the file; valid only if there are no ``faults``.

    Whether their paths exist is checked and reported when they are read: files come and go.
    """
    names: dict[str, str] = {}
    found = []
    for position, entry in enumerate(entries):
        path: KeyPath = ("inventory", position)
        shape, _ = check(InventorySourceShape, document, path, entry, faults)
        if shape.name in names:
            message = f"is taken by {names[shape.name]}: every source needs its own name"
            faults.append(document.fault((*path, "name"), message))
        elif shape.name:
            line = document.fault((*path, "name"), "").line
            names[shape.name] = f"inventory.{position} in {document.file}:{line}"
        found.append(
            InventorySource(
                name=shape.name,
                paths=tuple(_absolute(document.file, one) for one in shape.paths),
                roles=frozenset(shape.roles),
                application_names=frozenset(shape.application_names),
                password=_password(document, path, shape, environment, faults),
            )
        )
    return tuple(found)


def _absolute(file: Path, path: str) -> str:
    # a bracket in the name of the configuration's own folder is not a wildcard
    folder = "" if Path(path).is_absolute() else glob.escape(str(file.parent.absolute()))
    return str(Path(folder, path))


def _password(
    document: Document,
    path: KeyPath,
    shape: InventorySourceShape,
    environment: Mapping[str, str],
    faults: list[Fault],
) -> Password:
    password: Password = None
    if shape.password_env is not None:
        password = PasswordVariable(shape.password_env)
        if not environment.get(shape.password_env):
            message = "is not set in the exporter's environment, or empty"
            faults.append(document.fault((*path, "password_env"), message))
    if shape.password_file is not None:
        if password is not None:
            message = "is a second password: password_file gives one already"
            faults.append(document.fault((*path, "password_env"), message))
        # as everywhere, relative to the file that says it
        file = (document.file.parent / shape.password_file).absolute()
        password = PasswordFile(file)
        if fault := password_file_fault(file):
            faults.append(document.fault((*path, "password_file"), fault))
    return password
