"""The configuration file as typed, frozen settings; every error names file, line, key and what would be right."""

from gateway.config.load import load, parse
from gateway.config.model import Settings
from gateway.config.problems import ConfigError, Problem
from gateway.config.values import HostPort

__all__ = ["ConfigError", "HostPort", "Problem", "Settings", "load", "parse"]
