"""From the text of a configuration file to settings, or to every problem it has.

Nothing here touches what the settings name: `check.py` does, for `check-config` and before `serve` starts.
"""

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gateway.config.fields import UNSET
from gateway.config.lines import find_lines, line_of
from gateway.config.model import Limits, Listener, Settings
from gateway.config.notyet import find_unbuilt
from gateway.config.problems import ConfigError, Key, Problem, dotted
from gateway.config.words import explain


def load(path: Path) -> Settings:
    """Read a configuration file.

    Raises: ConfigError with every problem; settings are never half-read.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise ConfigError([Problem(path, 0, "", f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError([Problem(path, line, "", "is not UTF-8, which TOML requires")]) from None
    return parse(text, path)


def parse(text: str, file: Path) -> Settings:
    """Read the text of a configuration file; `file` only names it in problems. Raises: ConfigError."""
    document = _read_toml(text, file)
    lines = find_lines(text)
    found: list[tuple[Key, str]] = []
    settings = None
    try:
        settings = settle(Settings.model_validate(document))
    except ValidationError as error:
        found += explain(error)
    wrong = {key for key, _ in found}
    found += [(key, text) for key, text in find_unbuilt(document) if key not in wrong]
    if settings is None or found:
        raise ConfigError(Problem(file, line_of(key, lines), dotted(key), text) for key, text in found)
    return settings


def _read_toml(text: str, file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        place = message.rpartition("(at line ")[2].partition(",")[0]
        line = int(place) if place.isdigit() else text.count("\n") + 1
        reason = message.partition(" (at ")[0]
        raise ConfigError([Problem(file, line, "", f"is not TOML: {reason}")]) from None


def settle(settings: Settings) -> Settings:
    """Fill in the settings that follow from others where the file does not set them."""
    server, portal, seal = settings.server, settings.portal, settings.seal
    if seal.master_key == UNSET:
        seal = seal.model_copy(update={"master_key": server.data_dir / "master.key"})
    follows = {
        "certificate": server.tls.certificate if portal.certificate == UNSET else portal.certificate,
        "private_key": server.tls.private_key if portal.private_key == UNSET else portal.private_key,
        "base_url": portal.base_url or f"https://{server.hostname}",
    }
    ladder = settings.delivery.methods
    return settings.model_copy(
        update={
            "seal": seal,
            "portal": portal.model_copy(update=follows),
            "listener": tuple(_with_limits(listener, settings.limits) for listener in settings.listener),
            "domain": tuple(d if d.methods else d.model_copy(update={"methods": ladder}) for d in settings.domain),
        }
    )


def _with_limits(listener: Listener, general: Limits) -> Listener:
    own = listener.limits
    limits = general.model_copy(update={name: getattr(own, name) for name in own.model_fields_set})
    return listener.model_copy(update={"limits": limits})
