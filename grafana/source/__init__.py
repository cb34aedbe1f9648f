"""The dashboard as code: ``python -m grafana.source`` writes grafana/dashboard.json."""
