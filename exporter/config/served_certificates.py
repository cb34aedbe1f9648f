"""How the certificate that the server of a target sends is checked."""

from collections.abc import Mapping

from exporter.config.models import same_named
from exporter.config.parameters import SYSTEM_AUTHORITIES
from exporter.config.shapes import ServedCertificateShape
from exporter.model.served import ServedCertificateCheck

_ROOT_CERTIFICATE, _ = SYSTEM_AUTHORITIES


def served_certificate(
    shape: ServedCertificateShape, parameters: Mapping[str, str]
) -> ServedCertificateCheck | None:
    """Return the check of one target; None if it is switched off.

    Args:
        shape: of this target, merged with the defaults.
        parameters: libpq's, of the exporter's own login: the standbys may trust the same CA.
    """
    if not shape.check:
        return None
    direct = parameters.get("sslnegotiation") == "direct"
    return ServedCertificateCheck(
        authority_file=shape.authority or parameters.get(_ROOT_CERTIFICATE),
        direct_tls=direct if shape.direct_tls is None else shape.direct_tls,
        **same_named(shape, ServedCertificateCheck, "direct_tls"),
    )
