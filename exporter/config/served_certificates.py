"""How the certificate that a target serves is looked at: its own keys over the defaults."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from exporter.config.checking import check
from exporter.config.document import Document
from exporter.config.faults import Fault, KeyPath
from exporter.config.files import file_fault
from exporter.config.parameters import SYSTEM_AUTHORITIES
from exporter.config.shapes import ServedCertificateShape
from exporter.model.served import ServedCertificateCheck

_ROOT_CERTIFICATE, _SYSTEM = SYSTEM_AUTHORITIES


@dataclass(frozen=True, slots=True)
class GivenCheck:
    """What the configuration says of the check; None where it says nothing.

    Attributes:
        authority: an absolute path, or ``system``.
    """

    check: bool | None = None
    interval: float | None = None
    host: str | None = None
    authority: str | None = None
    direct_tls: bool | None = None


def read_served_certificate(
    document: Document, path: KeyPath, value: object, base: GivenCheck, faults: list[Fault]
) -> GivenCheck:
    """Return ``base`` with what ``value`` says key by key."""
    shape, _ = check(ServedCertificateShape, document, path, value, faults)
    authority = shape.authority
    if authority is not None and authority != _SYSTEM:
        file = (document.file.parent / authority).absolute()
        if fault := file_fault(file):
            faults.append(document.fault((*path, "authority"), fault))
        authority = str(file)
    own = GivenCheck(shape.check, shape.interval, shape.host, authority, shape.direct_tls)
    said = {
        field.name: given
        for field in fields(own)
        if (given := getattr(own, field.name)) is not None
    }
    return replace(base, **said)


def served_certificate(
    given: GivenCheck, parameters: Mapping[str, str]
) -> ServedCertificateCheck | None:
    """Return the check of one target; None if it is switched off.

    Args:
        given: for this target.
        parameters: libpq's, of the exporter's own login: what it trusts, the standbys may trust.
    """
    if given.check is False:
        return None
    usual = ServedCertificateCheck()
    direct = parameters.get("sslnegotiation") == "direct"
    return ServedCertificateCheck(
        interval_seconds=usual.interval_seconds if given.interval is None else given.interval,
        host=given.host,
        authority_file=given.authority or parameters.get(_ROOT_CERTIFICATE),
        direct_tls=direct if given.direct_tls is None else given.direct_tls,
    )
