"""`mailward check-config`."""

from dataclasses import asdict

import click

from gateway.cli.context import Status, config_option, config_path, fail, print_json
from gateway.config import load
from gateway.config.advice import advise
from gateway.config.examine import examine


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One object a line: file, line, key, text.")
@config_option
def check_config(*, as_json: bool) -> int:
    """Show every problem of the configuration at once.

    What works and lacks something is a warning, and no failure.
    """
    path = config_path()
    problems = examine(path)
    warnings = () if problems else advise(load(path))
    if as_json:
        for problem in problems:
            print_json(problem)
        for warning in warnings:
            print_json({**asdict(warning), "severity": "warning"})
        return Status.BAD_CONFIG if problems else Status.DONE
    if problems:
        fail("\n".join(str(problem) for problem in problems), Status.BAD_CONFIG)
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)
    click.echo(f"{path}: no problems found")
    return Status.DONE
