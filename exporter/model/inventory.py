"""Client certificates that the exporter knows from files, and files that it could not read."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from exporter.model.certificate import Certificate
from exporter.model.target import Password


class InventoryFault(StrEnum):
    """Why a file of the inventory was not read, or not all of it; a label value."""

    MISSING = "missing"
    """A path without wildcards that is not there."""
    PERMISSION = "permission"
    NOT_A_FILE = "not_a_file"
    """A FIFO, a socket, a device."""
    LOOP = "loop"
    """A symbolic link or folder that leads back to itself."""
    TOO_LARGE = "too_large"
    TOO_MANY = "too_many"
    """More files, or folders nested deeper, than the exporter is willing to read."""
    NO_CERTIFICATE = "no_certificate"
    """Read, and there is none in it."""
    UNPARSABLE = "unparsable"
    """Something in it claims to be a certificate and is none."""
    ENCRYPTED = "encrypted"
    """A PKCS#12 file whose password is not configured or another one."""
    UNREADABLE = "unreadable"
    """Any other error of the operating system."""


@dataclass(frozen=True, slots=True)
class InventorySource:
    """One entry of ``inventory`` in the configuration.

    Attributes:
        name: the label ``source`` of ``pgrepl_inventory_errors``.
        paths: files, folders and glob patterns, absolute.
        roles: what its certificates log in as; empty: by their names.
        application_names: which standbys use them; empty: any.
        password: of PKCS#12 files; None for none.
    """

    name: str
    paths: tuple[str, ...]
    roles: frozenset[str] = frozenset()
    application_names: frozenset[str] = frozenset()
    password: Password = None


@dataclass(frozen=True, slots=True)
class Binding:
    """Whose a certificate is by configuration: both empty if the configuration does not say."""

    roles: frozenset[str]
    application_names: frozenset[str]


@dataclass(frozen=True, slots=True)
class InventoryCertificate:
    """One certificate, however many files hold it.

    Attributes:
        chain: the authorities found in the same file, which a client sends with it; of the first
            path.
        paths: where it was found, in order of names.
        bindings: one of each source that it was found by.
    """

    certificate: Certificate
    chain: tuple[Certificate, ...]
    paths: tuple[str, ...]
    bindings: tuple[Binding, ...]


@dataclass(frozen=True, slots=True)
class InventoryError:
    """One file that was not read, or not all of it.

    Attributes:
        source: name of the configured entry.
        detail: one line for a person, without content of the file.
    """

    source: str
    path: str
    reason: InventoryFault
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Inventory:
    """The content of the configured files.

    Attributes:
        certificates: one of each fingerprint, authorities among them.
        errors: by source and path.
        read_at: when the files were last read.
    """

    certificates: tuple[InventoryCertificate, ...]
    errors: tuple[InventoryError, ...]
    read_at: datetime
