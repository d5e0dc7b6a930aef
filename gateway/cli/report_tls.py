"""`mailward report tls`: what TLS the hosts of other domains gave us, in words."""

from datetime import UTC, datetime
from typing import Any, Final

import click

from gateway.cli.ask import ask
from gateway.cli.context import Status, fail, print_json, printable, settings_option
from gateway.config import Settings
from gateway.config.values import parse_duration

POLICIES: Final = {"tlsa": "DANE", "sts": "MTA-STS", "no-policy-found": "no policy"}
FATES: Final = {
    "waits": "not sent yet",
    "sent": "sent",
    "unwanted": "not wanted",
    "dropped": "dropped: nobody took it within a day",
}


@click.command()
@click.option("--since", default="7d", show_default=True, metavar="DURATION", help="How far to look back, whole days.")
@click.option("--domain", default="", metavar="DOMAIN", help="One recipient domain only.")
@click.option("--json", "as_json", is_flag=True, help="JSON, one domain a line.")
@settings_option
def tls(settings: Settings, *, since: str, domain: str, as_json: bool) -> None:
    """Show TLS sessions with other domains, and what became of the reports to them (RFC 8460)."""
    try:
        first = (datetime.now(UTC) - parse_duration(since)).date()
    except ValueError as why:
        fail(str(why), Status.USAGE)
    found = ask(settings, "report.tls", since=first.isoformat(), domain=domain)
    if found["is_cut"]:
        click.echo("mailward: the list is cut; there is more than it shows", err=True)
    for one in found["domains"]:
        if as_json:
            print_json(one)
        else:
            click.echo("\n".join(map(printable, _lines(one))))
    if not found["domains"] and not as_json:
        click.echo(f"No TLS session was counted since {first.isoformat()}.")


def _lines(one: dict[str, Any]) -> list[str]:
    lines = [f"{one['domain']}: {_sums(one)}"]
    for policy in one["policies"]:
        lines.append(f"  {POLICIES[policy['type']]} ({policy['domain']}): {_sums(policy)}")
        for failure in policy["failures"]:
            at = f" [{failure['receiving_ip']}]" if failure["receiving_ip"] else ""
            lines.append(f"    {failure['sessions']} x {failure['words']}{at} ({failure['result']})")
    lines += [f"  report of {report['day']}: {_fate(report)}" for report in one["reports"]]
    return lines


def _sums(one: dict[str, Any]) -> str:
    return f"{one['good']} good, {one['failed']} failed"


def _fate(report: dict[str, Any]) -> str:
    words = FATES[report["fate"]]
    return f"{words}, tried {report['tries']} times" if report["fate"] == "waits" else words
