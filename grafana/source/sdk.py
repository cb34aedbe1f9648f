"""The builders of Grafana's own SDK, imported in one place.

The classic model warns when it is imported that a second one exists, which only the newest Grafana
reads.
"""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana_foundation_sdk.builders import (
        bargauge,
        common,
        prometheus,
        stat,
        table,
        timeseries,
    )
    from grafana_foundation_sdk.builders import dashboard as build
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models import common as enums
    from grafana_foundation_sdk.models import dashboard as model
    from grafana_foundation_sdk.models.prometheus import PromQueryFormat

__all__ = [
    "Builder",
    "JSONEncoder",
    "PromQueryFormat",
    "bargauge",
    "build",
    "common",
    "enums",
    "model",
    "prometheus",
    "stat",
    "table",
    "timeseries",
]
