"""`mailward quarantine`: held mail, and what a reviewer does about it; `mailward queue` has the same and more."""

from dataclasses import replace
from typing import Any

import click

from gateway.cli import queue_changes
from gateway.cli.context import Status, config_option, fail, settings_option
from gateway.cli.queue import JSON_OPTION, list_entries, show
from gateway.cli.queue_filter import filter_options, read_filter
from gateway.config import Settings
from gateway.message.entry import EntryState


@click.group()
@config_option
def quarantine() -> None:
    """Review held mail."""


@quarantine.command("list")
@click.argument("queue_id", metavar="[ID]", required=False)
@filter_options
@JSON_OPTION
@settings_option
def list_(settings: Settings, /, *, queue_id: str | None, as_json: bool, **given: Any) -> None:
    """List recipients whose mail is held, oldest first, and why."""
    if given["states"]:
        fail("held is the only state here; `mailward queue list` has all", Status.USAGE)
    list_entries(settings, replace(read_filter(queue_id, **given), states=[EntryState.HELD]), as_json=as_json)


quarantine.add_command(show)
quarantine.add_command(queue_changes.release, "approve")
quarantine.add_command(queue_changes.reject)
