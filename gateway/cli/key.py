"""`mailward key`: our own DKIM keys; `key_openpgp` and `key_smime` have those of recipients."""

import os
import re
from pathlib import Path
from typing import Final

import click

from gateway.cli.context import Status, config_option, config_path, fail
from gateway.cli.dns_records import zone_line
from gateway.cli.key_dkim import rotate
from gateway.cli.key_master import master
from gateway.cli.key_openpgp import openpgp
from gateway.cli.key_smime import smime
from gateway.message.address import AddressError, domain_of, parse_address
from gateway.protect.dkim_keys import DkimKey, generate_key

SELECTOR: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*")


@click.group()
@config_option
def key() -> None:
    """Recipients' OpenPGP keys and S/MIME certificates, and our DKIM keys."""


key.add_command(openpgp)
key.add_command(smime)
key.add_command(master)


@key.group()
@config_option
def dkim() -> None:
    """Our DKIM keys."""


dkim.add_command(rotate)


@dkim.command()
@click.option("--domain", required=True, help="Domain that we send for.")
@click.option("--selector", required=True, help="Name of this key in DNS, such as s2026a.")
@click.option("--algorithm", type=click.Choice(["rsa", "ed25519"]), default="rsa", show_default=True)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="A new file.  [default: dkim/SELECTOR.pem beside the configuration]",
)
@config_option
def generate(*, domain: str, selector: str, algorithm: str, output: Path | None) -> None:
    """Make a key: write it to a file that only we can read, and print the DNS record to publish."""
    name = _domain(domain)
    if SELECTOR.fullmatch(selector) is None:
        fail(f"{selector!r} is no selector; use small letters, digits and hyphens, such as s2026a", Status.USAGE)
    path = output or config_path().parent / "dkim" / f"{selector}.pem"
    pem = generate_key(algorithm)
    _write_secret(path, pem)
    click.echo(f"wrote {path}")
    click.echo(f'add to [[domain]] name = "{name}":')
    click.echo(f'  dkim = [{{ selector = "{selector}", private_key = "{path}" }}]')
    click.echo("publish in DNS before that:")
    made = DkimKey.load(name, selector, pem)
    click.echo(zone_line(made.name, made.dns_record()))


def _domain(text: str) -> str:
    try:
        return domain_of(parse_address(f"postmaster@{text}"))
    except AddressError:
        fail(f"{text!r} is no domain; write it like clinic.example", Status.USAGE)


def _write_secret(path: Path, content: bytes) -> None:
    """A new file, mode 0600 from the start. A file that is there is never overwritten."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
    except FileExistsError:
        fail(f"{path} exists; choose another --output or a new selector")
    except OSError as error:
        fail(f"{path}: {error.strerror}")
