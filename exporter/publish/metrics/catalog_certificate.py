"""Metric families for certificates and revocation lists, of a target and of the inventory.

A family may have series of both. Those of the inventory have no label ``target``, because a
certificate in a file belongs to no server.
"""

from collections import Counter as Tally
from collections.abc import Iterable, Sequence
from functools import cached_property

from exporter.model.certificate import Certificate, CertificateSource, CertificateUsage
from exporter.model.certificates_report import Matched
from exporter.model.inventory import Inventory
from exporter.model.record import TargetRecord
from exporter.model.target_certificates import CertificatePlace
from exporter.publish.metrics.catalog_connection import SERIES_DROPPED
from exporter.publish.metrics.family import Gauge, Row
from exporter.publish.reading import Reading

MAX_INVENTORY_SERIES = 20_000
"""Series of one family of the inventory; beyond it, those that expire last are left out."""

CERTIFICATE_KEY = ("fingerprint", "subject_cn")

_PLACE_LABELS = ("usage", "source", *CERTIFICATE_KEY)
_INFO_LABELS = (
    *CERTIFICATE_KEY,
    "serial_number",
    "subject",
    "issuer",
    "key_type",
    "signature_algorithm",
    "path",
)
_NOT_AFTER = "certificate_not_after_timestamp_seconds"
_NOT_BEFORE = "certificate_not_before_timestamp_seconds"
_INFO = "certificate_info"


class InventoryReading:
    """The inventory as the metric families read it.

    Attributes:
        inventory: as last read.
        connections: live connections of all targets by the whole fingerprint they are matched to.
    """

    def __init__(self, inventory: Inventory, records: Sequence[TargetRecord]) -> None:
        self.inventory = inventory
        self.connections = Tally(
            connection.in_use.certificate.fingerprint
            for record in records
            if record.report is not None
            for connection in Reading(record, record.report).connections or ()
            if isinstance(connection.in_use, Matched)
        )

    @cached_property
    def places(self) -> tuple[CertificatePlace, ...]:
        """The certificates, sorted by notAfter."""
        found = (
            CertificatePlace(
                held.certificate,
                CertificateUsage.AUTHORITY
                if held.certificate.is_authority
                else CertificateUsage.CLIENT,
                CertificateSource.INVENTORY,
                held.paths,
            )
            for held in self.inventory.certificates
        )
        return tuple(sorted(found, key=lambda p: p.certificate.not_after))


def _place_labels(place: CertificatePlace) -> tuple[str, ...]:
    return (place.usage.value, place.source.value, *place.certificate.key)


def _not_after(places: Iterable[CertificatePlace]) -> Iterable[Row]:
    return ((_place_labels(p), p.certificate.not_after.timestamp()) for p in places)


def _not_before(places: Iterable[CertificatePlace]) -> Iterable[Row]:
    return ((_place_labels(p), p.certificate.not_before.timestamp()) for p in places)


def _info(places: Iterable[CertificatePlace]) -> Iterable[Row]:
    # a certificate at several places is described once, by the first path that is known
    paths: dict[Certificate, str] = {}
    for place in places:
        path = place.paths[0] if place.paths else ""
        paths[place.certificate] = paths.get(place.certificate) or path
    for certificate, path in paths.items():
        labels = (
            *certificate.key,
            str(certificate.serial_number),
            certificate.subject.rfc2253,
            certificate.issuer.rfc2253,
            certificate.key_type,
            certificate.signature_algorithm,
            path,
        )
        yield labels, 1


def _verification(reading: Reading) -> Iterable[Row]:
    return (
        ((*v.certificate.key, v.usage.value, v.result), 1)
        for v in reading.report.certificates.verified
    )


def _server_certificate_pending(reading: Reading) -> Iterable[Row]:
    pending = reading.report.certificates.server_certificate_pending
    return () if pending is None else (((), pending),)


def _next_updates(reading: Reading) -> Iterable[Row]:
    """Return the earliest nextUpdate of the lists that share issuer and source."""
    earliest: dict[tuple[str, str], float] = {}
    for listed in reading.report.certificates.revocation_lists:
        end = listed.revocation_list.next_update
        if end is not None:
            key = (listed.revocation_list.issuer.common_name, listed.source.value)
            earliest[key] = min(end.timestamp(), earliest.get(key, float("inf")))
    return earliest.items()


def _this_updates(reading: Reading) -> Iterable[Row]:
    """Return the earliest thisUpdate of the lists that share issuer and source."""
    oldest: dict[tuple[str, str], float] = {}
    for listed in reading.report.certificates.revocation_lists:
        key = (listed.revocation_list.issuer.common_name, listed.source.value)
        start = listed.revocation_list.this_update.timestamp()
        oldest[key] = min(start, oldest.get(key, float("inf")))
    return oldest.items()


CERTIFICATE_FAMILIES: tuple[Gauge[Reading], ...] = (
    Gauge(
        name=_NOT_AFTER,
        meaning="When a certificate expires, in unix time; one series for each certificate, use "
        "and source, however many files contain it. It remains after the certificate has expired.",
        source="TLS handshake; ssl_cert_file, ssl_ca_file; sslcert of a standby; inventory",
        labels=_PLACE_LABELS,
        read=lambda r: _not_after(r.report.certificates.places),
    ),
    Gauge(
        name=_NOT_BEFORE,
        meaning="The notBefore of a certificate, in unix time.",
        source="as above",
        labels=_PLACE_LABELS,
        read=lambda r: _not_before(r.report.certificates.places),
    ),
    Gauge(
        name=_INFO,
        meaning="Always 1; describes a certificate (names as in RFC 2253, serial number in "
        "decimal, the first file it was found in).",
        labels=_INFO_LABELS,
        read=lambda r: _info(r.report.certificates.places),
    ),
    Gauge(
        name="certificate_verification",
        meaning="1 for the result of verifying a certificate: the one that the server sends, as a "
        "client with sslmode=verify-full would verify it, and those of its replication clients, as "
        "the server would. ok, not_checked (no CA file is configured), or OpenSSL's message.",
        labels=(*CERTIFICATE_KEY, "usage", "result"),
        read=_verification,
    ),
    Gauge(
        name="server_certificate_pending",
        meaning="1 if the server's certificate file differs from the certificate that it sends, "
        "because a reload is missing or failed; absent if either is not known.",
        source="ssl_cert_file, TLS handshake",
        read=_server_certificate_pending,
    ),
    Gauge(
        name="crl_next_update_timestamp_seconds",
        meaning="When a certificate revocation list (CRL) expires, in unix time: from then on "
        "every client below its issuer is rejected. The earliest, if an issuer has several lists.",
        source="ssl_crl_file, ssl_crl_dir",
        labels=("issuer_cn", "source"),
        read=_next_updates,
    ),
    Gauge(
        name="crl_this_update_timestamp_seconds",
        meaning="When a certificate revocation list was issued, in unix time.",
        source="ssl_crl_file, ssl_crl_dir",
        labels=("issuer_cn", "source"),
        read=_this_updates,
    ),
)
"""Of one target."""


def _errors(reading: InventoryReading) -> Iterable[Row]:
    return Tally((e.source, e.reason.value) for e in reading.inventory.errors).items()


_CAPPED: tuple[Gauge[InventoryReading], ...] = (
    *(
        Gauge(
            name=family.name,
            meaning=family.meaning,
            source=family.source,
            labels=family.labels,
            read=read,
            cap=MAX_INVENTORY_SERIES,
        )
        for family, read in zip(
            CERTIFICATE_FAMILIES[:3],
            (
                lambda r: _not_after(r.places),
                lambda r: _not_before(r.places),
                lambda r: _info(r.places),
            ),
            strict=True,
        )
    ),
    Gauge(
        name="certificate_connections",
        meaning="Live connections, of all targets together, that use a certificate of the "
        "inventory; zero included.",
        source="pg_stat_ssl",
        labels=CERTIFICATE_KEY,
        read=lambda r: (
            (certificate.key, r.connections[certificate.fingerprint])
            for certificate in (p.certificate for p in r.places)
            if not certificate.is_authority
        ),
        cap=MAX_INVENTORY_SERIES,
    ),
)

INVENTORY_FAMILIES: tuple[Gauge[InventoryReading], ...] = (
    *_CAPPED,
    Gauge(
        name="inventory_errors",
        meaning="Files of the inventory that cannot be read or parsed now.",
        labels=("source", "reason"),
        read=_errors,
    ),
    Gauge(
        name=SERIES_DROPPED.name,
        meaning=SERIES_DROPPED.meaning,
        labels=SERIES_DROPPED.labels,
        read=lambda r: (((family.full_name,), family.dropped(r)) for family in _CAPPED),
    ),
)
"""Of the inventory; they carry no ``target``."""
