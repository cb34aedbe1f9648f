"""What the Makefile calls: set-up, checks, and stages; nothing here is part of the exporter."""
