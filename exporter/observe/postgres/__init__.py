"""Reading one PostgreSQL server: one module per thing read."""
