"""`mailward report keys`: what an operator sees of keys that end."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli.context import Status
from gateway.cli.main import main
from tests.gateway.config.samples import config_in
from tests.gateway.protect.keys import CREATED, certificate_of, make_key

pytestmark = pytest.mark.slow


def test_what_ends(tmp_path: Path) -> None:
    """CR-01: a key is heard of before it expires; status 1 so that a timer can tell somebody."""
    config, ring = tmp_path / "mailward.toml", tmp_path / "ring.pgp"
    config.write_text(config_in(tmp_path / "data", ""), encoding="utf-8")
    lifetime = timedelta(days=3650)
    made = make_key(address="ends@example.org", expires=lifetime)
    ring.write_bytes(certificate_of(made))
    whole = ["--config", str(config)]
    assert CliRunner().invoke(main, [*whole, "key", "openpgp", "import", str(ring)]).exit_code == 0
    rows = [
        json.loads(line) for line in CliRunner().invoke(main, [*whole, "report", "keys", "--json"]).stdout.splitlines()
    ]
    assert "ends@example.org" not in [row["name"] for row in rows]
    result = CliRunner().invoke(main, [*whole, "report", "keys", "--days", "3650"])
    assert result.exit_code == Status.PROBLEM
    assert f"{CREATED + lifetime:%Y-%m-%d}" in result.stdout
    assert str(made.fingerprint) in result.stdout


def test_our_own_openpgp_key_ends(tmp_path: Path) -> None:
    """CR-13: mail waits once it expired, so somebody has to hear of it before; not of one that another replaced."""
    config = tmp_path / "mailward.toml"
    config.write_text(config_in(tmp_path / "data", ""), encoding="utf-8")
    whole, made = ["--config", str(config)], []
    for days in ("5d", "20d"):
        words = ["key", "openpgp", "own", "generate", "--domain", "clinic.example", "--valid", days]
        made.append(CliRunner().invoke(main, [*whole, *words]).stdout.split()[0])
    (line,) = CliRunner().invoke(main, [*whole, "report", "keys", "--json"]).stdout.splitlines()
    row = json.loads(line)
    assert (row["kind"], row["name"], row["fingerprint"]) == ("own", "openpgp clinic.example", made[1])
