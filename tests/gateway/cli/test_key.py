"""`mailward key`: what an operator types and sees."""

import json
import re
import stat
from pathlib import Path

import dkim
import pytest
from click.testing import CliRunner, Result

from gateway.cli.main import main
from gateway.protect.dkim import Signer
from gateway.protect.dkim_keys import DkimKey
from tests.gateway.config.samples import MINIMAL
from tests.gateway.protect.keys import certificate_of, make_key

pytestmark = pytest.mark.slow


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "mailward.toml"
    path.write_text(MINIMAL.replace("[server]", f'[server]\ndata_dir = "{tmp_path / "data"}"'), encoding="utf-8")
    return path


def run(config: Path, *arguments: str, data: bytes = b"") -> Result:
    return CliRunner().invoke(main, ["--config", str(config), "key", *arguments], input=data)


def test_import_list_forget(config: Path, tmp_path: Path) -> None:
    """interface.md: armoured or binary, several at once; the others are named with the reason (CR-01)."""
    ring = tmp_path / "ring.pgp"
    ring.write_bytes(certificate_of(make_key()) + certificate_of(make_key(address="c@example.org", is_revoked=True)))
    result = run(config, "openpgp", "import", str(ring))
    assert result.exit_code == 1
    assert "for b@example.org" in result.stdout
    assert "was not imported: it was revoked by its owner" in result.stderr
    (line,) = run(config, "openpgp", "list", "--json").stdout.splitlines()
    row = json.loads(line)
    assert row["address"] == "b@example.org"
    assert row["expires_at"] is None
    assert "never" in run(config, "openpgp", "list").stdout
    spaced = " ".join(re.findall("....", row["fingerprint"].lower()))
    assert run(config, "openpgp", "forget", spaced).exit_code == 0
    assert run(config, "openpgp", "forget", spaced).exit_code == 1
    assert run(config, "openpgp", "list", "--json").stdout == ""


def test_import_from_standard_input(config: Path) -> None:
    """A private key is refused, and nothing of it is kept."""
    armoured = str(make_key().pubkey).encode()
    assert run(config, "openpgp", "import", "-", data=armoured).exit_code == 0
    result = run(config, "openpgp", "import", "-", data=bytes(make_key()))
    assert result.exit_code == 1
    assert "private key" in result.stderr


@pytest.mark.parametrize("algorithm", ["rsa", "ed25519"])
def test_dkim_generate(config: Path, algorithm: str) -> None:
    """The file is ours alone, the printed record verifies what the key signs, and no file is overwritten (CR-12)."""
    arguments = ("dkim", "generate", "--domain", "Clinic.example", "--selector", "s2026a", "--algorithm", algorithm)
    result = run(config, *arguments)
    assert result.exit_code == 0, result.stderr
    path = config.parent / "dkim" / "s2026a.pem"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    record = result.stdout.splitlines()[-1]
    assert record.startswith("s2026a._domainkey.clinic.example. IN TXT ( ")
    strings = re.findall(r'"([^"]*)"', record)
    assert all(len(string) <= 255 for string in strings)
    signed = Signer((DkimKey.load("clinic.example", "s2026a", path.read_bytes()),)).sign(
        b"From: a@clinic.example\r\n\r\nHi\r\n", now=0
    )
    assert dkim.verify(signed, dnsfunc=lambda *_args, **_options: "".join(strings).encode())
    before = path.read_bytes()
    again = run(config, *arguments)
    assert again.exit_code == 1
    assert "exists" in again.stderr
    assert path.read_bytes() == before


@pytest.mark.parametrize(("domain", "selector"), [("clinic example", "s1"), ("clinic.example", "../s1"), ("", "s1")])
def test_dkim_generate_refuses_bad_names(config: Path, domain: str, selector: str) -> None:
    """Names go into DNS and into a path."""
    result = run(config, "dkim", "generate", "--domain", domain, "--selector", selector)
    assert result.exit_code == 2
    assert not (config.parent / "dkim").exists()
