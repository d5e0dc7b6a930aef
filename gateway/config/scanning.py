"""`[scanner]`: a virus scanner on this machine that every message is shown before it is accepted."""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Final

from pydantic import BeforeValidator

from gateway.config import values
from gateway.config.fields import Kind, PositiveDuration, Section, setting

EXAMPLE: Final = "/run/clamav/clamd.ctl"
ScannerAddress = Path | values.HostPort


def parse_scanner(value: object) -> ScannerAddress | None:
    """Read the path of a Unix socket or a loopback host:port; empty: None. Raises: ValueError.

    What it is shown is not sealed, so it never leaves this machine.
    """
    if value is None or isinstance(value, ScannerAddress):
        return value
    if value == "":
        return None
    if isinstance(value, str) and value.startswith("/"):
        return Path(value)
    address = values.parse_address(value)
    if not _is_here(address.host):
        raise ValueError(f'"{value}" is another machine, which mail would reach in clear; write "{EXAMPLE}"')
    return address


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False  # a name may lead anywhere


class Scanner(Section):
    """A virus scanner on this machine. Without its word no message is accepted: the client is told to try later."""

    clamd: Annotated[ScannerAddress | None, BeforeValidator(parse_scanner), Kind("socket or host:port")] = setting(
        "", "Where ClamAV's clamd listens; it needs AlertExceedsMax. Empty: mail is not scanned.", example=EXAMPLE
    )
    timeout: PositiveDuration = setting("60s", "How long one scan may take.")
