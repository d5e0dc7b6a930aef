"""`mailward dns`: what to publish, and whether it is."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import click

from gateway.cli.context import Status, config_option, fail, print_json, print_table, settings_option
from gateway.config import Settings

if TYPE_CHECKING:
    from gateway.cli.dns_records import Finding, Wanted
    from gateway.protect.dkim_keys import DkimKey
    from gateway.protect.dkim_rotation import Rotation
    from tls.dnssec.lookup import DnssecResolver

CHECK_S: Final = 20.0  # for one question


@click.group()
@config_option
def dns() -> None:
    """What to publish in DNS, and whether it is."""


@dns.command()
@settings_option
def records(settings: Settings) -> None:
    """Print the records as lines of a zone file; what only you know stands behind a semicolon."""
    from gateway.cli.dns_records import zone_line

    for one in _wanted(settings):
        if one.note:
            click.echo(f"; {one.what} of {one.name}: {one.note}")
        if one.text:
            click.echo(zone_line(one.name, one.text))


@dns.command()
@click.option("--json", "as_json", is_flag=True, help="One object a line.")
@settings_option
def check(settings: Settings, *, as_json: bool) -> Status:
    """Look every record up. The exit status is 1 when one is missing or wrong, 75 when DNS does not answer.

    SPF is checked for being one record that does not let everybody send, not for naming this server.
    """
    from gateway.cli.dns_records import Verdict

    try:
        found = asyncio.run(look_up(settings, tuple(_wanted(settings))))
    except OSError as error:
        fail(f"dns.resolvers: {error.strerror or error}")
    if as_json:
        for one in found:
            print_json(one)
    else:
        print_table([(one.verdict.value, one.what, one.name, one.why) for one in found], ["", "what", "name", "why"])
    verdicts = {one.verdict for one in found}
    if verdicts & {Verdict.MISSING, Verdict.WRONG}:
        return Status.PROBLEM
    return Status.TRY_LATER if Verdict.UNKNOWN in verdicts else Status.DONE


def _wanted(settings: Settings) -> "Sequence[Wanted]":
    from gateway.cli.dns_records import rotated, wanted
    from gateway.protect.dkim_rotation import Rotation

    domains = [domain.name for domain in settings.domain]
    others = {domain.name for domain in settings.domain if domain.smart_host or settings.delivery.smart_host}
    portal = urlsplit(settings.portal.base_url).hostname or settings.server.hostname
    hosts = {settings.server.hostname: "this server"} | {portal: "the portal"}
    if portal == settings.server.hostname:
        hosts = {portal: "this server"}
    rotations, now = _rotations(settings), datetime.now(UTC)
    keys = [
        key
        for name in domains
        for key in rotations.get(name, Rotation()).in_effect([key for key in _keys(settings) if key.domain == name])
    ]
    more = [one for name in domains if name in rotations for one in rotated(name, rotations[name], now=now)]
    return (*wanted(keys, domains=domains, through_others=frozenset(others), hosts=hosts), *more)


def _keys(settings: Settings) -> "Sequence[DkimKey]":
    from gateway.protect.dkim_files import configured_keys
    from gateway.protect.errors import DkimKeyError

    try:
        return configured_keys(settings)
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}", Status.BAD_CONFIG)
    except DkimKeyError as error:
        fail(str(error), Status.BAD_CONFIG)


def _rotations(settings: Settings) -> "Mapping[str, Rotation]":
    """What the store knows of keys that followed the configured ones; nothing where no gateway has ever run."""
    from gateway.control.dkim import kept_rotations
    from gateway.control.owner import owners_files
    from gateway.store.errors import MasterKeyError, StoreError, StoreMissing
    from gateway.store.opening import reading
    from gateway.store.store import open_vault

    async def read() -> "Mapping[str, Rotation]":
        data_dir = settings.server.data_dir
        async with reading(settings) as conn:
            vault = await open_vault(settings.store.url.text, seal=settings.seal, data_dir=data_dir)
            return await kept_rotations(conn, vault)

    try:
        with owners_files(settings.server.data_dir):
            return asyncio.run(read())
    except StoreMissing:
        return {}
    except MasterKeyError as error:
        fail(str(error), Status.BAD_CONFIG)
    except StoreError as error:
        fail(str(error), Status.TRY_LATER)


async def look_up(settings: Settings, all_wanted: "Sequence[Wanted]") -> "list[Finding]":
    """Raises: OSError when there is no resolver."""
    from tls.dnssec.lookup import DnssecResolver

    at = [(resolver.host, resolver.port) for resolver in settings.dns.resolvers]
    resolver = DnssecResolver(at, is_ad_trusted=False, lifetime_s=CHECK_S)
    return list(await asyncio.gather(*(_look(resolver, one) for one in all_wanted)))


async def _look(resolver: "DnssecResolver", one: "Wanted") -> "Finding":
    from gateway.cli.dns_records import Kind, judge
    from tls.dnssec.answers import State

    if one.kind is Kind.TXT:
        found = await resolver.txt(one.name)
        texts = tuple(record.decode("utf-8", errors="replace") for record in found.records)
        return judge(one, None if found.state is State.FAILED else texts)
    addresses = await resolver.addresses(one.name)
    return judge(one, None if addresses.state is State.FAILED else addresses.records)
