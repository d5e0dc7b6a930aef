"""TOML for tests: the standard library reads it and does not write it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A document with some of its keys replaced; tables are merged, everything else is taken as it is."""
    merged = dict(base)
    for key, value in changes.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def dump(document: Mapping[str, Any]) -> str:
    """One line for each top-level key, tables inline."""
    return "".join(f"{key} = {_value(value)}\n" for key, value in document.items())


def _value(value: Any) -> str:
    match value:
        case Mapping():
            return "{ " + ", ".join(f"{key} = {_value(item)}" for key, item in value.items()) + " }"
        case list() | tuple():
            return "[" + ", ".join(map(_value, value)) + "]"
        case Path():
            return json.dumps(str(value))
        case _:
            return json.dumps(value)
