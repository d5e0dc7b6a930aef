"""What policy has to know about each recipient: the configured ladder, and whether a key is on file."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.config import Settings
from gateway.config.ways import recipient_facts
from gateway.store import certificates
from policy.decide import Facts, RecipientFacts
from policy.phi.report import Report


class FactFinder:
    """Turns a sender, recipients and a report into the facts of a decision."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def gather(
        self, conn: AsyncConnection, *, sender: str, recipients: Sequence[str], report: Report, requiretls: bool
    ) -> Facts:
        """Look up what a decision needs. sender: the address in the From field, which is ours."""
        found = [await self._recipient(conn, sender, address) for address in recipients]
        return Facts(
            report=report, recipients=tuple(found), default=self._settings.policy.default, requiretls=requiretls
        )

    async def _recipient(self, conn: AsyncConnection, sender: str, address: str) -> RecipientFacts:
        delivery, domains = self._settings.delivery, self._settings.domain
        has_key = bool(await certificates.for_address(conn, address))
        return recipient_facts(delivery, domains, sender=sender, address=address, has_openpgp_key=has_key)
