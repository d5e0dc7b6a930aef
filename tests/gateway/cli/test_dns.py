"""`mailward dns`: what should be published, and what is found there, over a real resolver on loopback."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli import dns
from gateway.cli.context import Status
from gateway.cli.dns_records import Finding, Verdict, Wanted, judge, wanted
from gateway.cli.main import main
from gateway.demo.resolver import Zone, serve_zone
from gateway.protect.dkim_keys import DkimKey, generate_key
from tests.gateway.config.samples import config_in

DOMAIN, HOST = "clinic.example", "gw.clinic.example"
PEM = {name: generate_key(name) for name in ("rsa", "ed25519")}
KEYS = {name: DkimKey.load(DOMAIN, name, pem) for name, pem in PEM.items()}
RSA, ED25519 = (KEYS[name].dns_record() for name in ("rsa", "ed25519"))
SPF, DMARC = "v=spf1 a:gw.clinic.example -all", "v=DMARC1; p=none"


def of(what: str, key: str = "rsa") -> Wanted:
    """One row of the table."""
    rows = wanted([KEYS[key]], domains=[DOMAIN], through_others=frozenset(), hosts={HOST: "this server"})
    return next(row for row in rows if row.what == what)


@pytest.mark.parametrize(
    ("what", "records", "verdict", "why"),
    [
        ("DKIM", [RSA], Verdict.OK, ""),
        ("DKIM", [RSA.replace("; ", ";").replace("p=MII", "p=MI I")], Verdict.OK, ""),
        ("DKIM", [RSA.removeprefix("v=DKIM1; k=rsa; ")], Verdict.OK, ""),
        ("DKIM", [], Verdict.MISSING, "no TXT record"),
        ("DKIM", [RSA, RSA], Verdict.WRONG, "2 TXT records"),
        ("DKIM", [ED25519], Verdict.WRONG, "another key"),
        ("DKIM", [RSA[:-8] + "AAAAAAAA"], Verdict.WRONG, "another key"),
        ("DKIM", ["v=DKIM1; k=rsa; p="], Verdict.WRONG, "revoked"),
        ("DKIM", ["v=spf1 -all"], Verdict.WRONG, "not a DKIM record"),
        ("DKIM", [f"{RSA}; t=y:s"], Verdict.WRONG, "test"),
        ("DKIM", [f"{RSA}; t=s"], Verdict.OK, ""),
        ("DKIM", [f"{RSA}; h=sha1"], Verdict.WRONG, "SHA-256"),
        ("DKIM", [f"{RSA}; s=other"], Verdict.WRONG, "not for mail"),
        ("DKIM", None, Verdict.UNKNOWN, "DNS does not answer"),
        ("SPF", ["google-site=1", SPF], Verdict.OK, ""),
        ("SPF", ["google-site=1"], Verdict.MISSING, "v=spf1"),
        ("SPF", ["v=spf10 -all"], Verdict.MISSING, "v=spf1"),
        ("SPF", [SPF, "v=spf1 -all"], Verdict.WRONG, "permanent error"),
        ("SPF", ["v=spf1 mx +all"], Verdict.WRONG, "everybody"),
        ("DMARC", [DMARC], Verdict.OK, ""),
        ("DMARC", ["v=DMARC1;p=Reject; rua=mailto:x@y.example"], Verdict.OK, ""),
        ("DMARC", ["hello"], Verdict.MISSING, "v=DMARC1"),
        ("DMARC", [DMARC, DMARC], Verdict.WRONG, "none counts"),
        ("DMARC", ["v=DMARC1; rua=mailto:x@y.example"], Verdict.WRONG, "p="),
        ("this server", ["192.0.2.1"], Verdict.OK, ""),
        ("this server", [], Verdict.MISSING, "no A or AAAA"),
    ],
)
def test_what_counts(what: str, records: list[str] | None, verdict: Verdict, why: str) -> None:
    """RFC 6376 3.6.1, RFC 7208 4.5, RFC 7489 6.6.3."""
    found = judge(of(what), records)
    assert (found.verdict, found.what) == (verdict, what)
    assert why in found.why
    assert bool(found.why) is bool(why)


def test_a_domain_behind_a_provider_asks_the_provider() -> None:
    """We know our own address, not whose the mail leaves from."""
    rows = wanted([], domains=[DOMAIN], through_others=frozenset({DOMAIN}), hosts={HOST: "this server"})
    spf = next(row for row in rows if row.what == "SPF")
    assert (spf.text, "provider" in spf.note) == ("", True)


@asynccontextmanager
async def published(folder: Path, txt: Mapping[str, str]) -> AsyncIterator[Path]:
    """Yields: a configuration with two DKIM keys whose resolver has these records."""
    for name, pem in PEM.items():
        (folder / f"{name}.pem").write_bytes(pem)
    transport, port = await serve_zone(Zone(txt=txt, a={HOST: "192.0.2.1"}))
    keys = ", ".join(f'{{ selector = "{name}", private_key = "{folder}/{name}.pem" }}' for name in KEYS)
    text = config_in(folder / "data", f'[dns]\nresolvers = ["127.0.0.1:{port}"]\n')
    config = folder / "mailward.toml"
    config.write_text(text.replace(f'name = "{DOMAIN}"', f'name = "{DOMAIN}"\ndkim = [{keys}]'), encoding="utf-8")
    try:
        yield config
    finally:
        transport.close()


async def run(config: Path, *arguments: str) -> Result:
    """In a thread, as the command has a loop of its own and the resolver lives in ours."""
    return await asyncio.to_thread(CliRunner().invoke, main, ["dns", *arguments, "--config", str(config)])


def read_zone(text: str) -> dict[str, str]:
    """The TXT records of printed lines, as a name server would read them: strings joined."""
    lines = [line for line in text.splitlines() if not line.startswith(";")]
    return {line.split(". IN ")[0]: "".join(line.split('"')[1::2]) for line in lines}


@pytest.mark.slow
async def test_what_is_printed_passes_the_check(tmp_path: Path) -> None:
    """operations.md: print the DNS to add, check it after."""
    async with published(tmp_path, {}) as config:
        printed = await run(config, "records")
        missing = await run(config, "check", "--json")
    assert printed.exit_code == Status.DONE, printed.output
    zone = read_zone(printed.stdout)
    assert zone == {
        "rsa._domainkey.clinic.example": RSA,
        "ed25519._domainkey.clinic.example": ED25519,
        "clinic.example": SPF,
        "_dmarc.clinic.example": DMARC,
    }
    assert f"; this server of {HOST}" in printed.stdout
    assert missing.exit_code == Status.PROBLEM
    found = [Finding(**json.loads(line)) for line in missing.stdout.splitlines()]
    assert [one.verdict for one in found] == [Verdict.MISSING] * 4 + [Verdict.OK]
    async with published(tmp_path, zone) as config:
        result = await run(config, "check")
    assert result.exit_code == Status.DONE, result.output
    assert [line.split()[0] for line in result.stdout.splitlines()[1:]] == ["ok"] * 5


@pytest.mark.slow
async def test_silence_is_not_absence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A monitoring script must not read an outage of the resolver as records that are gone."""
    monkeypatch.setattr(dns, "CHECK_S", 0.2)
    async with published(tmp_path, {}) as config:
        pass  # and the resolver is gone
    result = await run(config, "check", "--json")
    assert result.exit_code == Status.TRY_LATER, result.output
    assert {json.loads(line)["verdict"] for line in result.stdout.splitlines()} == {"unknown"}


@pytest.mark.slow
async def test_a_key_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    async with published(tmp_path, {}) as config:
        (tmp_path / "rsa.pem").write_text("no key")
        result = await run(config, "records")
    assert result.exit_code == Status.BAD_CONFIG
    assert f"{tmp_path}/rsa.pem: not an unencrypted private key" in result.stderr
