"""From config.yml to frozen settings: the only package that knows YAML and pydantic."""

from exporter.config.faults import ConfigurationError, Fault
from exporter.config.loading import load
from exporter.config.settings import Settings

__all__ = ["ConfigurationError", "Fault", "Settings", "load"]
