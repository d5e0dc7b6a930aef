"""`mailward key openpgp`: recipients' OpenPGP keys."""

import asyncio
import base64
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import click

from gateway.cli.ask import ask
from gateway.cli.context import Status, config_option, fail, print_json, print_table, settings_option
from gateway.cli.key_own import own
from gateway.config import Settings
from gateway.message.address import AddressError, parse_address
from gateway.protect.armour import split_certificates
from gateway.protect.certificates import read_certificate
from gateway.protect.errors import CertificateError
from gateway.protect.facts import CertificateFacts
from gateway.protect.found import age_of, newer_copy
from gateway.store.certificates import Age, Source, Trust

WKD_PORT: Final = 443
JSON_OPTION: Final = click.option("--json", "as_json", is_flag=True, help="One object a line.")
WORDS: Final = {
    Trust.PERSON: "by your word",
    Trust.DOMAIN: "by its domain",
    Trust.NONE: "not trusted, not used",
    Trust.PENDING: "waits for you",
    Trust.REVOKED: "revoked by its owner",
    Trust.REFUSED: "refused by you",
}
COLUMNS: Final = ("address", "fingerprint", "trusted", "imported", "expires")


@click.group()
@config_option
def openpgp() -> None:
    """Recipients' OpenPGP keys, and our own."""


openpgp.add_command(own)


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
    older = _beside_file(settings, found)
    good, faults = _judge([data for data in found if data not in older])
    _keep(settings, good)
    if faults := [*faults, *older.values()]:
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
    older = _beside_file(settings, found)
    good, faults = _judge([data for data in found if data not in older])
    faults += older.values()
    usable = [(data, replace(facts, addresses=(wanted,))) for data, facts in good if wanted in facts.addresses]
    if not usable:
        fail("\n".join(faults) or f"{wanted}: the key that its domain has is for other addresses")
    filed = ask(settings, "openpgp.found", incoming=_incoming(usable), source=Source.WKD)
    trusts = {row["fingerprint"]: Trust(row["trust"]) for row in filed}
    if pending := [fingerprint for fingerprint, given in trusts.items() if given is Trust.PENDING]:
        fail(  # CR-03
            f"{wanted}: its domain now has {', '.join(pending)}, but another key is on file. Nothing is encrypted to "
            "either until you have asked the recipient which one counts, and said so: `mailward key openpgp accept` "
            "or `reject`"
        )
    for _, facts in usable:
        is_new = facts.fingerprint in trusts
        click.echo(f"imported {_told(facts)}" if is_new else f"{facts.fingerprint}: nothing new")
    return Status.DONE


def _beside_file(settings: Settings, found: Sequence[bytes]) -> dict[bytes, str]:
    """Copies of keys on file: what their owner has revoked since is taken, and never given back by an older copy.

    Returns: the older ones with why they are not taken. What was revoked is told.
    """
    older: dict[bytes, str] = {}
    for data in found:
        try:
            facts = read_certificate(data, now=datetime.now(UTC))
        except CertificateError:
            continue  # told by `_judge`
        for row in ask(settings, "openpgp.copies", fingerprint=facts.fingerprint):
            address, age = row["address"], age_of(data, base64.b64decode(row["certificate"]))
            if age is Age.OLDER:
                older[data] = (
                    f"{facts.fingerprint} was not imported: the copy on file for {address} is newer, its owner has "
                    "revoked it, or a part of it. If you mean it, run `mailward key openpgp forget` first"
                )
            elif age is Age.NEWER:
                whole, newer = newer_copy(data, base64.b64decode(row["certificate"]), now=datetime.now(UTC))
                one = _incoming([(whole, replace(newer, addresses=(address,)))])
                is_revoked = newer.is_revoked or address not in newer.addresses
                incoming = [{**row, "age": age.value} for row in one]
                if ask(settings, "openpgp.found", incoming=incoming, source=Source.FILE, is_revoked=is_revoked):
                    told = "its owner has revoked a subkey or user id; that counts from now on"
                    if newer.is_revoked:
                        told = "its owner has revoked it; it is used no more"
                    click.echo(f"{facts.fingerprint} for {address}: {told}", err=True)
    return older


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
    if incoming := _incoming(good):
        ask(settings, "openpgp.import", incoming=incoming)
    for _, facts in good:
        click.echo(f"imported {_told(facts)}")


def _told(facts: CertificateFacts) -> str:
    until = f"until {facts.expires_at:%Y-%m-%d}" if facts.expires_at else "without an end"
    return f"{facts.fingerprint} ({facts.algorithm}, {until}) for {', '.join(facts.addresses)}"


def _incoming(good: Sequence[tuple[bytes, CertificateFacts]]) -> list[dict[str, Any]]:
    return [
        {
            "fingerprint": facts.fingerprint,
            "address": address,
            "certificate": base64.b64encode(data).decode("ascii"),
            "expires_at": None if facts.expires_at is None else facts.expires_at.isoformat(),
        }
        for data, facts in good
        for address in facts.addresses
    ]


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
    print_table([_row(row) for row in rows], COLUMNS)


@openpgp.command()
@JSON_OPTION
@settings_option
def pending(settings: Settings, *, as_json: bool) -> int:
    """Show the keys that differ from the one on file and wait for your word; exit status 1 when there are any.

    Ask the recipient which one counts, by telephone for instance. Until you say so, nothing is encrypted to either.
    """
    rows = ask(settings, "openpgp.list")
    waiting = [row for row in rows if row["trust"] == Trust.PENDING]
    if as_json:
        for row in waiting:
            print_json(row)
    else:
        addresses = {row["address"] for row in waiting}
        print_table([_row(row) for row in rows if row["address"] in addresses], COLUMNS)
    return Status.PROBLEM if waiting else Status.DONE


@openpgp.command()
@click.argument("fingerprint")
@settings_option
def accept(settings: Settings, *, fingerprint: str) -> None:
    """Use the key with this FINGERPRINT, which waits, in place of the others of its address."""
    wanted = _plain(fingerprint)
    ask(settings, "openpgp.accept", fingerprint=wanted)
    click.echo(f"accepted {wanted}")


@openpgp.command()
@click.argument("fingerprint")
@settings_option
def reject(settings: Settings, *, fingerprint: str) -> None:
    """Refuse the key with this FINGERPRINT, which waits, for good; what was on file is used again."""
    wanted = _plain(fingerprint)
    ask(settings, "openpgp.reject", fingerprint=wanted)
    click.echo(f"rejected {wanted}")


@openpgp.command()
@click.argument("fingerprint")
@settings_option
def trust(settings: Settings, *, fingerprint: str) -> None:
    """Pin the key with this FINGERPRINT, whoever said that it is its address's. Compare it with the recipient first."""
    wanted = _plain(fingerprint)
    ask(settings, "openpgp.trust", fingerprint=wanted)
    click.echo(f"trusted {wanted}")


@openpgp.command()
@click.argument("fingerprint")
@settings_option
def forget(settings: Settings, *, fingerprint: str) -> None:
    """Forget the key with this FINGERPRINT; blanks in it do not matter."""
    wanted = _plain(fingerprint)
    ask(settings, "openpgp.forget", fingerprint=wanted)
    click.echo(f"forgot {wanted}")


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


def _row(row: dict[str, Any]) -> tuple[str, str, str, str, str]:
    ends = row["expires_at"]
    has_ended = ends is not None and datetime.fromisoformat(ends) <= datetime.now(UTC)
    shown = "never" if ends is None else ends[:10] + (" (expired)" if has_ended else "")
    return row["address"], row["fingerprint"], WORDS[Trust(row["trust"])], row["imported_at"][:10], shown


def _plain(fingerprint: str) -> str:
    return fingerprint.replace(" ", "").upper()
