"""`mailward key dkim rotate`: new keys, their records, the wait for DNS, and the switch."""

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import click

from gateway.cli.ask import ask
from gateway.cli.context import Status, fail, settings_option
from gateway.config import Settings
from gateway.config.values import parse_duration

EVERY_S: Final = 15.0  # between two looks into DNS


def _duration(_context: click.Context, _parameter: click.Parameter, value: str) -> timedelta:
    try:
        return parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command()
@click.option("--domain", "domains", multiple=True, help="Only this one; may be repeated.  [default: all with a key]")
@click.option("--wait", default="1h", show_default=True, callback=_duration, help="How long to wait for DNS.")
@click.option(
    "--grace", default="14d", show_default=True, callback=_duration, help="How long the old records are to stay."
)
@settings_option
def rotate(settings: Settings, *, domains: tuple[str, ...], wait: timedelta, grace: timedelta) -> None:
    """Make the next DKIM keys, print their DNS records, wait until DNS has them, and sign with them.

    The old keys sign until then. When DNS takes longer than --wait, or the command is broken off, run it again: it goes
    on with the same keys.
    """
    own = {domain.name for domain in settings.domain if domain.dkim}
    chosen = [name.lower() for name in domains] or sorted(own)
    if strange := [name for name in chosen if name not in own]:
        fail(f"{', '.join(strange)}: no DKIM key in the configuration", Status.USAGE)
    if not chosen:
        fail("no domain has a DKIM key; `mailward key dkim generate` makes the first one")
    waiting = {name: ask(settings, "dkim.prepare", domain=name) for name in chosen}
    _print_records([row for rows in waiting.values() for row in rows])
    late = asyncio.run(_wait(settings, waiting, time.monotonic() + wait.total_seconds()))
    for name, rows in waiting.items():
        if name not in late:
            _switch(settings, name, rows, grace)
    if late:
        lines = [line for faults in late.values() for line in faults]
        fail("\n".join([*lines, "the old keys go on signing there; run the command again"]), Status.TRY_LATER)


def _print_records(rows: Sequence[dict[str, str]]) -> None:
    from gateway.cli.dns_records import zone_line

    click.echo("publish in DNS:")
    for row in rows:
        click.echo(zone_line(row["name"], row["record"]))
    click.echo("waiting until DNS has them; the old keys sign until then")


async def _wait(settings: Settings, waiting: dict[str, Any], until: float) -> dict[str, list[str]]:
    """Look again and again, past every cache of ours.

    until: by the monotonic clock. Returns: for each domain that DNS still lacks something of, what.
    """
    from gateway.cli.dns import look_up
    from gateway.cli.dns_records import Verdict, dkim

    wanted = {name: [dkim(row["name"], row["record"]) for row in rows] for name, rows in waiting.items()}
    while True:
        late: dict[str, list[str]] = {}
        for name, records in wanted.items():
            try:
                found = await look_up(settings, records)
            except OSError as error:
                fail(f"dns.resolvers: {error.strerror or error}")
            if faults := [f"{one.name}: {one.why}" for one in found if one.verdict is not Verdict.OK]:
                late[name] = faults
        left = until - time.monotonic()
        if not late or left <= 0:
            return late
        await asyncio.sleep(min(EVERY_S, left))


def _switch(settings: Settings, domain: str, rows: Sequence[dict[str, str]], grace: timedelta) -> None:
    selectors = [row["selector"] for row in rows]
    gone = ask(settings, "dkim.switch", domain=domain, selectors=selectors, grace_s=grace.total_seconds())
    click.echo(f"{domain}: {', '.join(selectors)} sign from now on")
    for one in gone:
        click.echo(f"{domain}: keep the record of {one['name']} until {one['until'][:10]}, then remove it")
