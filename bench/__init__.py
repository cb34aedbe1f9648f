"""What one poll costs, here and on the server, beside postgres_exporter; run by ``make bench``."""
