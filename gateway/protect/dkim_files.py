"""The DKIM keys that the configuration names."""

from gateway.config import Settings
from gateway.protect.dkim_keys import DkimKey
from gateway.protect.errors import DkimKeyError


def configured_keys(settings: Settings) -> tuple[DkimKey, ...]:
    """Read from their files, in the order of the configuration.

    Raises: DkimKeyError with the file's name, OSError.
    """
    keys = []
    for domain in settings.domain:
        for entry in domain.dkim:
            pem = entry.private_key.read_bytes()
            try:
                keys.append(DkimKey.load(domain.name, entry.selector, pem))
            except DkimKeyError as why:
                raise DkimKeyError(f"{entry.private_key}: {why}") from None
    return tuple(keys)
