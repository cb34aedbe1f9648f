"""Reads a file of the inventory, in any format: its certificates and its faults."""

from dataclasses import dataclass, replace

from exporter.model.certificate import CertificateFile
from exporter.model.failure import Unread
from exporter.model.inventory import InventoryFault
from exporter.observe.certificates.files.file_reading import FileFault
from exporter.observe.certificates.parse.parsing import parse
from exporter.observe.certificates.parse.pem import BEGIN, holds_pem
from exporter.observe.certificates.parse.pkcs12 import EncryptedError, holds_pkcs12, parse_pkcs12

MOST_BLOCKS = 20_000
"""PEM blocks of one file."""

_SUFFIXES = (".cer", ".cert", ".crt", ".der", ".p12", ".pem", ".pfx")
_JAVA_KEYSTORES = (b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce")


@dataclass(frozen=True, slots=True)
class Held:
    """What a file holds.

    Attributes:
        fault: why the content could not be read completely; ``file`` is what could be read.
        by_password: the result may be different with another password.
    """

    file: CertificateFile
    fault: FileFault | None = None
    by_password: bool = False


def held_in(data: bytes, path: str, password: str | Unread, *, named: bool) -> Held:
    """Return what ``data`` holds.

    Args:
        data: content of a file.
        path: of the file, as it is shown.
        password: of PKCS#12 files; empty for none.
        named: whether the configuration names this very file, so that it must hold something.
    """
    if holds_pkcs12(data):
        return _held_in_pkcs12(data, path, password)
    if data.count(BEGIN) > MOST_BLOCKS:
        fault = FileFault(InventoryFault.TOO_LARGE, f"holds more than {MOST_BLOCKS} blocks of PEM")
        return Held(CertificateFile(path), fault)
    file = parse(data, path)
    # the inventory has no use for revocation lists, and they may be large
    return Held(replace(file, revocation_lists=()), _fault(file, data, named=named))


def _held_in_pkcs12(data: bytes, path: str, password: str | Unread) -> Held:
    known = "" if isinstance(password, Unread) else password
    try:
        file = parse_pkcs12(data, path, known)
    except EncryptedError:
        detail = "its password is another one" if known else "no password is configured for it"
        if isinstance(password, Unread):
            detail = password.detail
        fault = FileFault(InventoryFault.ENCRYPTED, detail)
    except ValueError:
        fault = FileFault(InventoryFault.UNPARSABLE, "is a damaged or unusual PKCS#12 file")
    else:
        return Held(file, _fault(file, data, named=True), by_password=True)
    return Held(CertificateFile(path), fault, by_password=True)


def _fault(file: CertificateFile, data: bytes, *, named: bool) -> FileFault | None:
    read = len(file.certificates) + len(file.revocation_lists)
    if file.unparsable:
        detail = f"{file.unparsable} of {file.unparsable + read} certificates and lists"
        return FileFault(InventoryFault.UNPARSABLE, detail)
    if read or not (named or _should_hold_one(file.path, data)):
        return None
    if data.startswith(_JAVA_KEYSTORES):
        detail = "is a Java keystore, which is not read: convert it to PKCS#12"
        return FileFault(InventoryFault.NO_CERTIFICATE, detail)
    return FileFault(InventoryFault.NO_CERTIFICATE, "" if data else "is empty")


def _should_hold_one(path: str, data: bytes) -> bool:
    # keys are kept in the same folders as certificates, under all sorts of names
    return path.lower().endswith(_SUFFIXES) and not holds_pem(data)
