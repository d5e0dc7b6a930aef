"""`mailward report keys`: what ends soon."""

from datetime import UTC, datetime

import click

from gateway.cli.ask import ask
from gateway.cli.context import Status, print_json, print_table, settings_option
from gateway.config import Settings


@click.command()
@click.option("--days", type=click.IntRange(0, 3650), default=30, show_default=True, help="How far to look ahead.")
@click.option("--json", "as_json", is_flag=True, help="JSON, one object a line.")
@settings_option
def keys(settings: Settings, *, days: int, as_json: bool) -> int:
    """List keys and certificates that have ended or end soon: recipients', and our own. Exit status 1 when any does."""
    found = ask(settings, "report.keys", days=days)
    if as_json:
        for row in found:
            print_json(row)
    else:
        now = datetime.now(UTC)
        print_table(
            [
                (row["kind"], row["name"], row["fingerprint"], _told(datetime.fromisoformat(row["ends_at"]), now))
                for row in found
            ],
            ("kind", "of", "fingerprint", "ends"),
        )
    return Status.PROBLEM if found else Status.DONE


def _told(ends_at: datetime, now: datetime) -> str:
    return f"{ends_at:%Y-%m-%d}" + (" (ended)" if ends_at <= now else "")
