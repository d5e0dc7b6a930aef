"""`mailward key smime`: recipients' S/MIME certificates."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
from cryptography import x509

from gateway.cli.ask import ask
from gateway.cli.context import Status, config_option, fail, print_json, print_table, settings_option
from gateway.cli.ocsp import REVOKED, reasons_against
from gateway.config import Settings
from gateway.protect.errors import CertificateError
from gateway.protect.smime.chain import NoPath, find_path
from gateway.protect.smime.crl import is_revoked, load_crl
from gateway.protect.smime.files import load_anchors, split_certificates
from gateway.protect.smime.judge import CertificateFacts, read_certificate
from gateway.protect.smime.ocsp import Status as Revocation
from gateway.store.smime_certificates import Trust

WORDS: Final = {
    Trust.CHAIN: "by its issuer",
    Trust.PERSON: "by your word",
    Trust.DOMAIN: "by its domain",
    Trust.NONE: "not trusted, not used",
    Trust.REVOKED: "revoked by its issuer",
}


@dataclass(frozen=True, slots=True)
class Judged:
    """One recipient's certificate that may be filed. why_not: why there is no chain to an anchor; empty with one."""

    certificate: bytes
    facts: CertificateFacts
    chain: Sequence[bytes] = ()
    why_not: str = ""


@click.group()
@config_option
def smime() -> None:
    """Recipients' S/MIME certificates."""


@smime.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option(
    "--crl",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Revocation list of the issuer, PEM or DER: what is on it, or cannot be held against it, is left out.",
)
@settings_option
def import_(settings: Settings, *, file: str, crl: Path | None) -> int:
    """Read certificates from FILE: PEM, DER or PKCS #7 (P7B), with their issuers; `-` is standard input.

    A certificate serves every mail address in it. Those that may not be used are left out, with the reason. One whose
    issuer is not trusted is kept, and used only after `mailward key smime trust`.
    """
    try:
        with click.open_file(file, "rb") as stream:
            found = split_certificates(stream.read())
    except CertificateError as why:
        fail(f"{file}: {why}")
    try:
        anchors = load_anchors(settings.smime.ca_file)
    except (OSError, CertificateError) as why:
        fail(f"smime.ca_file: {why}")
    now = datetime.now(UTC)
    good, faults = _judge(found, anchors, now=now)
    if crl is not None:
        good, revoked = _hold_against(settings, _read_crl(crl), good, now=now)
        faults += revoked
    if settings.smime.ocsp:
        good, revoked = _ask_issuers(settings, good)
        faults += revoked
    revoked_before: set[str] = set()
    if good:
        ask(settings, "smime.import", incoming=[row for one in good for row in _incoming(one)])
        revoked_before = {row["fingerprint"] for row in ask(settings, "smime.list") if row["trust"] == Trust.REVOKED}
    for one in good:
        facts = one.facts
        if facts.fingerprint in revoked_before:
            faults.append(
                f"{facts.fingerprint} stays revoked: its issuer said so before. If it says otherwise now, run "
                "`mailward key smime forget` first"
            )
            continue
        told = f"{facts.fingerprint} ({facts.algorithm}, until {facts.expires_at:%Y-%m-%d})"
        click.echo(f"imported {told} for {', '.join(facts.addresses)}")
        if one.why_not:
            faults.append(
                f"{facts.fingerprint} is not used yet: {one.why_not}. Add its authority to smime.ca_file and import it "
                "again, or compare the fingerprint with the recipient and run `mailward key smime trust`"
            )
    if faults:
        fail("\n".join(faults))
    return Status.DONE


@smime.command("list")
@click.option("--json", "as_json", is_flag=True, help="One object a line.")
@settings_option
def list_(settings: Settings, *, as_json: bool) -> None:
    """Show the certificates on file."""
    rows = ask(settings, "smime.list")
    if as_json:
        for row in rows:
            print_json(row)
        return
    print_table([_row(row) for row in rows], ["address", "fingerprint", "trusted", "imported", "expires"])


@smime.command()
@click.argument("fingerprint")
@settings_option
def trust(settings: Settings, *, fingerprint: str) -> None:
    """Use the certificate with this SHA-256 FINGERPRINT whoever issued it. Compare it with the recipient first."""
    wanted = _plain(fingerprint)
    ask(settings, "smime.trust", fingerprint=wanted)
    click.echo(f"trusted {wanted}")


@smime.command()
@click.argument("fingerprint")
@settings_option
def forget(settings: Settings, *, fingerprint: str) -> None:
    """Forget the certificate with this FINGERPRINT; blanks and colons in it do not matter."""
    wanted = _plain(fingerprint)
    ask(settings, "smime.forget", fingerprint=wanted)
    click.echo(f"forgot {wanted}")


def _judge(found: Sequence[bytes], anchors: frozenset[bytes], *, now: datetime) -> tuple[list[Judged], list[str]]:
    """The recipients' certificates that may be filed, and a line for each of the others; authorities are neither."""
    good: list[Judged] = []
    faults: list[str] = []
    for number, data in enumerate(found, start=1):
        try:
            facts = read_certificate(data, now=now)
        except CertificateError as why:
            faults.append(f"certificate {number} was not imported: {why}")
            continue
        if facts.is_authority and not facts.addresses:
            continue  # it came along as an issuer
        if facts.why_not:
            faults.append(f"{facts.fingerprint} was not imported: {facts.why_not}")
            continue
        try:
            good.append(Judged(data, facts, find_path(data, found, anchors, now=now)))
        except NoPath as why:
            good.append(Judged(data, facts, why_not=str(why)))
    if not good and not faults:
        faults.append("no recipient's certificate in it, only authorities'; name those in smime.ca_file")
    return good, faults


def _read_crl(path: Path) -> x509.CertificateRevocationList:
    try:
        return load_crl(path.read_bytes())
    except OSError as error:
        fail(f"{path}: {error.strerror}")
    except CertificateError as why:
        fail(f"{path}: {why}")


def _hold_against(
    settings: Settings, crl: x509.CertificateRevocationList, found: Sequence[Judged], *, now: datetime
) -> tuple[list[Judged], list[str]]:
    """Those that their issuer has not revoked (CR-05), and a line for each of the others."""
    good: list[Judged] = []
    faults: list[str] = []
    for one in found:
        try:
            if not one.chain:
                raise CertificateError(f"the revocation list cannot be checked: {one.why_not}")
            if is_revoked(one.certificate, one.chain[0], crl, now=now):
                faults.append(_revoked(settings, one.facts.fingerprint))
            else:
                good.append(one)
        except CertificateError as why:
            faults.append(f"{one.facts.fingerprint} was not imported: {why}")
    return good, faults


def _ask_issuers(settings: Settings, found: Sequence[Judged]) -> tuple[list[Judged], list[str]]:
    """Those that no issuer's word is against (CR-05), and a line for each of the others."""
    with_issuer = [one for one in found if one.chain]
    against = reasons_against(settings, [(one.certificate, one.chain[0]) for one in with_issuer])
    words = {one.facts.fingerprint: said for one, said in zip(with_issuer, against, strict=True)}
    good: list[Judged] = []
    faults: list[str] = []
    for one in found:
        name = one.facts.fingerprint
        status, why = words.get(name, (Revocation.GOOD, ""))
        if status is Revocation.GOOD:
            good.append(one)
            continue
        revoked = status is Revocation.REVOKED
        faults.append(_revoked(settings, name) if revoked else f"{name} was not imported: {why}")
    return good, faults


def _revoked(settings: Settings, name: str) -> str:
    """End the use of a certificate that its issuer has revoked. Returns: the line about it."""
    was_used = ask(settings, "smime.revoked", fingerprint=name)
    return f"{name} {'was on file, and is used no more' if was_used else 'was not imported'}: {REVOKED}"


def _incoming(one: Judged) -> list[dict[str, Any]]:
    return [
        {
            "fingerprint": one.facts.fingerprint,
            "address": address,
            "certificate": base64.b64encode(one.certificate).decode("ascii"),
            "chain": [base64.b64encode(issuer).decode("ascii") for issuer in one.chain],
            "trust": Trust.NONE if one.why_not else Trust.CHAIN,
            "expires_at": one.facts.expires_at.isoformat(),
        }
        for address in one.facts.addresses
    ]


def _row(row: dict[str, Any]) -> tuple[str, str, str, str, str]:
    has_ended = datetime.fromisoformat(row["expires_at"]) <= datetime.now(UTC)
    shown = row["expires_at"][:10] + (" (expired)" if has_ended else "")
    return row["address"], row["fingerprint"], WORDS[Trust(row["trust"])], row["imported_at"][:10], shown


def _plain(fingerprint: str) -> str:
    return fingerprint.replace(" ", "").replace(":", "").upper()
