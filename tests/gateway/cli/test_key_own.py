"""`mailward key openpgp own`: what an operator types and sees, and what signs afterwards."""

import asyncio
import json
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from pgpy import PGPKey
from pgpy.constants import HashAlgorithm, SymmetricKeyAlgorithm

from gateway.audit.search import Query, search
from gateway.cli.main import main
from gateway.config import Settings, load
from gateway.control.own_keys import Incoming
from gateway.protect.certificates import read_certificate
from gateway.protect.signer import public_part
from gateway.protect.wkd import places
from gateway.store.opening import open_store
from gateway.store.own_keys import OwnKey, signer_of
from tests.gateway.config.samples import config_in
from tests.gateway.protect.conformance.programs import Gpg
from tests.gateway.protect.keys import certificate_of, make_key

pytestmark = pytest.mark.slow

DOMAIN = "clinic.example"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "mailward.toml"
    path.write_text(config_in(tmp_path / "data"), encoding="utf-8")
    return path


@pytest.fixture
def gpg(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gpg]:
    home = tmp_path_factory.mktemp("g")  # short: the agent's socket path has a limit
    home.chmod(0o700)
    program = Gpg(home)
    yield program
    program.stop()


def run(config: Path, *arguments: str, data: bytes = b"") -> Result:
    return CliRunner().invoke(main, ["--config", str(config), "key", "openpgp", "own", *arguments], input=data)


def listed(config: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run(config, "list", "--json").stdout.splitlines()]


def signer(config: Path) -> bytes | None:
    """What signs for the domain in a gateway that has this configuration."""

    async def read(settings: Settings) -> bytes | None:
        store = await open_store(settings, node="test")
        try:
            async with store.read() as conn:
                return await signer_of(conn, store.vault, DOMAIN)
        finally:
            await store.close()

    return asyncio.run(read(load(config)))


def kinds(config: Path) -> list[str]:
    async def read(settings: Settings) -> list[str]:
        store = await open_store(settings, node="test")
        try:
            async with store.read() as conn:
                return [found.event.kind for found in await search(conn, Query())]
        finally:
            await store.close()

    return asyncio.run(read(load(config)))


def fingerprint_of(private: bytes | None) -> str:
    assert private
    return read_certificate(public_part(private), now=datetime.now(UTC)).fingerprint


def test_the_newest_key_signs(config: Path) -> None:
    """The one before it keeps its public half alone; `retire` destroys the last private half; each step is audited."""
    assert signer(config) is None
    assert run(config, "generate", "--domain", DOMAIN).exit_code == 0
    (first,) = listed(config)
    assert "private_key" not in first
    assert (first["address"], first["until"]) == (f"openpgp@{DOMAIN}", None)
    assert fingerprint_of(signer(config)) == first["fingerprint"]
    done = run(config, "generate", "--domain", DOMAIN, "--address", f"privacy@{DOMAIN}", "--valid", "30d")
    assert f"{first['fingerprint']} signs no more" in done.stdout
    second, old = listed(config)
    assert (old["fingerprint"], bool(old["until"]), second["until"]) == (first["fingerprint"], True, None)
    assert second["expires_at"] < first["expires_at"]
    assert fingerprint_of(signer(config)) == second["fingerprint"]
    assert run(config, "retire", "--domain", DOMAIN).exit_code == 0
    assert signer(config) is None
    assert run(config, "retire", "--domain", DOMAIN).exit_code == 1
    assert run(config, "export", "--domain", DOMAIN).exit_code == 1
    assert [kind for kind in kinds(config) if kind.startswith("own_key.")] == [
        "own_key.added", "own_key.added", "own_key.retired",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("organisation", "status"), [("Clinic <A> (East)", 0), ("Clinic <eve@evil.example>", 0), ("<>", 1)]
)
def test_a_name_with_the_marks_of_a_user_id(config: Path, organisation: str, status: int) -> None:
    """RFC 9580 section 5.11: it does not end up as address or comment; without any word there is a reason."""
    config.write_text(config.read_text(encoding="utf-8") + f'organisation = "{organisation}"\n', encoding="utf-8")
    done = run(config, "generate", "--domain", DOMAIN)
    assert (done.exit_code, bool(done.stderr)) == (status, bool(status)), done.output
    assert [row["address"] for row in listed(config)] == [f"openpgp@{DOMAIN}"] * (not status)


def test_no_private_key_is_in_the_database_in_clear(config: Path) -> None:
    """Sealed by the master key, as DKIM keys are."""
    run(config, "generate", "--domain", DOMAIN)
    assert signer(config)
    files = [path for path in (config.parent / "data").rglob("*") if path.is_file()]
    assert any(b"own_key.added" in path.read_bytes() for path in files)  # they are the right files
    assert not [path for path in files if b'"private_key"' in path.read_bytes()]


@pytest.mark.e2e
def test_no_private_key_is_shown() -> None:
    """Whoever prints what travels to the gateway, or what is on file, prints no key."""
    facts: dict[str, Any] = {"fingerprint": "F", "address": "a", "algorithm": "x", "certificate": b"c"}
    for one in (
        Incoming(**facts, private_key=b"secret"),
        OwnKey(**facts, private_key=b"secret", since=datetime.now(UTC)),
    ):
        assert "secret" not in repr(one)
        assert "F" in repr(one)


def test_gpg_takes_what_is_exported(config: Path, gpg: Gpg, tmp_path: Path) -> None:
    """Armoured for people, and both methods of a web key directory, where `places` looks; for signatures alone."""
    run(config, "generate", "--domain", DOMAIN)
    (row,) = listed(config)
    shown, _ = gpg("--with-colons", "--show-keys", data=run(config, "export", "--domain", DOMAIN).stdout_bytes)
    lines = [line.split(":") for line in shown.decode().splitlines()]
    assert [line[9] for line in lines if line[0] == "fpr"] == [row["fingerprint"]]
    (public,) = (line for line in lines if line[0] == "pub")
    assert public[11] == "scSC"  # it signs and certifies; no E: nobody can encrypt to it
    assert f"<openpgp@{DOMAIN}>" in shown.decode()
    assert run(config, "export", "--domain", DOMAIN, "--wkd", str(tmp_path / "www")).exit_code == 0
    for place in places(f"openpgp@{DOMAIN}"):
        file = tmp_path / "www" / place.target.partition("?")[0][1:]
        assert gpg.fingerprint_of(file.read_bytes()) == row["fingerprint"]
        assert (file.parent.parent / "policy").read_bytes() == b""


@pytest.mark.e2e
@pytest.mark.parametrize("is_armoured", [True, False])
def test_a_key_of_gpg_is_imported(config: Path, gpg: Gpg, tmp_path: Path, is_armoured: bool) -> None:
    """The file is read as gpg writes it; the same key with a later end takes its own place."""
    _, said = gpg("--quick-gen-key", f"Clinic <privacy@{DOMAIN}>", "rsa2048", "sign", "1y")
    fingerprint = said.partition("KEY_CREATED P ")[2].split()[0]
    file = tmp_path / "key"
    file.write_bytes(gpg(*(["--armor"] if is_armoured else []), "--export-secret-keys", fingerprint)[0])
    done = run(config, "import", "--domain", DOMAIN, str(file))
    assert done.exit_code == 0, done.output
    assert listed(config)[0]["fingerprint"] == fingerprint == fingerprint_of(signer(config))
    gpg("--quick-set-expire", fingerprint, "2y")
    file.write_bytes(gpg("--export-secret-keys", fingerprint)[0])
    before = listed(config)[0]["expires_at"]
    assert "signs no more" not in run(config, "import", "--domain", DOMAIN, str(file)).stdout
    (row,) = listed(config)
    assert (row["fingerprint"], row["until"]) == (fingerprint, None)
    assert row["expires_at"] > before


def test_what_could_not_sign_is_refused(config: Path) -> None:
    """CR-01's judgement on our own: nothing is filed that recipients would not believe."""
    expected = {
        certificate_of(make_key(address=f"a@{DOMAIN}")): "this is a public key",
        bytes(make_key(address=f"a@{DOMAIN}", is_revoked=True)): "it was revoked",
        bytes(make_key()): f"none of its user ids has an address of {DOMAIN}",
        b"nonsense": "not an OpenPGP",
        b"-----BEGIN PGP MESSAGE-----\n\n": "not one private key in this file",
    }
    for data, why in expected.items():
        done = run(config, "import", "--domain", DOMAIN, "-", data=data)
        assert done.exit_code == 1, why
        assert why in done.stderr
    assert listed(config) == []
    assert run(config, "generate", "--domain", "other.example").exit_code == 2
    assert run(config, "generate", "--domain", DOMAIN, "--address", "a@other.example").exit_code == 2


def test_a_passphrase_is_refused(config: Path) -> None:
    """Nobody types it when the gateway starts."""
    key = PGPKey()
    key.parse(bytearray(bytes(make_key(address=f"a@{DOMAIN}"))))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        key.protect("word", SymmetricKeyAlgorithm.AES256, HashAlgorithm.SHA256)
    done = run(config, "import", "--domain", DOMAIN, "-", data=bytes(key))
    assert done.exit_code == 1
    assert "it has a passphrase" in done.stderr
