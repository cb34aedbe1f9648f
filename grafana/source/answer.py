"""The first row: is anything wrong, and when will it be?"""

from grafana.source import looks
from grafana.source.parts import About, Panel, number
from grafana.source.queries import (
    JOBS,
    KEY,
    TARGETS_AND_INVENTORY,
    chosen,
    days_until,
    once,
    or_zero,
)

TITLE = "Is every replication connection secured by certificate?"
_NONE = looks.ranges([(0, 0, looks.GOOD, "none")])
_PLAIN = looks.steps(looks.GREY)


def panels() -> list[Panel]:
    """Return the numbers that answer the question."""
    return [*_now(), *_beside()]


def _verdict(verdict: str) -> str:
    counted = once("target", "pgrepl_target_connections", f'verdict="{verdict}"')
    return or_zero(f"sum({counted})")


def _now() -> list[Panel]:
    refused = once(KEY, "pgrepl_connection_forecast", 'forecast="refused"')
    breaks = once(f"{KEY}, cause", "pgrepl_connection_breaks_timestamp_seconds")
    ends = once(
        "subject_cn, usage",
        "pgrepl_certificate_not_after_timestamp_seconds",
        scope=TARGETS_AND_INVENTORY,
    )
    return [
        number(
            About(
                "Insecure",
                "Replication connections that are less than the policy of their target demands. "
                "A target that is down adds nothing here.",
                (
                    "PgReplicationNotEncrypted",
                    "PgReplicationTrusted",
                    "PgReplicationWithoutCertificate",
                    "PgReplicationCertificateNotRequired",
                ),
            ),
            _verdict("insecure"),
            looks.none_is_good(),
            texts=_NONE,
        ),
        number(
            About(
                "Unknown",
                "Connections of which too little can be seen or decided to say whether they are "
                "secure.",
                ("PgReplicationUnknown",),
            ),
            _verdict("unknown"),
            looks.none_is_good(looks.DOUBTFUL),
            texts=_NONE,
        ),
        number(
            About(
                "Reconnects refused",
                "Connections that live on, but would be refused if they had to connect again now.",
                ("PgReplicationReconnectRefused",),
            ),
            or_zero(f"count({refused})"),
            looks.none_is_good(),
            texts=_NONE,
        ),
        number(
            About(
                "Targets down",
                "Targets whose last poll failed. Nothing is known of their connections now.",
                ("PgReplicationTargetDown",),
            ),
            or_zero(f"count({once('target', 'pgrepl_up')} == 0)"),
            looks.none_is_good(),
            texts=_NONE,
        ),
        number(
            About(
                "First to be refused",
                "Days until the first connection could not be made again, because a certificate, "
                "an authority or a revocation list has ended by then; its client is named. Not "
                "known where no certificate is known.",
                (
                    "PgReplicationClientCertificateExpires",
                    "PgReplicationAuthorityExpires",
                    "PgReplicationRevocationListExpires",
                ),
            ),
            f"bottomk(1, {days_until(breaks)})",
            looks.days_left(),
            unit=looks.DAYS,
            legend="{{application_name}}",
        ),
        number(
            About(
                "First to end",
                "Days until the first of all known certificates ends, those of the inventory "
                "included. Negative when it has ended.",
                ("PgReplicationServerCertificateExpires", "PgReplicationClientCertificateExpires"),
            ),
            f"bottomk(1, {days_until(ends)})",
            looks.days_left(),
            unit=looks.DAYS,
            legend="{{subject_cn}} ({{usage}})",
        ),
    ]


def _beside() -> list[Panel]:
    begun = chosen("pgrepl_sessions_observed_total", 'verdict="insecure"')
    pending = once("target", "pgrepl_hba_state", 'state=~"pending|rejected"')
    soon = once("target, exemption", "pgrepl_exemption_end_timestamp_seconds")
    return [
        number(
            About("Secure", "Connections that are what the policy demands, or better."),
            _verdict("secure"),
            looks.steps(looks.GREY, (1, looks.GOOD)),
        ),
        number(
            About(
                "Exempt",
                "Connections that an exemption of the policy accepts though they are less than it "
                "demands.",
                ("PgReplicationExemptionEnds", "PgReplicationExemptionEnded"),
            ),
            _verdict("exempt"),
            looks.steps(looks.GREY, (1, looks.ACCEPTED)),
        ),
        number(
            About(
                "Insecure, in a day",
                "Insecure replication sessions that began in the last day, short ones such as base "
                "backups included. One that is shorter than the poll interval may go unseen.",
                ("PgReplicationInsecureSessions",),
            ),
            or_zero(f"sum(ceil(max by (target, kind) (increase({begun}[1d]))))"),
            looks.none_is_good(looks.DOUBTFUL),
            texts=_NONE,
        ),
        number(
            About(
                "Rules not in force",
                "Targets whose pg_hba.conf was changed and is not loaded (pending), or cannot be "
                "loaded because it has errors (rejected: the next restart fails).",
                ("PgReplicationRulesNotLoaded", "PgReplicationRulesRejected"),
            ),
            or_zero(f"sum({pending})"),
            looks.none_is_good(),
            texts=_NONE,
        ),
        number(
            About(
                "Exemptions ending",
                "Exemptions that end within 28 days, or have ended: what they cover is judged "
                "insecure from then on.",
                ("PgReplicationExemptionEnds", "PgReplicationExemptionEnded"),
            ),
            or_zero(f"count({soon} - time() < 28 * 86400)"),
            looks.none_is_good(looks.DOUBTFUL),
            texts=_NONE,
        ),
        number(
            About(
                "Targets",
                "Servers that the exporters are told to look at.",
                ("PgReplicationNoTargets",),
            ),
            f"max(sum by (instance) ({chosen('pgrepl_targets', scope=JOBS)}))",
            _PLAIN,
        ),
    ]
