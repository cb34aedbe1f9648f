"""Certificates read from files and over the wire, and verified as PostgreSQL verifies them."""
