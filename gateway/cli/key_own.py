"""`mailward key openpgp own`: the organisation's own OpenPGP keys, which sign inside what is encrypted."""

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import click

from gateway.cli.ask import ask
from gateway.cli.context import Status, config_option, fail, print_json, print_table, settings_option
from gateway.config import Settings
from gateway.config.values import parse_duration
from gateway.message.address import AddressError, domain_of, parse_address
from gateway.protect.armour import armour_certificate, dearmour_private
from gateway.protect.errors import CertificateError
from gateway.protect.wkd import places

JSON_OPTION: Final = click.option("--json", "as_json", is_flag=True, help="One object a line.")
DOMAIN_OPTION: Final = click.option("--domain", required=True, help="Domain that we send for.")
COLUMNS: Final = ("domain", "address", "fingerprint", "algorithm", "signs", "expires")


def _lifetime(_context: click.Context, _parameter: click.Parameter, value: str) -> timedelta:
    try:
        return parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.group()
@config_option
def own() -> None:
    """Our own OpenPGP keys: they sign, inside the encryption, what goes to recipients by OpenPGP."""


@own.command()
@DOMAIN_OPTION
@click.option("--address", help="In the key's user id.  [default: openpgp@DOMAIN]")
@click.option("--valid", default="1095d", show_default=True, callback=_lifetime, help="How long recipients believe it.")
@settings_option
def generate(settings: Settings, *, domain: str, address: str | None, valid: timedelta) -> None:
    """Make a key that signs the mail of --domain from the next message on, in place of the one before it."""
    from gateway.protect.own_openpgp import generate_key

    name = _domain(settings, domain)
    organisation = next(one.organisation for one in settings.domain if one.name == name)
    chosen = _address(address or f"openpgp@{name}", name)
    try:
        _add(settings, name, generate_key(organisation, chosen, now=datetime.now(UTC), lifetime=valid))
    except CertificateError as why:
        fail(f"{name}: {why}")


@own.command("import")
@DOMAIN_OPTION
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@settings_option
def import_(settings: Settings, *, domain: str, file: str) -> None:
    """Read a private key without a passphrase from FILE, which signs the mail of --domain from the next message on.

    `gpg --export-secret-keys` writes one; `-` is standard input. Delete the file when it is done.
    """
    name = _domain(settings, domain)
    try:
        with click.open_file(file, "rb") as stream:
            private = dearmour_private(stream.read())
        _add(settings, name, private)
    except CertificateError as why:
        fail(f"{file}: {why}")


@own.command("list")
@JSON_OPTION
@settings_option
def list_(settings: Settings, *, as_json: bool) -> None:
    """Show our keys, the newest of each domain first."""
    rows = ask(settings, "openpgp.own_list")
    if as_json:
        for row in rows:
            print_json(row)
        return
    print_table([_row(row) for row in rows], COLUMNS)


@own.command()
@DOMAIN_OPTION
@click.option("--wkd", type=click.Path(path_type=Path, file_okay=False), help="Document root of the domain's web host.")
@settings_option
def export(settings: Settings, *, domain: str, wkd: Path | None) -> None:
    """Write the public key that signs for --domain, for recipients: armoured to standard output, or for a web host.

    --wkd writes the files of a web key directory (both methods) below its .well-known; mail programs find them there.
    """
    name = _domain(settings, domain)
    rows = [row for row in ask(settings, "openpgp.own_list") if row["domain"] == name and row["until"] is None]
    if not rows:
        fail(f"{name}: no OpenPGP key signs its mail; `mailward key openpgp own generate` makes one")
    data = base64.b64decode(rows[0]["certificate"])
    if wkd is None:
        click.echo(armour_certificate(data), nl=False)
        return
    for place in places(rows[0]["address"]):
        path = wkd / place.target.partition("?")[0].lstrip("/")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            (
                path.parent.parent / "policy"
            ).touch()  # section 4.5 of the draft: its presence says that there is a directory
        except OSError as error:
            fail(f"{path}: {error.strerror}")
        click.echo(f"wrote {path}, to be served as https://{place.host}{place.target}")


@own.command()
@DOMAIN_OPTION
@settings_option
def retire(settings: Settings, *, domain: str) -> None:
    """Sign the mail of --domain no more. Its key's private half is destroyed."""
    gone = ask(settings, "openpgp.own_retire", domain=_domain(settings, domain))
    click.echo(f"{gone} signs no more")


def _add(settings: Settings, domain: str, private: bytes) -> None:
    """Judge the key and have it filed. Raises: CertificateError."""
    from gateway.protect.certificates import read_certificate
    from gateway.protect.own_engine import self_test
    from gateway.protect.signer import public_part

    now = datetime.now(UTC)
    self_test(private, now=now)
    public = public_part(private)
    facts = read_certificate(public, now=now)
    addresses = [one for one in facts.addresses if domain_of(one) == domain]
    if not addresses:
        raise CertificateError(f"none of its user ids has an address of {domain}")
    incoming = {
        "fingerprint": facts.fingerprint,
        "address": addresses[0],
        "algorithm": facts.algorithm,
        "certificate": base64.b64encode(public).decode("ascii"),
        "private_key": base64.b64encode(private).decode("ascii"),
        "expires_at": None if facts.expires_at is None else facts.expires_at.isoformat(),
    }
    before = ask(settings, "openpgp.own_add", domain=domain, incoming=incoming)
    until = f"until {facts.expires_at:%Y-%m-%d}" if facts.expires_at else "without an end"
    click.echo(f"{facts.fingerprint} ({facts.algorithm}, {until}) signs OpenPGP mail of {domain} from now on")
    if before:
        click.echo(f"{before} signs no more")
    click.echo(f"publish it: `mailward key openpgp own export --domain {domain} --wkd FOLDER`")


def _domain(settings: Settings, text: str) -> str:
    try:
        name = domain_of(parse_address(f"postmaster@{text}"))
    except AddressError:
        name = ""
    if name not in {one.name for one in settings.domain}:
        fail(f"{text}: no [[domain]] of the configuration", Status.USAGE)
    return name


def _address(text: str, domain: str) -> str:
    try:
        address = parse_address(text)
    except AddressError as error:
        fail(f"{text} is no address: {error}", Status.USAGE)
    if domain_of(address) != domain:
        fail(f"{text} is not at {domain}", Status.USAGE)
    return address.lower()


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    since = row["since"][:10]
    signs = f"since {since}" if row["until"] is None else f"{since} to {row['until'][:10]}"
    ends = "never" if row["expires_at"] is None else row["expires_at"][:10]
    return row["domain"], row["address"], row["fingerprint"], row["algorithm"], signs, ends
