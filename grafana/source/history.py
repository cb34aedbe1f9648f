"""The third row: since when is it so?"""

from grafana.source import looks
from grafana.source.parts import About, Panel, graph
from grafana.source.queries import KEY, once, per_minute

TITLE = "Since when?"


def panels() -> list[Panel]:
    """Return the graphs of verdicts, postures and sessions."""
    begun = per_minute("target, kind, verdict", "pgrepl_sessions_observed_total")
    return [
        graph(
            About(
                "Connections by verdict",
                "All connections, held against the policy of their target. A gap or a fall may be "
                "a target that is down.",
                ("PgReplicationNotEncrypted",),
            ),
            [
                (
                    f"sum by (verdict) ({once('target, verdict', 'pgrepl_target_connections')})",
                    "{{verdict}}",
                )
            ],
            stacked=True,
            colours=looks.VERDICTS,
            width=8,
        ),
        graph(
            About(
                "Connections by posture", "How the connections are secured, whatever the policy."
            ),
            [
                (
                    f"sum by (posture) ({once(f'{KEY}, posture', 'pgrepl_connections')})",
                    "{{posture}}",
                )
            ],
            stacked=True,
            colours=looks.POSTURES,
            width=8,
        ),
        graph(
            About(
                "New sessions per minute",
                "Replication sessions that begin, with the verdict they had when first seen. Short "
                "ones show here and not among the connections.",
                ("PgReplicationInsecureSessions",),
            ),
            [(f"sum by (verdict) ({begun})", "{{verdict}}")],
            colours=looks.VERDICTS,
            width=8,
        ),
    ]
