"""From the text of a configuration file to settings, or to every problem it has.

Nothing here touches what the settings name: `check.py` does, for `check-config` and before `serve` starts.
"""

import re
import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gateway.config.conflicts import find_conflicts
from gateway.config.fields import UNSET
from gateway.config.lines import find_lines
from gateway.config.model import Domain, Limits, Listener, Settings
from gateway.config.notyet import find_unbuilt
from gateway.config.problems import ConfigError, Fault, Origin, Problem, is_inside
from gateway.config.sending import TlsReports
from gateway.config.words import explain
from policy.decision import Method


def load(path: Path) -> Settings:
    """Read a configuration file.

    Raises: ConfigError with every problem of its text; settings are never half-read.
    """
    return parse(read_text(path), path)


def parse(text: str, file: Path) -> Settings:
    """Read the text of a configuration file; `file` only names it in problems. Raises: ConfigError."""
    document = read_document(text, file)
    origin = Origin(file, find_lines(text))
    settings, faults = validate(document, origin)
    if settings is None or faults:
        raise ConfigError(origin.problem(key, text) for key, text in faults)
    return settings


def read_text(path: Path) -> str:
    """Raises: ConfigError when the file cannot be read or is not UTF-8."""
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise ConfigError([Problem(path, 0, "", f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError([Problem(path, line, "", "is not UTF-8, which TOML requires")]) from None


def read_document(text: str, file: Path) -> dict[str, Any]:
    """Raises: ConfigError with the line where the text stops being TOML."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        reason, _, place = str(error).rpartition(" (at ")
        remedy = f"is not TOML: {reason}; texts stand in quotes, lists in brackets"
        at_line = re.match(r"line ([0-9]+)", place)
        line = int(at_line[1]) if at_line else len(text.splitlines())  # else "at end of document"
        raise ConfigError([Problem(file, line, "", remedy)]) from None


def validate(document: dict[str, Any], origin: Origin) -> tuple[Settings | None, list[Fault]]:
    """The settings (None when a value is wrong in itself) and every fault that can be seen without touching files."""
    settings, faults = None, []
    try:
        settings = settle(Settings.model_validate(document, context=origin))
    except ValidationError as error:
        faults = list(explain(error))
    wrong = {key for key, _ in faults}
    unbuilt = [(key, text) for key, text in find_unbuilt(document) if key not in wrong]
    faults = [fault for fault in faults if not any(is_inside(fault[0], key) for key, _ in unbuilt)] + unbuilt
    if settings is not None:
        faults += [(conflict.keys[0], conflict.text) for conflict in find_conflicts(settings)]
    return settings, faults


def settle(settings: Settings) -> Settings:
    """Fill in the settings that follow from others where the file does not set them."""
    server, portal, seal = settings.server, settings.portal, settings.seal
    if seal.master_key == UNSET and not seal.master_key_command:
        seal = seal.model_copy(update={"master_key": server.data_dir / "master.key"})
    added = settings.classification
    if added.patients_key == UNSET:
        added = added.model_copy(update={"patients_key": server.data_dir / "patients.key"})
    follows = {
        "certificate": server.tls.certificate if portal.certificate == UNSET else portal.certificate,
        "private_key": server.tls.private_key if portal.private_key == UNSET else portal.private_key,
        "base_url": portal.base_url or f"https://{server.hostname}",
        "neutral_domain": portal.neutral_domain or settings.domain[0].name,
    }
    domains = tuple(_with_defaults(domain, settings.delivery.methods) for domain in settings.domain)
    return settings.model_copy(
        update={
            "seal": seal,
            "classification": added,
            "portal": portal.model_copy(update=follows),
            "listener": tuple(_with_limits(listener, settings.limits) for listener in settings.listener),
            "domain": domains,
            "tls_reports": _reporter(settings.tls_reports, domains),
        }
    )


def _reporter(reports: TlsReports, domains: tuple[Domain, ...]) -> TlsReports:
    contact = reports.contact or f"postmaster@{domains[0].name}"
    names = {domain.name: domain.organisation for domain in domains}
    organisation = reports.organisation or names.get(contact.rpartition("@")[2], domains[0].organisation)
    return reports.model_copy(update={"contact": contact, "organisation": organisation})


def _with_defaults(domain: Domain, ladder: tuple[Method, ...]) -> Domain:
    follows = {"methods": domain.methods or ladder, "organisation": domain.organisation or domain.name}
    return domain.model_copy(update=follows)


def _with_limits(listener: Listener, general: Limits) -> Listener:
    own = listener.limits
    limits = general.model_copy(update={name: getattr(own, name) for name in own.model_fields_set})
    return listener.model_copy(update={"limits": limits})
