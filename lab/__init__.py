"""Real PostgreSQL servers, certificates and replication clients, for tests, demo and bench."""
