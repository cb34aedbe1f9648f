"""Frozen types in PostgreSQL's and X.509's own words; nothing here does I/O or judges."""
