"""`mailward key`: recipients' OpenPGP certificates, and our own DKIM keys; `key_smime` has the S/MIME ones."""

import asyncio
import base64
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import click

from gateway.cli.ask import ask
from gateway.cli.context import Status, config_option, config_path, fail, print_json, print_table, settings_option
from gateway.cli.dns_records import zone_line
from gateway.cli.key_smime import smime
from gateway.config import Settings
from gateway.message.address import AddressError, domain_of, parse_address
from gateway.protect.armour import split_certificates
from gateway.protect.certificates import CertificateFacts, read_certificate
from gateway.protect.dkim_keys import DkimKey, generate_key
from gateway.protect.errors import CertificateError

SELECTOR: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*")
WKD_PORT: Final = 443
JSON_OPTION: Final = click.option("--json", "as_json", is_flag=True, help="One object a line.")


@click.group()
@config_option
def key() -> None:
    """Recipients' OpenPGP keys and S/MIME certificates, and our DKIM keys."""


key.add_command(smime)


@key.group()
@config_option
def openpgp() -> None:
    """Recipients' OpenPGP keys."""


@openpgp.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@settings_option
def import_(settings: Settings, *, file: str) -> int:
    """Read public keys from FILE, armoured or binary, one or many; `-` is standard input.

    A key serves every address in its user ids. Keys that may not be used are left out, with the reason.
    """
    try:
        with click.open_file(file, "rb") as stream:
            found = split_certificates(stream.read())
    except CertificateError as why:
        fail(f"{file}: {why}")
    good, faults = _judge(found)
    _keep(settings, good)
    if faults:
        fail("\n".join(faults))
    return Status.DONE


@openpgp.command()
@click.argument("address")
@settings_option
def fetch(settings: Settings, *, address: str) -> int:
    """Ask the domain of ADDRESS for its key (web key directory, over HTTPS), and import it for this address alone.

    Compare the fingerprint with the recipient. A key that differs from the one on file is not taken.
    """
    try:
        wanted = parse_address(address).lower()
    except AddressError as error:
        fail(f"{address} is no address: {error}", Status.USAGE)
    try:
        found = split_certificates(_find(settings, wanted))
    except CertificateError as why:
        fail(f"{wanted}: what its domain sent is no key: {why}")
    good, faults = _judge(found)
    usable = [(data, replace(facts, addresses=(wanted,))) for data, facts in good if wanted in facts.addresses]
    if not usable:
        fail("\n".join(faults) or f"{wanted}: the key that its domain has is for other addresses")
    on_file = {row["fingerprint"] for row in ask(settings, "openpgp.list") if row["address"] == wanted}
    if strangers := [facts.fingerprint for _, facts in usable if on_file and facts.fingerprint not in on_file]:
        fail(  # CR-03
            f"{wanted}: its domain now has {', '.join(strangers)}, but {', '.join(sorted(on_file))} is on file; "
            "nothing was changed. Ask the recipient which one counts, then `mailward key openpgp forget` the other"
        )
    _keep(settings, usable)
    return Status.DONE


def _find(settings: Settings, address: str) -> bytes:
    """What the domain has under the address. A loop of its own: this command talks to others than the gateway."""
    from gateway.delivery.routes import is_allowed
    from gateway.protect import wkd
    from tls.contexts import build_policy_context
    from tls.dnssec.lookup import DnssecResolver
    from tls.errors import FetchError
    from tls.web import WebReader

    try:
        resolver = DnssecResolver([(at.host, at.port) for at in settings.dns.resolvers], is_ad_trusted=False)
        context = build_policy_context(settings.delivery.ca_file)
        allowed = partial(is_allowed, private_networks=settings.delivery.private_networks)
        return asyncio.run(wkd.find(WebReader(resolver, context, is_allowed=allowed, port=WKD_PORT), address))
    except FetchError as why:
        fail(f"{address}: {why}")
    except OSError as error:
        fail(f"{error.filename or 'dns.resolvers'}: {error.strerror or error}")


def _keep(settings: Settings, good: Sequence[tuple[bytes, CertificateFacts]]) -> None:
    """Have them filed, and say which."""
    incoming = [
        {
            "fingerprint": facts.fingerprint,
            "address": address,
            "certificate": base64.b64encode(data).decode("ascii"),
            "expires_at": None if facts.expires_at is None else facts.expires_at.isoformat(),
        }
        for data, facts in good
        for address in facts.addresses
    ]
    if incoming:
        ask(settings, "openpgp.import", incoming=incoming)
    for _, facts in good:
        until = f"until {facts.expires_at:%Y-%m-%d}" if facts.expires_at else "without an end"
        click.echo(f"imported {facts.fingerprint} ({facts.algorithm}, {until}) for {', '.join(facts.addresses)}")


@openpgp.command("list")
@JSON_OPTION
@settings_option
def list_(settings: Settings, *, as_json: bool) -> None:
    """Show the keys on file."""
    rows = ask(settings, "openpgp.list")
    if as_json:
        for row in rows:
            print_json(row)
        return
    print_table([_row(row) for row in rows], ["address", "fingerprint", "imported", "expires"])


@openpgp.command()
@click.argument("fingerprint")
@settings_option
def forget(settings: Settings, *, fingerprint: str) -> None:
    """Forget the key with this FINGERPRINT; blanks in it do not matter."""
    wanted = fingerprint.replace(" ", "").upper()
    ask(settings, "openpgp.forget", fingerprint=wanted)
    click.echo(f"forgot {wanted}")


@key.group()
@config_option
def dkim() -> None:
    """Our DKIM keys."""


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


def _judge(found: Sequence[bytes]) -> tuple[list[tuple[bytes, CertificateFacts]], list[str]]:
    """The usable certificates, and a line for each of the others."""
    good: list[tuple[bytes, CertificateFacts]] = []
    faults: list[str] = []
    for number, data in enumerate(found, start=1):
        try:
            facts = read_certificate(data, now=datetime.now(UTC))
        except CertificateError as why:
            faults.append(f"key {number} was not imported: {why}")
            continue
        why_not = facts.why_not or ("" if facts.addresses else "none of its user ids holds a mail address")
        if why_not:
            faults.append(f"{facts.fingerprint} was not imported: {why_not}")
        else:
            good.append((data, facts))
    return good, faults


def _row(row: dict[str, Any]) -> tuple[str, str, str, str]:
    ends = row["expires_at"]
    has_ended = ends is not None and datetime.fromisoformat(ends) <= datetime.now(UTC)
    shown = "never" if ends is None else ends[:10] + (" (expired)" if has_ended else "")
    return row["address"], row["fingerprint"], row["imported_at"][:10], shown


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
