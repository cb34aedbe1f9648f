"""Certificates in files: finding and reading them."""
