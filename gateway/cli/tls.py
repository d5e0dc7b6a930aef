"""`mailward tls`: what TLS another domain offers, and what our mail would need there."""

import asyncio
from typing import TYPE_CHECKING, Final

import click

from gateway.cli.context import Status, config_option, fail, print_json, printable, settings_option
from gateway.config import Settings
from gateway.message.address import AddressError, domain_of, parse_address

if TYPE_CHECKING:
    from gateway.cli.tls_words import Found

CONNECT_S: Final = 10.0
PHASE_S: Final = 20.0  # a person waits; a delivery has more patience


@click.group()
@config_option
def tls() -> None:
    """What TLS another domain offers, and what we would require."""


@tls.command()
@click.argument("domain", metavar="DOMAIN")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@settings_option
def probe(settings: Settings, *, domain: str, as_json: bool) -> Status:
    """Look DOMAIN up, connect to its hosts, and end each session before any mail.

    Everything is asked anew: policies that the running gateway has kept do not count here. The exit status is 1 when
    no host proves what protected mail needs.
    """
    from gateway.cli.tls_words import as_facts, as_lines

    try:
        name = domain_of(parse_address(f"postmaster@{domain}", allows_utf8=True))
    except AddressError as error:
        fail(f"{domain} is no domain: {error}", Status.USAGE)
    found = _find(settings, name)
    if as_json:
        print_json(as_facts(found))
    else:
        for line in as_lines(found):
            click.echo(printable(line))
    return Status.DONE if found.is_good else Status.PROBLEM


def _find(settings: Settings, domain: str) -> "Found":
    from gateway import log
    from gateway.delivery.routes import Unroutable

    log.configure(level="error", style=settings.log.format.value)  # what failed is in the answer
    try:
        return asyncio.run(_probe(settings, domain))
    except Unroutable as error:
        fail(f"{domain}: {error.reply}", Status.PROBLEM if error.is_permanent else Status.TRY_LATER)
    except OSError as error:
        fail(f"{error.filename or 'dns.resolvers'}: {error.strerror or error}")


async def _probe(settings: Settings, domain: str) -> "Found":
    from gateway.cli.tls_words import Found
    from gateway.daemon.outbound import build_outbound
    from gateway.delivery.needs import OPPORTUNISTIC, protected_needs
    from gateway.delivery.probe import probe
    from gateway.delivery.timeouts import PHASE_LIMITS_S, TimeLimits
    from tls.dnssec.verify import ResolverVerdict
    from tls.mta_sts.cache import MemoryCache

    verdicts: list[ResolverVerdict] = []

    async def told(verdict: ResolverVerdict) -> None:
        verdicts.append(verdict)

    limits = TimeLimits(connect_s=CONNECT_S, phase_s=dict.fromkeys(PHASE_LIMITS_S, PHASE_S))
    outbound = build_outbound(settings, MemoryCache(), told=told, limits=limits)
    if outbound.self_test is not None:
        await outbound.self_test.once()
    hosts = await probe(
        domain,
        router=outbound.router,
        dialer=outbound.dialer,
        publications=outbound.publications,
        protected=protected_needs(settings.tls.unsigned_mx),
        other=OPPORTUNISTIC,
    )
    return Found(domain=domain, verdict=verdicts[-1] if verdicts else None, hosts=hosts)
