"""The place of a line of a configuration file."""

from exporter.model.hba import RuleLocation


def place(location: RuleLocation) -> str:
    """Return ``file, line N``."""
    return f"{location.file_name}, line {location.line_number}"
