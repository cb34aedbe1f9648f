"""A real primary with real replication clients, some secured and some not, and the exporter."""
