"""What policy has to know about each recipient: the configured ladder, and whether a key is on file."""

from collections.abc import Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.config import Settings
from gateway.config.modes import RouteTlsKind
from gateway.delivery.routes import find_route
from gateway.message.address import domain_of
from gateway.store import certificates
from policy.decide import Facts, RecipientFacts, choose_methods
from policy.decision import Method
from policy.phi.report import Report


class FactFinder:
    """Turns a sender, recipients and a report into the facts of a decision."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._domain_methods: Mapping[str, tuple[Method, ...]] = {
            domain.name: domain.methods for domain in settings.domain if domain.methods != settings.delivery.methods
        }

    async def gather(
        self, conn: AsyncConnection, *, sender_domain: str, recipients: Sequence[str], report: Report, requiretls: bool
    ) -> Facts:
        """Look up what is needed for a decision; sender_domain: of the From field, which is ours."""
        found = [await self._recipient(conn, address, sender_domain) for address in recipients]
        return Facts(
            report=report,
            recipients=tuple(found),
            default=self._settings.policy.default,
            requiretls=requiretls,
        )

    async def _recipient(self, conn: AsyncConnection, address: str, sender_domain: str) -> RecipientFacts:
        delivery = self._settings.delivery
        route = find_route(domain_of(address), delivery.route)
        methods, source = choose_methods(
            route.methods if route else (), self._domain_methods.get(sender_domain, ()), delivery.methods
        )
        wants_key = Method.OPENPGP in methods
        return RecipientFacts(
            address=address,
            methods=methods,
            source=source,
            has_openpgp_key=wants_key and bool(await certificates.for_address(conn, address)),
            is_route_opportunistic=route is not None and route.tls.kind is RouteTlsKind.OPPORTUNISTIC,
            is_tls_vouched=delivery.smart_host is None
            or delivery.smart_host_attested
            or (route is not None and route.host is not None),
        )
