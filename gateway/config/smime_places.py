"""Who signs inside what S/MIME encrypts: one certificate and key for all our domains, or a domain's own. Pure.

No cryptography in here: every command reads the configuration, and loading that takes longer than most of them do.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway.config.model import Settings
from gateway.config.problems import Key, dotted


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityFiles:
    """Where an identity lies, and the keys that name it. domain: whose mail it signs; empty: of all without their own.

    One of the two paths may be missing only where the configuration is wrong.
    """

    certificate: Path | None
    private_key: Path | None
    domain: str
    certificate_key: Key
    private_key_key: Key

    @property
    def name(self) -> str:
        return dotted(self.certificate_key)

    @property
    def paths(self) -> tuple[Path, ...]:
        return tuple(path for path in (self.certificate, self.private_key) if path is not None)


def placed_smime_identities(settings: Settings) -> Iterator[IdentityFiles]:
    """Every identity of the file, that of all domains first, whether it is complete or not."""
    own = settings.smime
    if own.certificate is not None or own.private_key is not None:
        yield IdentityFiles(
            certificate=own.certificate, private_key=own.private_key, domain="",
            certificate_key=("smime", "certificate"), private_key_key=("smime", "private_key"),
        )  # fmt: skip
    for number, domain in enumerate(settings.domain):
        if domain.smime_certificate is not None or domain.smime_private_key is not None:
            here = ("domain", number)
            yield IdentityFiles(
                certificate=domain.smime_certificate, private_key=domain.smime_private_key, domain=domain.name,
                certificate_key=(*here, "smime_certificate"), private_key_key=(*here, "smime_private_key"),
            )  # fmt: skip
