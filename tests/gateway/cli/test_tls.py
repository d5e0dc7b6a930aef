"""`mailward tls probe`: real look-ups and handshakes on loopback, in words and as JSON."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli.context import Status
from gateway.cli.main import main
from gateway.demo.resolver import Zone, serve_zone
from tests.faulty import certificates
from tests.faulty.server import FaultyServer, Script
from tests.gateway.config.samples import config_in

MX = "mx.b.example"


@asynccontextmanager
async def partner(folder: Path, script: Script, more: str = "") -> AsyncIterator[tuple[Path, FaultyServer]]:
    """b.example with one host. Yields: a configuration that finds it, and the host."""
    transport, dns_port = await serve_zone(Zone(mx={"b.example": (MX,)}, a={MX: "127.0.0.1"}))
    async with FaultyServer(script) as server:
        config = folder / "mailward.toml"
        text = f"""
[dns]
resolvers = ["127.0.0.1:{dns_port}"]
{more}
[delivery]
port = {server.port}
private_networks = ["127.0.0.0/8"]
ca_file = "{certificates.trust_file(folder)}"
"""
        config.write_text(config_in(folder / "data", text), encoding="utf-8")
        try:
            yield config, server
        finally:
            transport.close()


async def run(config: Path, *arguments: str) -> Result:
    """In a thread, as the command has a loop of its own and the host lives in ours."""
    return await asyncio.to_thread(CliRunner().invoke, main, ["tls", "probe", *arguments, "--config", str(config)])


@pytest.mark.slow
async def test_in_words(tmp_path: Path) -> None:
    """Ten lines at most for a domain with one or two hosts; nothing of a message is said to it."""
    async with partner(tmp_path, Script(tls=certificates.good(MX))) as (config, server):
        result = await run(config, "B.example")
    assert result.exit_code == Status.DONE, result.output
    lines = result.stdout.splitlines()
    assert lines[:3] == [
        "b.example: protected mail can go over TLS that was proved",
        "DNSSEC: not used; dns.trust_ad is false, so DANE does not apply",
        "MTA-STS: no policy",
    ]
    assert lines[3] == f"{MX}:{server.port} [127.0.0.1], MX unsigned, no TLSA"
    assert lines[4].startswith("  protected mail needs verified TLS (message needs verified TLS). TLSv1.3 TLS_")
    assert ", webpki, certificate " in lines[4]
    assert lines[5].startswith("  other mail needs nothing: it goes in clear where there is no TLS. TLSv1.3 ")
    assert len(lines) == 6
    assert "MAIL" not in server.verbs()


@pytest.mark.slow
async def test_as_json(tmp_path: Path) -> None:
    """TL-03: a certificate for nobody we know; the status tells scripts that protected mail takes another way."""
    async with partner(tmp_path, Script(tls=certificates.self_signed(MX))) as (config, _):
        result = await run(config, "b.example", "--json")
    assert result.exit_code == Status.PROBLEM
    found = json.loads(result.stdout)
    (host,) = found["hosts"]
    assert (found["is_good"], found["mta_sts"]["mode"], host["dane"]) == (False, None, "none")
    assert (host["protected"]["failure"], host["protected"]["weight"]) == ("self-signed", "refused")
    assert (host["other"]["is_ready"], host["other"]["verification"]) == (True, "unauthenticated")
    assert len(host["other"]["certificate"]) == 64


@pytest.mark.slow
async def test_a_resolver_that_only_says_so(tmp_path: Path) -> None:
    """TL-25: `dns.trust_ad` and a resolver that knows neither test name: it answers what it must refuse."""
    async with partner(tmp_path, Script(tls=certificates.good(MX)), "trust_ad = true") as (config, _):
        result = await run(config, "b.example")
    assert "it does not validate DNSSEC; DANE does not apply" in result.stdout.splitlines()[1]


@pytest.mark.slow
async def test_what_cannot_be_probed(tmp_path: Path) -> None:
    """A domain that is none, and one that does not exist: one line each, with its status."""
    async with partner(tmp_path, Script()) as (config, _):
        nonsense, gone = await run(config, "no domain"), await run(config, "gone.example")
    assert nonsense.exit_code == Status.USAGE
    assert (gone.exit_code, gone.output) == (
        Status.PROBLEM, "mailward: gone.example: 550 5.1.2 gone.example does not exist\n",
    )  # fmt: skip
