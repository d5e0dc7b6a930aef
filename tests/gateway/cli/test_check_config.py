"""`mailward check-config`."""

import json
from pathlib import Path

import pytest
import trustme
from click.testing import CliRunner

from gateway.cli.context import Status
from gateway.cli.main import main
from tests.gateway.config.samples import MINIMAL


def _configured(place: Path, more: str = "") -> str:
    leaf = trustme.CA().issue_cert("gw.clinic.example")
    (place / "cert.pem").write_bytes(leaf.cert_chain_pems[0].bytes())
    (place / "key.pem").write_bytes(leaf.private_key_pem.bytes())
    (place / "key.pem").chmod(0o600)
    tls = f'[server.tls]\ncertificate = "{place}/cert.pem"\nprivate_key = "{place}/key.pem"\n'
    text = MINIMAL.replace("[[listener]]", f'data_dir = "{place}/data"\n{tls}[[listener]]') + more
    (place / "mailward.toml").write_text(text, encoding="utf-8")
    return str(place / "mailward.toml")


def test_a_right_configuration_passes(tmp_path: Path) -> None:
    path = _configured(tmp_path)
    result = CliRunner().invoke(main, ["check-config", "--config", path])
    assert (result.exit_code, result.stdout, result.stderr) == (Status.DONE, f"{path}: no problems found\n", "")


def test_text_and_files_are_shown_together(tmp_path: Path) -> None:
    """OP-03."""
    path = _configured(tmp_path, '[[policy.rule]]\nname = "x"\n[delivery]\nsmart_host = "smtp"\n')
    (tmp_path / "key.pem").chmod(0o644)
    result = CliRunner().invoke(main, ["check-config", "--config", path])
    assert result.exit_code == Status.BAD_CONFIG
    assert [line.split(": ")[2] for line in result.stderr.splitlines()] == [
        "server.tls.private_key",
        "policy.rule[1].action",
        "policy.rule[1].when",
        "delivery.smart_host",
    ]


def test_json_has_one_problem_a_line(tmp_path: Path) -> None:
    path = _configured(tmp_path, "[limits]\nrecipients = 0\n")
    result = CliRunner().invoke(main, ["check-config", "--json", "--config", path])
    assert result.exit_code == Status.BAD_CONFIG
    (line,) = result.stdout.splitlines()
    assert json.loads(line) == {"file": path, "line": 12, "key": "limits.recipients", "text": "must be above 0"}


SMART_HOST = '[delivery]\nsmart_host = "smtp.provider.example:587"\n'


@pytest.mark.parametrize(
    ("more", "is_warned"),
    [
        (SMART_HOST, True),
        (SMART_HOST + "smart_host_attested = true\n", False),
        (SMART_HOST + '[[delivery.route]]\ndomain = "clinic.example"\nhost = "exchange.clinic.example"\n', False),
        (SMART_HOST + '[[delivery.route]]\ndomain = "clinic.example"\n', True),
        ("", False),
    ],
    ids=["unattested", "attested", "route with a host", "route without", "no smart host"],
)
def test_pins_behind_a_smart_host(tmp_path: Path, more: str, is_warned: bool) -> None:
    """It starts, and PINs would wait for ever: said before that happens."""
    path = _configured(tmp_path, more)
    result = CliRunner().invoke(main, ["check-config", "--config", path])
    assert result.exit_code == Status.DONE
    assert ("domain[1].inbound: is missing" in result.stderr) is is_warned
    as_json = CliRunner().invoke(main, ["check-config", "--json", "--config", path])
    assert (as_json.exit_code, '"severity":"warning"' in as_json.stdout) == (Status.DONE, is_warned)


def test_an_inbound_host_settles_it(tmp_path: Path) -> None:
    path = Path(_configured(tmp_path, SMART_HOST))
    text = path.read_text(encoding="utf-8")
    inbound = 'name = "clinic.example"\ninbound = "exchange.clinic.example:25"'
    path.write_text(text.replace('name = "clinic.example"', inbound), encoding="utf-8")
    result = CliRunner().invoke(main, ["check-config", "--config", str(path)])
    assert (result.exit_code, result.stderr) == (Status.DONE, "")
