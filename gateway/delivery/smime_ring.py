"""What the rung `smime` goes by besides the recipient's certificates: our anchors, read again when the file changes.

An anchor that was taken out of `smime.ca_file` counts no longer from the next message on. A file that cannot be read
lets nothing leave by this rung; the message waits.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gateway.delivery.revocation import REVOKED, Revocation
from gateway.delivery.smime_identities import SmimeIdentities
from gateway.protect.errors import CertificateError, SealError
from gateway.protect.smime.files import load_anchors
from gateway.protect.smime.mail import Candidate
from gateway.store.smime_certificates import SmimeCertificate, Trust


class SmimeRing:
    """ca_file: `smime.ca_file`. identities: who signs inside; None: nobody. revocation: asks issuers; None: nobody."""

    def __init__(
        self,
        ca_file: Path | None = None,
        identities: SmimeIdentities | None = None,
        revocation: Revocation | None = None,
    ) -> None:
        self.identities = identities or SmimeIdentities()
        self._revocation = revocation
        self._ca_file = ca_file
        self._known: tuple[tuple[int, int, int], frozenset[bytes]] | None = None

    async def candidates(self, on_file: Sequence[SmimeCertificate]) -> list[Candidate]:
        """Certificates as the sealer judges them: with a chain only where it still ends in an anchor of ours.

        Raises: SealError when the anchors cannot be read; StoreError.
        """
        if not on_file:
            return []
        try:
            anchors = await asyncio.to_thread(self._anchors)
        except (OSError, CertificateError):
            raise SealError("smime.ca_file cannot be read") from None
        return [await self._candidate(one, anchors) for one in on_file]

    async def _candidate(self, one: SmimeCertificate, anchors: frozenset[bytes]) -> Candidate:
        found = _candidate(one, anchors)
        if not found.path or found.refused or self._revocation is None:
            return found
        return replace(found, refused=await self._revocation.why_not(one))

    def _anchors(self) -> frozenset[bytes]:
        state = (0, 0, 0)
        if self._ca_file is not None:
            stat = self._ca_file.stat()
            state = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
        if self._known is None or self._known[0] != state:
            self._known = state, load_anchors(self._ca_file)
        return self._known[1]


def _candidate(one: SmimeCertificate, anchors: frozenset[bytes]) -> Candidate:
    is_trusted = one.trust in (Trust.PERSON, Trust.DOMAIN) or (one.trust is Trust.CHAIN and one.certificate in anchors)
    is_chained = one.trust is Trust.CHAIN and bool(one.chain) and one.chain[-1] in anchors
    refused = REVOKED if one.trust is Trust.REVOKED else ""
    return Candidate(one.certificate, path=one.chain if is_chained else (), is_trusted=is_trusted, refused=refused)
