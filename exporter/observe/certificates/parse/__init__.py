"""Parsing of certificates, revocation lists and names."""
