"""A newer copy of a key whose owner has revoked a part of it: made by gpg; refresh and import (CR-01, CR-03)."""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner, Result
from structlog.testing import capture_logs

from gateway.cli.main import main
from gateway.config import load
from gateway.config.discovery import KeySource
from gateway.protect.armour import bodies, split_certificates
from gateway.protect.certificates import open_certificate, read_certificate
from gateway.protect.errors import NoUsableCertificate
from gateway.protect.found import age_of
from gateway.protect.openpgp import encrypt
from gateway.protect.rfc9580.fields import SIGNATURE, USER_ID, framed
from gateway.store import certificates
from gateway.store.certificates import Age, Certificate, Source, Trust
from gateway.store.opening import open_store
from gateway.store.store import Store
from tests.e2e.test_gpg import Gpg
from tests.gateway.config.samples import config_in
from tests.gateway.delivery.test_discovery import FakeWeb, Room
from tests.gateway.protect.rfc9580.maker import Maker
from tests.gateway.protect.test_openpgp import MAIL
from tests.tools import need

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

ADDRESS: Final = "b@example.org"
SECOND: Final = "b2@example.org"


@dataclass(frozen=True)
class Copies:
    """Of one key, in the order of its life. revoked: without a key for encryption. renewed: with another one.

    taken_back: the second user id revoked as well.
    """

    fingerprint: str
    first: bytes
    revoked: bytes
    renewed: bytes
    taken_back: bytes


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copies]:
    home = tmp_path_factory.mktemp("g")
    home.chmod(0o700)
    gpg = Gpg(home)
    fingerprint = gpg.make(ADDRESS, "ed25519", "cv25519")
    gpg("--quick-add-uid", fingerprint, f"B <{SECOND}>")

    def export() -> bytes:
        (data,) = split_certificates(gpg.export(ADDRESS))
        return data

    first = export()
    answers = b"key 1\nrevkey\ny\n0\n\ny\nsave\n"
    gpg("--no-tty", "--command-fd", "0", "--pinentry-mode", "loopback", "--edit-key", fingerprint, data=answers)
    revoked = export()
    gpg("--quick-add-key", fingerprint, "cv25519", "encr", "0")
    renewed = export()
    gpg("--quick-revoke-uid", fingerprint, f"B <{SECOND}>")
    yield Copies(fingerprint, first, revoked, renewed, export())
    subprocess.run([need("gpgconf"), "--homedir", str(home), "--kill", "all"], check=False, timeout=60)


def subkey_of(data: bytes) -> str:
    (subkey,) = open_certificate(data, now=datetime.now(UTC)).keys
    return subkey.fingerprint


def test_which_copy_is_newer(copies: Copies) -> None:
    """CR-03: by what the owner has revoked, whatever the order in which copies come."""
    assert subkey_of(copies.first) != subkey_of(copies.renewed)
    line = (copies.first, copies.revoked, copies.taken_back)
    for older, newer in pairwise(line):
        assert age_of(newer, older) is Age.NEWER
        assert age_of(older, newer) is Age.OLDER
        assert age_of(older, older) is Age.SAME
    assert age_of(copies.renewed, copies.revoked) is Age.SAME  # nothing more is revoked
    assert age_of(copies.first, b"damaged") is Age.SAME
    assert age_of(copies.first, None) is Age.SAME


async def file(store: Store, copies: Copies, *, address: str = ADDRESS, trust: Trust = Trust.DOMAIN) -> None:
    one = Certificate(
        fingerprint=copies.fingerprint, address=address, certificate=copies.first, trust=trust, source=Source.WKD,
        imported_at=datetime.now(UTC),
    )  # fmt: skip
    await certificates.add(store, one, events=())


async def refresh(store: Store, page: bytes, address: str = ADDRESS) -> list[Certificate]:
    """Ask the domain, which has this page. Returns: what is on file then."""
    room = Room(store, web=FakeWeb({"example.org": page}), openpgp=["wkd"])
    room.now = room.sealer.now = datetime.now(UTC)
    await room.finder.renew(address, KeySource.WKD)
    async with store.read() as conn:
        return list(await certificates.copies(conn, address=address))


@pytest.mark.parametrize("trust", [Trust.DOMAIN, Trust.PERSON])
async def test_a_refresh_takes_what_was_revoked(store: Store, copies: Copies, trust: Trust) -> None:
    """CR-01, CR-03: without a later end, pinned or not; mail is encrypted to the subkey that is left."""
    await file(store, copies, trust=trust)
    with capture_logs() as logs:
        (found,) = await refresh(store, copies.renewed)
    assert (found.certificate, found.trust) == (copies.renewed, trust)
    assert [log["fingerprint"] for log in logs if log["log_level"] == "warning"] == [copies.fingerprint]
    (again,) = await refresh(store, copies.first)
    assert again.certificate == copies.renewed, "an older copy gives nothing back"


async def test_without_a_key_for_encryption_mail_takes_its_next_way(store: Store, copies: Copies) -> None:
    """CR-01: the copy that may not be used takes the place of the one that may no longer be used."""
    await file(store, copies)
    (found,) = await refresh(store, copies.revoked)
    assert found.certificate == copies.revoked
    async with store.read() as conn:
        usable = (await certificates.ring(conn, ADDRESS)).usable
    with pytest.raises(NoUsableCertificate, match="no key for encryption"):
        encrypt(MAIL, usable, now=datetime.now(UTC))


async def test_a_user_id_that_was_taken_back(store: Store, copies: Copies) -> None:
    """CR-01: the key is not of that address any more, and counts for the other one."""
    for address in (ADDRESS, SECOND):
        await file(store, copies, address=address)
        await refresh(store, copies.taken_back, address)
    async with store.read() as conn:
        assert {one.address: one.trust for one in await certificates.everything(conn)} == {
            ADDRESS: Trust.DOMAIN,
            SECOND: Trust.REVOKED,
        }
        assert await certificates.holders(conn) == {ADDRESS}
        rings = {address: (await certificates.ring(conn, address)).usable for address in (ADDRESS, SECOND)}
    assert encrypt(MAIL, rings[ADDRESS], address=ADDRESS, now=datetime.now(UTC)).fingerprints == (copies.fingerprint,)
    with pytest.raises(NoUsableCertificate, match="its owner has taken back the user id with this address"):
        encrypt(MAIL, rings[SECOND], address=SECOND, now=datetime.now(UTC))


async def test_a_newer_copy_without_user_ids(store: Store, copies: Copies) -> None:
    """CR-01, CR-03: keyservers strip them. What is revoked counts, and nobody has taken the address back."""
    stripped = without_user_ids(copies.renewed)
    await file(store, copies)
    (found,) = await refresh(store, stripped)
    assert found.trust is Trust.DOMAIN
    facts = read_certificate(found.certificate, now=datetime.now(UTC))
    assert (facts.addresses, subkey_of(found.certificate)) == ((ADDRESS, SECOND), subkey_of(copies.renewed))
    (again,) = await refresh(store, copies.first)
    assert again == found, "an older copy gives nothing back"


def without_user_ids(data: bytes) -> bytes:
    kept: list[bytes] = []
    is_dropped = False
    for kind, body in bodies(data):
        is_dropped = kind == USER_ID or (is_dropped and kind == SIGNATURE)
        if not is_dropped:
            kept.append(framed(kind, body))
    return b"".join(kept)


async def test_what_has_nothing_new_is_left_alone(store: Store, copies: Copies) -> None:
    """CR-03: as before: another copy without a later end and without a revocation is not taken."""
    await file(store, copies)
    await refresh(store, copies.revoked)
    (found,) = await refresh(store, copies.renewed)
    assert found.certificate == copies.revoked


def test_import_takes_it_and_an_older_copy_is_refused(tmp_path: Path, copies: Copies) -> None:
    """CR-01: an operator is told, though the copy itself may not be used; an older one does not come back unseen."""
    config = tmp_path / "mailward.toml"
    config.write_text(config_in(tmp_path / "data"), encoding="utf-8")

    def take(data: bytes) -> Result:
        return CliRunner().invoke(main, ["--config", str(config), "key", "openpgp", "import", "-"], input=data)

    def on_file() -> set[bytes]:
        async def read() -> set[bytes]:
            store = await open_store(load(config), node="test")
            try:
                async with store.read() as conn:
                    return {one.certificate for one in await certificates.everything(conn)}
            finally:
                await store.close()

        return asyncio.run(read())

    assert take(copies.first).exit_code == 0
    done = take(copies.revoked)
    assert f"{copies.fingerprint} for {ADDRESS}: its owner has revoked a subkey or user id" in done.stderr
    assert "was not imported: it has no key for encryption" in done.stderr
    assert on_file() == {copies.revoked}
    older = take(copies.first)
    assert older.exit_code == 1
    assert "example.org is newer, its owner has revoked" in older.stderr
    assert on_file() == {copies.revoked}
    assert take(copies.renewed).exit_code == 0
    assert on_file() == {copies.renewed}


def test_import_takes_a_revocation_of_the_whole_key(tmp_path: Path) -> None:
    """CR-01: it is not imported as a key to use, and the one on file is used no more; of version 6 and of version 4."""
    config = tmp_path / "mailward.toml"
    config.write_text(config_in(tmp_path / "data"), encoding="utf-8")

    def run(*words: str, data: bytes = b"") -> Result:
        return CliRunner().invoke(main, ["--config", str(config), "key", "openpgp", *words], input=data)

    for made in (Maker.new(6), Maker.new(4)):
        whole = made.whole()
        fingerprint = read_certificate(whole, now=datetime.now(UTC)).fingerprint
        assert run("import", "-", data=whole).exit_code == 0
        done = run(
            "import", "-", data=made.head() + made.revocation()
        )  # without user id and subkey, as it is passed on
        assert f"{fingerprint} for {ADDRESS}: its owner has revoked it; it is used no more" in done.stderr
        again = run("import", "-", data=whole)
        assert (again.exit_code, "is newer, its owner has revoked it" in again.stderr) == (1, True)
        rows = {row["fingerprint"]: row["trust"] for row in map(json.loads, run("list", "--json").stdout.splitlines())}
        assert rows[fingerprint] == Trust.REVOKED
