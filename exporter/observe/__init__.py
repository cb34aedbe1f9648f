"""Reads outside systems: servers and files. Values are returned as they were read."""
