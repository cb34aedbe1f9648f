"""Prometheus exporter for PostgreSQL replication that is not secured by certificate."""
