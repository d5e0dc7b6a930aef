"""`mailward key dkim rotate` over a real resolver on loopback, and the gateway that takes the switch (CR-12)."""

import asyncio
import contextlib
import re
import threading
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dkim
import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives import serialization

from gateway.cli import key_dkim
from gateway.cli.main import main
from gateway.config import Settings, load
from gateway.control import dkim as control
from gateway.control.office import Office
from gateway.control.wire import Refused
from gateway.daemon.signing import Signing
from gateway.demo.resolver import Zone, serve_zone
from gateway.protect.dkim import Signer
from gateway.protect.dkim_keys import generate_key
from gateway.store.opening import open_store
from tests.gateway.cli.test_dns import read_zone
from tests.gateway.config.samples import config_in

pytestmark = pytest.mark.slow

MAIL = b"From: a@clinic.example\r\n\r\nHi\r\n"
PEM = generate_key("rsa")


class Dns:
    """Records that can be published while the command waits."""

    def __init__(self) -> None:
        self.txt: dict[str, str] = {}

    def look_up(self, name: bytes | str, timeout: int = 5) -> bytes | None:
        text = name.decode() if isinstance(name, bytes) else name
        return self.txt.get(text.rstrip("."), "").encode() or None


@contextlib.asynccontextmanager
async def clinic(folder: Path) -> AsyncIterator[tuple[Path, Dns]]:
    """Yields: a configuration with one RSA key, and what its resolver says."""
    records = Dns()
    (folder / "s1.pem").write_bytes(PEM)
    (folder / "s1.pem").chmod(0o600)
    transport, port = await serve_zone(Zone(txt=records.txt))
    config = folder / "mailward.toml"
    text = config_in(folder / "data", f'[dns]\nresolvers = ["127.0.0.1:{port}"]\n')
    named = f'name = "clinic.example"\ndkim = [{{ selector = "s1", private_key = "{folder}/s1.pem" }}]'
    config.write_text(text.replace('name = "clinic.example"', named), encoding="utf-8")
    try:
        yield config, records
    finally:
        transport.close()


async def run(config: Path, *arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, main, ["--config", str(config), *arguments])


async def signed(settings: Settings) -> bytes:
    """A message as a gateway that starts now would sign it."""
    store = await open_store(settings, node="test")
    try:
        signing = Signing(settings, store, Signer(()))
        await signing.load()
        return signing.signer.sign(MAIL, now=0)
    finally:
        await store.close()


def selector_of(message: bytes) -> bytes:
    (found,) = re.findall(rb"; s=([^;]*);", message)
    return bytes(found)


async def test_rotate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CR-12: without its record a key never signs; the second try goes on, switches, and says what to keep."""
    monkeypatch.setattr(key_dkim, "EVERY_S", 0.01)
    async with clinic(tmp_path) as (config, records):
        settings = load(config)
        early = await run(config, "key", "dkim", "rotate", "--wait", "0s")
        assert early.exit_code == 75, early.output
        assert "the old keys go on signing" in early.stderr
        assert selector_of(await signed(settings)) == b"s1"
        zone = read_zone("\n".join(line for line in early.stdout.splitlines() if " IN TXT " in line))
        waiting = await run(config, "dns", "check")
        assert "DKIM (next)" in waiting.stdout
        records.txt.update({name: text[:-8] + "AAAAAAAA" for name, text in zone.items()})
        assert (await run(config, "key", "dkim", "rotate", "--wait", "0s")).exit_code == 75  # another key is published
        command = asyncio.create_task(run(config, "key", "dkim", "rotate", "--wait", "20s"))
        await asyncio.sleep(0)
        records.txt.update(zone)
        done = await command
        assert done.exit_code == 0, done.output
        assert read_zone("\n".join(line for line in done.stdout.splitlines() if " IN TXT " in line)) == zone
        until = f"{datetime.now(UTC) + timedelta(days=14):%Y-%m-%d}"
        assert f"keep the record of s1._domainkey.clinic.example until {until}" in done.stdout
        message = await signed(settings)
        assert selector_of(message).startswith(b"m20")
        assert dkim.verify(message, dnsfunc=records.look_up)
        printed = (await run(config, "dns", "records")).stdout
        assert f"DKIM (old) of s1._domainkey.clinic.example: must stay until {until}" in printed
        assert {**zone}.items() <= read_zone(printed).items()


async def test_a_running_gateway_takes_the_switch_at_once(tmp_path: Path) -> None:
    """No restart; and nothing but the keys that were looked for is ever switched to."""
    async with clinic(tmp_path) as (config, _):
        settings = load(config)
        store = await open_store(settings, node="test")
        signing = Signing(settings, store, Signer(()))
        await signing.load()
        office = Office(store, settings, keys_changed=signing.load)
        try:
            (made,) = await control.prepare(office, domain="clinic.example")
            with pytest.raises(Refused, match="other keys wait"):
                await control.switch(office, domain="clinic.example", selectors=["s1"], grace_s=0)
            assert selector_of(signing.signer.sign(MAIL, now=0)) == b"s1"
            await control.switch(office, domain="clinic.example", selectors=[made["selector"]], grace_s=0)
            assert selector_of(signing.signer.sign(MAIL, now=0)) == made["selector"].encode()
            with pytest.raises(Refused, match="other keys wait"):  # a second command that was late
                await control.switch(office, domain="clinic.example", selectors=[made["selector"]], grace_s=0)
            (tmp_path / "s1.pem").write_text("no key")
            assert not await signing.read_files()
            assert selector_of(signing.signer.sign(MAIL, now=0)) == made["selector"].encode()  # CR-12: never unsigned
            with pytest.raises(Refused, match=r"s1\.pem"):
                await control.prepare(office, domain="clinic.example")
        finally:
            await store.close()


async def test_no_key_is_read_on_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CR-12: an RSA key is checked for 40 ms when it is read; all mail would stand still for as long."""
    read_by: list[int] = []
    load_key = serialization.load_pem_private_key

    def counted(*arguments: Any, **options: Any) -> Any:
        read_by.append(threading.get_ident())
        return load_key(*arguments, **options)

    async with clinic(tmp_path) as (config, _):
        settings = load(config)
        store = await open_store(settings, node="test")
        monkeypatch.setattr(serialization, "load_pem_private_key", counted)
        signing = Signing(settings, store, Signer(()))
        office = Office(store, settings, keys_changed=signing.load)
        try:
            await signing.load()
            for _ in range(2):  # the second time the keys that sign are of our making
                (made,) = await control.prepare(office, domain="clinic.example")
                await control.switch(office, domain="clinic.example", selectors=[made["selector"]], grace_s=0)
            assert await signing.read_files()
            assert len(read_by) > 8
            assert threading.get_ident() not in read_by
        finally:
            await store.close()
