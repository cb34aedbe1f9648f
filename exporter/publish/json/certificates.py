"""Certificates in the report as JSON: of one connection, and of one target."""

from typing import Any

from exporter.model.certificates_report import (
    Ambiguous,
    InUse,
    Matched,
    NextCertificate,
    NextUnknown,
    Unmatched,
)
from exporter.model.report import Connection
from exporter.model.target_certificates import TargetCertificates
from exporter.publish.json.findings import finding_objects
from exporter.publish.json.values import certificate_fields, iso
from exporter.publish.words.findings.text import texts
from exporter.publish.words.unknown import next_unknown_text

# Any: what json.dumps takes
_Object = dict[str, Any]


def connection_certificates(connection: Connection) -> _Object:
    """Return the fields of a connection that describe its certificates."""
    return {
        "certificate_in_use": _in_use(connection.in_use),
        "next_certificate": _next(connection.next_certificate),
        "certificate_pending": connection.certificate_pending,
        "breaks_at": iso(connection.breaks_at),
        "breaks_cause": connection.breaks_cause.value or None,
    }


def target_certificates(certificates: TargetCertificates) -> _Object:
    """Return what is known of the certificates of a target."""
    return {
        "served_at": iso(certificates.served_at),
        "server_certificate_pending": certificates.server_certificate_pending,
        "places": [
            {
                "usage": place.usage.value,
                "source": place.source.value,
                "paths": list(place.paths),
                **certificate_fields(place.certificate),
            }
            for place in certificates.places
        ],
        "verified": [
            {
                "fingerprint": verified.certificate.fingerprint,
                "usage": verified.usage.value,
                "result": verified.result,
            }
            for verified in certificates.verified
        ],
        "revocation_lists": [
            {
                "issuer": listed.revocation_list.issuer.rfc2253,
                "source": listed.source.value,
                # as text: up to 20 bytes
                "number": None
                if listed.revocation_list.number is None
                else str(listed.revocation_list.number),
                "this_update": iso(listed.revocation_list.this_update),
                "next_update": iso(listed.revocation_list.next_update),
            }
            for listed in certificates.revocation_lists
        ],
        "findings": finding_objects(certificates.findings),
        "explanation": list(texts(certificates.findings)),
    }


def _in_use(in_use: InUse | None) -> _Object | None:
    match in_use:
        case None:
            return None
        case Matched(certificate):
            return {"match": "one", **certificate_fields(certificate)}
        case Ambiguous(candidates):
            return {"match": "several", "candidates": [certificate_fields(c) for c in candidates]}
        case Unmatched():
            return {"match": "none"}


def _next(known: NextCertificate | NextUnknown) -> _Object:
    match known:
        case NextUnknown(why):
            return {"known": False, "why": next_unknown_text(why)}
        case NextCertificate():
            return {
                "known": True,
                "source": known.source.value,
                "path": known.path,
                "verification": None if known.verification is None else known.verification.result,
                "name": known.name.value,
                **certificate_fields(known.certificate),
            }
