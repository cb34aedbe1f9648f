"""Certificates on real servers: what the exporter forecasts is what a real client then meets."""
