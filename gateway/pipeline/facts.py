"""What policy has to know about each recipient: the configured ladder, and whether a key is on file."""

from collections.abc import Container, Sequence

from gateway.config import Settings
from gateway.config.ways import recipient_facts
from policy.decide import Facts, RecipientFacts
from policy.phi.report import Report


class FactFinder:
    """Turns a sender, recipients and a report into the facts of a decision."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def gather(
        self, holders: Container[str], *, sender: str, recipients: Sequence[str], report: Report, requiretls: bool
    ) -> Facts:
        """Gather what a decision needs.

        holders: addresses, in lower case, with an OpenPGP key. sender: the address in the From field, which is ours.
        """
        found = [self._recipient(sender, address, has_key=address.lower() in holders) for address in recipients]
        return Facts(
            report=report, recipients=tuple(found), default=self._settings.policy.default, requiretls=requiretls
        )

    def _recipient(self, sender: str, address: str, *, has_key: bool) -> RecipientFacts:
        delivery, domains = self._settings.delivery, self._settings.domain
        return recipient_facts(delivery, domains, sender=sender, address=address, has_openpgp_key=has_key)
