"""What /metrics exposes about certificates of targets and of the inventory."""

from collections.abc import Sequence
from dataclasses import replace

from exporter.model.certificate import Certificate, CertificateSource
from exporter.model.certificates_report import Ambiguous, Unmatched
from exporter.model.inventory import (
    Inventory,
    InventoryCertificate,
    InventoryError,
    InventoryFault,
)
from exporter.model.record import TargetRecord
from exporter.model.target_certificates import ListedRevocations
from exporter.publish.metrics import catalog_certificate
from exporter.publish.metrics.catalog import INVENTORY_ONLY, PER_TARGET
from exporter.publish.metrics.catalog_certificate import INVENTORY_FAMILIES, InventoryReading
from exporter.publish.metrics.exposition import Exposition
from tests.unit.certificates import certificate, revocation_list
from tests.unit.publish.metrics.scrape import STATE, Series, scraped, series_of, values
from tests.unit.reports import (
    AUTHORITY,
    DOWN,
    IN_USE,
    NOW,
    RECORD,
    RENEWED,
    REPLICA,
    SERVED,
    named,
    with_connections,
)

KEY = ("fingerprint", "subject_cn")
UNUSED = certificate("spare", serial_number=99, days_left=-3)


def inventory(*certificates: Certificate, errors: Sequence[InventoryError] = ()) -> Inventory:
    held = tuple(
        InventoryCertificate(c, (), (f"/pki/{c.serial_number}.crt",), ()) for c in certificates
    )
    return Inventory(held, tuple(errors), NOW)


def with_inventory(known: Inventory, *records: TargetRecord) -> dict[Series, float]:
    return series_of(Exposition().page(records, replace(STATE, inventory=known)))


def test_a_certificate_has_one_series_for_each_use_and_place() -> None:
    samples = values(
        scraped(RECORD),
        "pgrepl_certificate_not_after_timestamp_seconds",
        "target",
        "usage",
        "source",
        *KEY,
    )
    assert samples == {
        ("primary", "server", "served", *SERVED.key): SERVED.not_after.timestamp(),
        ("primary", "server", "server_file", *SERVED.key): SERVED.not_after.timestamp(),
        ("primary", "authority", "server_file", *AUTHORITY.key): AUTHORITY.not_after.timestamp(),
    }


def test_a_certificate_at_two_places_is_described_once_with_the_path_that_is_known() -> None:
    samples = values(
        scraped(RECORD), "pgrepl_certificate_info", *KEY, "serial_number", "subject", "path"
    )
    assert samples == {
        (*SERVED.key, "8", "CN=db1.example.com,O=Lab", "server.crt"): 1,
        (*AUTHORITY.key, "1", "CN=Lab authority,O=Lab", "ca.crt"): 1,
    }


def test_what_verification_says_stands_in_the_result() -> None:
    samples = values(scraped(RECORD), "pgrepl_certificate_verification", *KEY, "usage", "result")
    assert samples == {(*SERVED.key, "server", "ok"): 1, (*RENEWED.key, "client", "ok"): 1}


def test_a_pending_server_certificate_is_absent_where_it_is_not_known() -> None:
    assert RECORD.report is not None
    known = values(scraped(RECORD), "pgrepl_server_certificate_pending", "target")
    assert known == {("primary",): 0}
    unknown = replace(RECORD.report.certificates, server_certificate_pending=None)
    record = replace(RECORD, report=replace(RECORD.report, certificates=unknown))
    assert values(scraped(record), "pgrepl_server_certificate_pending") == {}


def test_certificates_of_a_target_whose_poll_failed_are_reported_all_the_same() -> None:
    assert DOWN.report is not None
    samples = values(
        scraped(DOWN), "pgrepl_certificate_not_after_timestamp_seconds", "source", *KEY
    )
    assert ("served", *SERVED.key) in samples


def test_the_revocation_list_of_an_issuer_that_expires_first_is_reported() -> None:
    assert RECORD.report is not None
    lists = tuple(
        ListedRevocations(each, CertificateSource.SERVER_FILE)
        for each in (
            revocation_list(days_left=7, days_old=2),
            revocation_list(days_left=3, days_old=1),
            revocation_list(days_left=None, days_old=400),
            revocation_list("Other", days_left=None, days_old=5),
        )
    )
    certificates = replace(RECORD.report.certificates, revocation_lists=lists)
    series = scraped(replace(RECORD, report=replace(RECORD.report, certificates=certificates)))
    day = 86400
    assert values(series, "pgrepl_crl_next_update_timestamp_seconds", "issuer_cn", "source") == {
        ("Lab authority", "server_file"): NOW.timestamp() + 3 * day
    }
    assert values(series, "pgrepl_crl_this_update_timestamp_seconds", "issuer_cn") == {
        ("Lab authority",): NOW.timestamp() - 400 * day,
        ("Other",): NOW.timestamp() - 5 * day,
    }


def test_a_connection_shows_the_certificate_it_uses_and_what_waits_for_a_reconnect() -> None:
    series = scraped(with_connections([REPLICA]))
    fingerprints = values(series, "pgrepl_connection_info", "application_name", "fingerprint")
    assert fingerprints == {("standby1", IN_USE.key[0]): 1}
    assert values(
        series, "pgrepl_connection_certificate_not_after_timestamp_seconds", "usename"
    ) == {("replicator",): IN_USE.not_after.timestamp()}
    assert values(series, "pgrepl_connection_breaks_timestamp_seconds", "usename", "cause") == {
        ("replicator", "expired"): RENEWED.not_after.timestamp()
    }
    assert values(series, "pgrepl_client_certificate_pending", "usename") == {("replicator",): 1}


def test_a_certificate_that_is_not_known_for_sure_has_no_end_and_no_fingerprint() -> None:
    for in_use in (Ambiguous((IN_USE, RENEWED)), Unmatched()):
        series = scraped(with_connections([replace(REPLICA, in_use=in_use)]))
        fingerprints = values(series, "pgrepl_connection_info", "application_name", "fingerprint")
        assert fingerprints == {("standby1", ""): 1}
        assert values(series, "pgrepl_connection_certificate_not_after_timestamp_seconds") == {}


def test_the_inventory_is_reported_without_a_target() -> None:
    series = with_inventory(inventory(IN_USE, UNUSED, AUTHORITY))
    reported = {
        frozenset(labels): value
        for (name, labels), value in series.items()
        if name == "pgrepl_certificate_not_after_timestamp_seconds"
    }
    assert reported == {
        frozenset(
            {
                "usage": "authority" if c is AUTHORITY else "client",
                "source": "inventory",
                "fingerprint": c.key[0],
                "subject_cn": c.key[1],
            }.items()
        ): c.not_after.timestamp()
        for c in (IN_USE, UNUSED, AUTHORITY)
    }


def test_connections_that_use_a_certificate_are_counted_over_all_targets() -> None:
    one = with_connections([REPLICA])
    other = named(with_connections([REPLICA, REPLICA]), "other")
    series = with_inventory(inventory(IN_USE, UNUSED, AUTHORITY), one, other, DOWN)
    assert values(series, "pgrepl_certificate_connections", *KEY) == {
        IN_USE.key: 3,
        UNUSED.key: 0,
    }


def test_files_of_the_inventory_that_cannot_be_read_are_counted_by_reason() -> None:
    errors = [
        InventoryError("clients", f"/pki/{n}", reason)
        for n, reason in enumerate(
            (InventoryFault.PERMISSION, InventoryFault.PERMISSION, InventoryFault.TOO_LARGE)
        )
    ]
    series = with_inventory(inventory(errors=errors))
    assert values(series, "pgrepl_inventory_errors", "source", "reason") == {
        ("clients", "permission"): 2,
        ("clients", "too_large"): 1,
    }


def test_without_an_inventory_nothing_is_reported_of_one() -> None:
    samples = {name for name, _ in scraped(RECORD)}
    assert samples.isdisjoint(family.full_name for family in INVENTORY_ONLY)


def test_a_page_follows_the_inventory_though_no_target_changed() -> None:
    exposition = Exposition()
    first = series_of(exposition.page([RECORD], replace(STATE, inventory=inventory(IN_USE))))
    second = series_of(exposition.page([RECORD], replace(STATE, inventory=inventory(UNUSED))))
    assert set(values(first, "pgrepl_certificate_connections", *KEY)) == {IN_USE.key}
    assert set(values(second, "pgrepl_certificate_connections", *KEY)) == {UNUSED.key}


def test_families_of_one_name_are_one_family() -> None:
    of_targets = {family.name: family for family in PER_TARGET}
    shared = [family for family in INVENTORY_FAMILIES if family.name in of_targets]
    assert {family.name for family in shared} >= {"certificate_info", "series_dropped"}
    for family in shared:
        other = of_targets[family.name]
        assert (family.kind, family.labels) == (other.kind, other.labels)
        assert family.empty().documentation == other.empty().documentation


def test_beyond_the_limit_the_certificates_that_end_last_are_left_out() -> None:
    cap = catalog_certificate.MAX_INVENTORY_SERIES
    soonest, last = certificate("many", days_left=-3), certificate("many", days_left=900)
    held = inventory(*[certificate("many", days_left=9)] * (cap - 1), last, soonest)
    (family,) = [f for f in INVENTORY_FAMILIES if f.name == "certificate_connections"]
    reading = InventoryReading(held, ())
    assert family.cap == cap
    assert family.dropped(reading) == 1
    reported = [labels for labels, _ in family.read(reading)]
    assert (reported[0], reported[-1]) == (soonest.key, last.key)
    (dropped,) = [f for f in INVENTORY_FAMILIES if f.name == "series_dropped"]
    assert dict(dropped.read(reading))[("pgrepl_certificate_connections",)] == 1
