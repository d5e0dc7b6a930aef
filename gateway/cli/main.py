"""`mailward`: one table of commands, each loaded when it is called."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final, NamedTuple, NoReturn

import click

from gateway.cli.context import Failure, Status, config_option


class Entry(NamedTuple):
    """Where a command is defined ("module:attribute"), and its line in `mailward --help`."""

    target: str
    summary: str


COMMANDS: Final = {
    "serve": Entry("gateway.cli.serve:serve", "Run the gateway in the foreground."),
    "demo": Entry("gateway.cli.demo:demo", "Show a whole clinic at work, on this machine alone."),
    "check-config": Entry("gateway.cli.check_config:check_config", "Show every problem of the configuration at once."),
    "explain": Entry(
        "gateway.cli.explain:explain", "Show what is found in messages and how each recipient would get them."
    ),
    "rehearse": Entry(
        "gateway.cli.rehearse:rehearse",
        "Show which past decisions a changed policy would flip, with counts and examples.",
    ),
    "break-glass": Entry(
        "gateway.cli.break_glass:break_glass", "Let treatment mail go now, protected; somebody reviews it afterwards."
    ),
    "decision": Entry("gateway.cli.decision:decision", "Corrections of past decisions, and labels made of them."),
    "queue": Entry("gateway.cli.queue:queue", "Show and manage the queue."),
    "quarantine": Entry("gateway.cli.quarantine:quarantine", "Review held mail."),
    "suppression": Entry("gateway.cli.suppression:suppression", "Addresses that bulk mail does not go to."),
    "consent": Entry("gateway.cli.consent:consent", "What patients consented to, asked for, or refused."),
    "baa": Entry("gateway.cli.baa:baa", "Organisations that get mail from us, and their agreements."),
    "campaign": Entry(
        "gateway.cli.campaign:campaign",
        "Mass promotion and studies that somebody reviewed; X-Mailward-Campaign names one.",
    ),
    "person": Entry("gateway.cli.person:person", "Patients, and who reads mail at their addresses."),
    "user": Entry("gateway.cli.user:user", "People who may send, and their passwords."),
    "credential": Entry("gateway.cli.credential:credential", "Passwords for programs: EHR systems, scanners, scripts."),
    "audit": Entry(
        "gateway.cli.audit:audit", "The audit log: what happened to every recipient, and that nobody rewrote it."
    ),
    "report": Entry(
        "gateway.cli.report:report",
        "Reports: mail of a login, TLS of other domains, keys that end, consents, agreements, disclosures.",
    ),
    "tls": Entry("gateway.cli.tls:tls", "What TLS another domain offers, and what we would require."),
    "dns": Entry("gateway.cli.dns:dns", "What to publish in DNS, and whether it is."),
    "patients": Entry(
        "gateway.cli.patients:patients", "The list of patients, and the index of their addresses, kept as keyed hashes."
    ),
    "segment": Entry(
        "gateway.cli.segment:segment", "Lists of recipients that bulk mail may name (X-Mailward-Segment)."
    ),
    "key": Entry("gateway.cli.key:key", "Recipients' OpenPGP keys and S/MIME certificates, and our DKIM keys."),
}


class CommandTable(click.Group):
    """A group whose commands are imported when called: `--help` and usage errors import none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].target.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run, and end the process: with the status a command returned, or one line on standard error."""
        if not standalone_mode:
            return super().main(args, prog_name or self.name, complete_var, False, **extra)
        try:
            status = super().main(args, prog_name or self.name, complete_var, False, **extra)
            sys.stdout.flush()
        except click.exceptions.NoArgsIsHelpError as error:
            _end(error)
        except click.UsageError as error:
            _end(Failure(_usage(error), Status.USAGE))
        except click.ClickException as error:
            _end(error)
        except BrokenPipeError:  # the reader of our output had enough; Python would complain once more at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(Status.DONE)
        except (click.Abort, KeyboardInterrupt):
            sys.exit(128 + 2)  # as a shell reports SIGINT
        sys.exit(status if isinstance(status, int) else Status.DONE)


def _usage(error: click.UsageError) -> str:
    path = error.ctx.command_path if error.ctx else "mailward"
    return f"{error.format_message().rstrip('.')}; see {path} --help"


def _end(error: click.ClickException) -> NoReturn:
    error.show()
    sys.exit(error.status if isinstance(error, Failure) else error.exit_code)


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        from importlib import metadata  # late: slow, and only this option needs it

        try:
            click.echo(f"mailward {metadata.version('mailward')}")
        except metadata.PackageNotFoundError:
            click.echo("mailward, run from its sources")
        context.exit()


@click.group(
    "mailward", cls=CommandTable, no_args_is_help=True, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_show_version, help="Show it.")
@config_option
def main() -> None:
    """Mailward: a secure SMTP relay that never lets health information leave in clear text."""
