"""The fourth row: certificates, authorities and revocation lists by what ends first."""

from grafana.source import looks
from grafana.source.parts import About, Column, Panel, bars, in_days, listing, number, worded
from grafana.source.queries import JOBS, TARGETS_AND_INVENTORY, chosen, days_until, once, or_zero

TITLE = "Certificates and revocation lists, by what ends first"
_USAGES = {
    "server": (looks.SKY, "server"),
    "client": (looks.GREEN, "client"),
    "authority": (looks.PURPLE, "authority"),
    "crl": (looks.YELLOW, "revocation list"),
}
_NONE = looks.ranges([(0, 0, looks.GOOD, "none")])


def panels() -> list[Panel]:
    """Return what ends, what does not verify, and what is not in use yet."""
    return [*_numbers(), _endings(), _next(), _verification()]


def _lists(by: str) -> str:
    lists = chosen("pgrepl_crl_next_update_timestamp_seconds")
    named = f'label_replace({lists}, "subject_cn", "$1", "issuer_cn", "(.*)")'
    return f'min by ({by}) (label_replace({named}, "usage", "crl", "usage", ""))'


def _until_the_end(by: str) -> str:
    certificates = chosen(
        "pgrepl_certificate_not_after_timestamp_seconds", scope=TARGETS_AND_INVENTORY
    )
    return days_until(f"(min by ({by}) ({certificates}) or {_lists(by)})")


def _endings() -> Panel:
    by = "target, usage, subject_cn, fingerprint"
    return listing(
        About(
            "What ends",
            "Every known certificate and revocation list, once for each target, and once more "
            "where the inventory holds it; the 500 that end first. A list that has ended refuses "
            "every client below its issuer.",
            (
                "PgReplicationServerCertificateExpires",
                "PgReplicationClientCertificateExpires",
                "PgReplicationAuthorityExpires",
                "PgReplicationRevocationListExpires",
            ),
        ),
        [f"bottomk(500, {_until_the_end(by)})"],
        [
            Column("Value", "Ends in", 90, in_days()),
            Column("usage", "Kind", 105, worded(looks.words(_USAGES), filled=False)),
            Column("subject_cn", "Name", 175),
            Column(
                "target",
                "Target",
                100,
                {"mappings": [looks.words({"": (None, "inventory")})]},
            ),
            Column("fingerprint", "Fingerprint", 150),
        ],
        ("Ends in", False),
        width=10,
        height=11,
    )


def _next() -> Panel:
    return bars(
        About(
            "The next 20 to end",
            "Days until each ends; a certificate that is in several places is counted once.",
            ("PgReplicationClientCertificateExpires", "PgReplicationServerCertificateExpires"),
        ),
        f"bottomk(20, {_until_the_end('usage, subject_cn')})",
        "{{subject_cn}} ({{usage}})",
        looks.days_left(),
        unit=looks.DAYS,
        width=7,
        height=11,
    )


def _verification() -> Panel:
    by = "target, subject_cn, usage, result"
    failing, rest = (
        f"{weight} * group by ({by}) ({chosen('pgrepl_certificate_verification', f'result{of}')})"
        for weight, of in ((2, '!~"ok|not_checked"'), (1, '=~"ok|not_checked"'))
    )
    results = {"ok": (looks.GOOD, "ok"), "not_checked": (looks.GREY, "not checked")}
    return listing(
        About(
            "Do they verify?",
            "What a client with sslmode=verify-full would make of each server's certificate, and "
            "the server of each client's. Failures stand first, in OpenSSL's words.",
            ("PgReplicationVerificationFails",),
        ),
        [f"{failing}\nor {rest}"],
        [
            Column(
                "Value",
                "Verifies",
                80,
                worded(
                    looks.ranges([(2, 2, looks.BAD, "no"), (1, 1, looks.GOOD, "yes")]), filled=True
                ),
            ),
            Column("subject_cn", "Name", 120),
            Column("target", "Target", 95),
            Column("result", "Result", 0, worded(looks.words(results), filled=False)),
        ],
        ("Verifies", True),
        hidden=["usage"],
        width=7,
        height=11,
    )


def _numbers() -> list[Panel]:
    renewed = chosen("pgrepl_client_certificate_pending")
    failing = chosen("pgrepl_certificate_verification", 'result!~"ok|not_checked"')
    errors = chosen("pgrepl_inventory_errors", scope=JOBS)
    return [
        number(
            About(
                "Do not verify",
                "Certificates that a peer would refuse as they are now.",
                ("PgReplicationVerificationFails",),
            ),
            or_zero(f"count(group by (target, fingerprint, usage) ({failing}))"),
            looks.none_is_good(),
            width=6,
            texts=_NONE,
        ),
        number(
            About(
                "Renewed, not served",
                "Servers whose certificate file differs from what they serve: a reload is missing "
                "or has failed.",
                ("PgReplicationServerCertificateNotServed",),
            ),
            or_zero(f"sum({once('target', 'pgrepl_server_certificate_pending')})"),
            looks.none_is_good(looks.DOUBTFUL),
            width=6,
            texts=_NONE,
        ),
        number(
            About(
                "Renewed, not in use yet",
                "Clients that own a newer certificate than the one in use. That is normal until "
                "they connect again.",
            ),
            or_zero(
                f"sum(max by (target, application_name, usename, client_addr, kind) ({renewed}))"
            ),
            looks.steps(looks.GREY, (1, looks.ACCEPTED)),
            width=6,
            texts=looks.ranges([(0, 0, looks.GREY, "none")]),
        ),
        number(
            About(
                "Inventory files unreadable",
                "Files of the inventory that cannot be read or parsed now: what they hold is not "
                "watched.",
                ("PgReplicationInventoryUnreadable",),
            ),
            or_zero(f"sum(max by (source, reason) ({errors}))"),
            looks.none_is_good(looks.DOUBTFUL),
            width=6,
            texts=_NONE,
        ),
    ]
