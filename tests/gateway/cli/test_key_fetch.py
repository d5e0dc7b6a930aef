"""`mailward key openpgp fetch`: a web key directory on loopback, real look-ups, real HTTPS."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pgpy.constants import HashAlgorithm, RevocationReason

from gateway.cli import key_openpgp as key
from gateway.cli.context import Status
from gateway.cli.main import main
from gateway.demo.resolver import Zone, serve_zone
from gateway.protect.wkd import SIZE_LIMIT, places
from tests.faulty import certificates
from tests.gateway.config.samples import config_in
from tests.gateway.protect.keys import certificate_of, make_key
from tests.tls.mta_sts.policy_host import PolicyHost, http, policy_host
from tests.tools import need

pytestmark = pytest.mark.slow

ADDRESS, HOST = "b@example.org", "openpgpkey.example.org"
KIND = "application/octet-stream"


@asynccontextmanager
async def directory(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, private: str = "127.0.0.0/8"
) -> AsyncIterator[tuple[Path, PolicyHost]]:
    """Yields: a configuration that finds it, and the web host."""
    transport, dns_port = await serve_zone(Zone(a={HOST: "127.0.0.1"}))
    async with policy_host(name=HOST) as host:
        monkeypatch.setattr(key, "WKD_PORT", host.port)
        config = folder / "mailward.toml"
        text = f"""
[dns]
resolvers = ["127.0.0.1:{dns_port}"]
[delivery]
private_networks = ["{private}"]
ca_file = "{certificates.trust_file(folder)}"
"""
        config.write_text(config_in(folder / "data", text), encoding="utf-8")
        try:
            yield config, host
        finally:
            transport.close()


async def run(config: Path, *arguments: str) -> Result:
    """In a thread, as the command has a loop of its own and the host lives in ours."""
    whole = ["--config", str(config), "key", "openpgp", *arguments]
    return await asyncio.to_thread(CliRunner().invoke, main, whole)


async def on_file(config: Path) -> list[tuple[str, str]]:
    rows = [json.loads(line) for line in (await run(config, "list", "--json")).stdout.splitlines()]
    return [(row["address"], row["fingerprint"]) for row in rows]


async def test_a_key_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """interface.md: `key openpgp fetch ADDRESS`; again, there is nothing new."""
    made = make_key(address=ADDRESS)
    async with directory(tmp_path, monkeypatch) as (config, host):
        host.answer = http(certificate_of(made), kind=KIND)
        for said in (f"imported {made.fingerprint}", f"{made.fingerprint}: nothing new"):
            result = await run(config, "fetch", "B@Example.org")
            assert result.exit_code == Status.DONE, result.output
            assert said in result.stdout
        assert await on_file(config) == [(ADDRESS, str(made.fingerprint))]
    assert host.names == [HOST] * 2
    path = places(ADDRESS)[0].target
    assert host.requests[0].startswith(f"GET {path} HTTP/1.1\r\nHost: {HOST}:{host.port}\r\n".encode())


async def test_another_key_is_never_taken_silently(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CR-03: whoever took the web host over could read what is written to its people from then on."""
    old, new = make_key(address=ADDRESS), make_key(address=ADDRESS, rsa_bits=2048)
    async with directory(tmp_path, monkeypatch) as (config, host):
        host.answer = http(certificate_of(old), kind=KIND)
        await run(config, "fetch", ADDRESS)
        host.answer = http(certificate_of(new), kind=KIND)
        result = await run(config, "fetch", ADDRESS)
        assert result.exit_code == Status.PROBLEM
        assert "Nothing is encrypted to either" in result.stderr
        assert str(new.fingerprint) in result.stderr
        waiting = await run(config, "pending", "--json")
        assert waiting.exit_code == Status.PROBLEM
        assert [json.loads(line)["fingerprint"] for line in waiting.stdout.splitlines()] == [str(new.fingerprint)]
        assert "by its domain" in (await run(config, "pending")).stdout
        assert (await run(config, "trust", str(new.fingerprint))).exit_code == Status.PROBLEM
        await run(config, "reject", str(new.fingerprint))
        assert (await run(config, "pending")).exit_code == Status.DONE
        again = await run(config, "fetch", ADDRESS)
        assert "nothing new" in again.stdout
        assert (await run(config, "pending")).exit_code == Status.DONE


async def test_an_accepted_key_takes_the_place_of_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CR-03."""
    old, new = make_key(address=ADDRESS), make_key(address=ADDRESS, rsa_bits=2048)
    async with directory(tmp_path, monkeypatch) as (config, host):
        for one in (old, new):
            host.answer = http(certificate_of(one), kind=KIND)
            await run(config, "fetch", ADDRESS)
        assert (await run(config, "accept", str(new.fingerprint).lower())).exit_code == Status.DONE
        rows = [json.loads(line) for line in (await run(config, "list", "--json")).stdout.splitlines()]
        trusts = {row["fingerprint"]: row["trust"] for row in rows}
        assert trusts == {str(new.fingerprint): "person", str(old.fingerprint): "refused"}


async def test_a_key_on_file_that_its_owner_revoked_is_used_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CR-01: and an older copy, without the revocation, does not bring it back."""
    made = make_key(address=ADDRESS, hash_algorithm=HashAlgorithm.SHA384)
    before = certificate_of(made)
    async with directory(tmp_path, monkeypatch) as (config, host):
        host.answer = http(before, kind=KIND)
        await run(config, "fetch", ADDRESS)
        made |= made.revoke(made, reason=RevocationReason.Compromised)
        host.answer = http(certificate_of(made), kind=KIND)
        result = await run(config, "fetch", ADDRESS)
        assert result.exit_code == Status.PROBLEM
        assert "is used no more" in result.stderr
        host.answer = http(before, kind=KIND)
        await run(config, "fetch", ADDRESS)
        assert "revoked by its owner" in (await run(config, "list")).stdout


async def test_a_domain_speaks_for_nobody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CR-03: a user id with an address of another domain counts only where that domain says so."""
    async with directory(tmp_path, monkeypatch) as (config, host):
        host.answer = http(certificate_of(make_key(address="c@partner.example")), kind=KIND)
        result = await run(config, "fetch", ADDRESS)
        assert result.exit_code == Status.PROBLEM
        assert "for other addresses" in result.stderr
        assert await on_file(config) == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (http(b"", "404 Not Found"), "answered 404"),
        (http(b"", "302 Found", "Location: https://evil.example/"), "answered 302"),
        (http(b"<html>no key</html>"), "is no key"),
        (http(bytes(SIZE_LIMIT + 1)), "more than 128 KiB"),
    ],
    ids=["none", "redirect", "page", "large"],
)
async def test_what_is_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes, said: str) -> None:
    async with directory(tmp_path, monkeypatch) as (config, host):
        host.answer = answer
        result = await run(config, "fetch", ADDRESS)
    assert result.exit_code == Status.PROBLEM
    assert said in result.stderr


async def test_a_revoked_key_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CR-01."""
    async with directory(tmp_path, monkeypatch) as (config, host):
        host.answer = http(certificate_of(make_key(address=ADDRESS, is_revoked=True)), kind=KIND)
        result = await run(config, "fetch", ADDRESS)
    assert result.exit_code == Status.PROBLEM
    assert "revoked by its owner" in result.stderr


async def test_no_knocking_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger's DNS does not send us to hosts of our own network."""
    async with directory(tmp_path, monkeypatch, private="10.0.0.0/8") as (config, host):
        result = await run(config, "fetch", ADDRESS)
    assert "no address that may be asked" in result.stderr
    assert host.requests == []


async def test_a_certificate_for_another_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with directory(tmp_path, monkeypatch) as (config, _):
        async with policy_host(name="www.example.org") as other:
            monkeypatch.setattr(key, "WKD_PORT", other.port)
            result = await run(config, "fetch", ADDRESS)
        assert other.requests == []
    assert "certificate that does not count" in result.stderr


@pytest.mark.e2e
@pytest.mark.parametrize("address", [ADDRESS, "Mary.O'Neil+lab@Example.org"])
def test_gpg_looks_in_the_same_place(tmp_path: Path, address: str) -> None:
    """GnuPG's own hash of an address."""
    gpg = [need("gpg"), "--homedir", str(tmp_path), "--batch", "--pinentry-mode", "loopback", "--passphrase", ""]
    made = [*gpg, "--quick-generate-key", f"Mary <{address}>", "ed25519", "sign", "never"]
    subprocess.run(made, check=True, capture_output=True, timeout=60)
    shown = subprocess.run(
        [*gpg, "--with-wkd-hash", "--list-keys"], check=True, capture_output=True, text=True, timeout=60
    ).stdout
    subprocess.run(["gpgconf", "--homedir", str(tmp_path), "--kill", "all"], check=True, timeout=60)
    name = places(address)[1].target.removeprefix("/.well-known/openpgpkey/hu/").partition("?")[0]
    assert f"{name}@example.org" in shown.lower()
