"""What the settings name on this machine."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from gateway.config import Settings, parse
from gateway.config.check import check
from gateway.config.examine import examine
from tests.gateway.protect.smime.identities import write_identity

NOW = datetime.now(UTC)


def _secret(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o600)


def _pem(key: PrivateKeyTypes, passphrase: bytes = b"") -> bytes:
    how = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def site(tmp_path: Path, authority: trustme.CA) -> Path:
    """A directory with a configuration of which every file is right."""
    leaf = authority.issue_cert("gw.clinic.example")
    (tmp_path / "cert.pem").write_bytes(leaf.cert_chain_pems[0].bytes())
    _secret(tmp_path / "key.pem", leaf.private_key_pem.bytes())
    _secret(tmp_path / "dkim.pem", _pem(ed25519.Ed25519PrivateKey.generate()))
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    (tmp_path / "data").mkdir(mode=0o700)
    _secret(tmp_path / "data" / "master.key", bytes(32))
    (tmp_path / "mailward.toml").write_text(
        f"""\
[server]
hostname = "gw.clinic.example"
data_dir = "{tmp_path}/data"
[server.tls]
certificate = "{tmp_path}/cert.pem"
private_key = "{tmp_path}/key.pem"
[[listener]]
[[domain]]
name = "clinic.example"
dkim = [{{ selector = "s1", private_key = "{tmp_path}/dkim.pem" }}]
[delivery]
ca_file = "{tmp_path}/ca.pem"
""",
        encoding="utf-8",
    )
    return tmp_path


def _settings(site: Path) -> Settings:
    path = site / "mailward.toml"
    return parse(path.read_text(encoding="utf-8"), path)


def _problems(site: Path, now: datetime = NOW) -> list[tuple[int, str, str]]:
    found = check(_settings(site), now=now)
    return [(problem.line, problem.key, problem.text.replace(f"{site}/", "")) for problem in found]


def test_a_right_site_has_no_problem(site: Path) -> None:
    assert check(_settings(site)) == ()
    assert examine(site / "mailward.toml") == ()


def test_a_site_before_its_first_start_has_no_problem(site: Path) -> None:
    """The data directory and the master key are made by the first start."""
    (site / "data" / "master.key").unlink()
    assert _problems(site) == []
    (site / "data").rmdir()
    assert _problems(site) == []


Spoil = Callable[[Path], object]

SPOILED: list[tuple[Spoil, int, str, str]] = [
    (lambda s: (s / "cert.pem").unlink(), 5, "server.tls.certificate", "cert.pem does not exist"),
    (lambda s: (s / "cert.pem").write_text("x"), 5, "server.tls.certificate", "cert.pem holds no PEM certificate"),
    (lambda s: (s / "key.pem").unlink(), 6, "server.tls.private_key", "key.pem does not exist"),
    (lambda s: (s / "key.pem").write_text("x"), 6, "server.tls.private_key", "key.pem holds no PEM private key"),
    (
        lambda s: _secret(s / "key.pem", _pem(ec.generate_private_key(ec.SECP256R1()), b"pass")),
        6,
        "server.tls.private_key",
        "key.pem is locked with a passphrase; remove it, nobody is there to type it at start",
    ),
    (
        lambda s: _secret(s / "key.pem", _pem(ec.generate_private_key(ec.SECP256R1()))),
        6,
        "server.tls.private_key",
        "key.pem is not the key of cert.pem; name two that belong together",
    ),
    (
        lambda s: (s / "key.pem").chmod(0o644),
        6,
        "server.tls.private_key",
        "key.pem is open to other users; chmod 0640 key.pem or stricter",
    ),
    (lambda s: (s / "dkim.pem").unlink(), 10, "domain[1].dkim[1].private_key", "dkim.pem does not exist"),
    (
        lambda s: _secret(s / "dkim.pem", _pem(ec.generate_private_key(ec.SECP256R1()))),
        10,
        "domain[1].dkim[1].private_key",
        "dkim.pem is neither RSA nor Ed25519; DKIM knows no other (RFC 8301, RFC 8463)",
    ),
    (
        lambda s: (s / "dkim.pem").chmod(0o604),
        10,
        "domain[1].dkim[1].private_key",
        "dkim.pem is open to other users; chmod 0640 dkim.pem or stricter",
    ),
    (lambda s: (s / "ca.pem").write_text(""), 12, "delivery.ca_file", "ca.pem holds no PEM certificate"),
    (
        lambda s: (s / "data" / "master.key").chmod(0o644),
        1,
        "seal.master_key",
        "data/master.key is open to other users; chmod 0640 data/master.key or stricter",
    ),
    (
        lambda s: (s / "data").chmod(0o755),
        3,
        "server.data_dir",
        "data is open to other users; chmod 0700 data",
    ),
]


@pytest.mark.parametrize(("spoil", "line", "key", "text"), SPOILED, ids=[f"{row[2]}: {row[3]}" for row in SPOILED])
def test_each_fault_is_told(site: Path, spoil: Spoil, line: int, key: str, text: str) -> None:
    """OP-03, CR-12."""
    spoil(site)
    where = 0 if key == "seal.master_key" else line  # that key is not in the file
    assert _problems(site) == [(where, key, text)]


def test_a_short_dkim_key_is_refused(site: Path) -> None:
    """RFC 8301 section 3.2; `serve` would refuse it too, so check-config has to say it first."""
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - that is the point
    _secret(site / "dkim.pem", _pem(short))
    assert _problems(site) == [(10, "domain[1].dkim[1].private_key", "dkim.pem is RSA with 1024 bits; use 2048")]


def test_certificates_are_valid_for_a_time(site: Path, authority: trustme.CA) -> None:
    """OP-03: an expired certificate is told before clients meet it."""
    leaf = authority.issue_cert("gw.clinic.example", not_before=NOW, not_after=NOW + timedelta(days=1))
    (site / "cert.pem").write_bytes(leaf.cert_chain_pems[0].bytes())
    _secret(site / "key.pem", leaf.private_key_pem.bytes())
    assert _problems(site) == []
    ((_, _, expired),) = _problems(site, NOW + timedelta(days=2))
    assert expired == f"cert.pem expired on {NOW + timedelta(days=1):%Y-%m-%d}; renew it"
    ((_, _, early),) = _problems(site, NOW - timedelta(days=2))
    assert early == f"cert.pem is valid only from {NOW:%Y-%m-%d} on; check the clock"


def test_the_portal_may_have_a_certificate_of_its_own(site: Path) -> None:
    with (site / "mailward.toml").open("a") as file:
        file.write(f'[portal]\ncertificate = "{site}/portal.pem"\n')
    assert _problems(site) == [(14, "portal.certificate", "portal.pem does not exist")]


def test_a_data_directory_is_a_directory(site: Path) -> None:
    text = (site / "mailward.toml").read_text()
    for place, told in [
        ("ca.pem", "ca.pem is not a directory"),
        ("ca.pem/x", "ca.pem/x cannot be reached: Not a directory"),
        ("a/b", "a does not exist; create a/b"),
    ]:
        (site / "mailward.toml").write_text(text.replace("/data", f"/{place}"))
        line, key, found = _problems(site)[0]
        assert (line, key) == (3, "server.data_dir")
        assert found.startswith(told)


def test_a_lost_master_key_is_told(site: Path) -> None:
    """KY-05: beside a database, a missing key is a loss, not a first start."""
    (site / "data" / "master.key").unlink()
    (site / "data" / "mailward.db").touch()
    ((_, key, text),) = _problems(site)
    assert (key, text.partition(",")[0]) == ("seal.master_key", "data/master.key does not exist")


def test_an_unreadable_master_key_is_told(site: Path) -> None:
    """KY-05: a key that cannot be read must not look like one that is yet to be made."""
    (site / "data" / "master.key").unlink()
    (site / "data" / "master.key").mkdir()
    assert _problems(site) == [(0, "seal.master_key", "data/master.key cannot be read: Is a directory")]


def test_unreadable_is_told(site: Path) -> None:
    (site / "dkim.pem").unlink()
    (site / "dkim.pem").mkdir(mode=0o700)
    assert _problems(site)[0][2] == "dkim.pem cannot be read: Is a directory"


def test_check_config_shows_files_beside_wrong_values(site: Path) -> None:
    """Every problem at once: the text's and the files', even when a value is wrong."""
    (site / "cert.pem").unlink()
    text = (site / "mailward.toml").read_text().replace("gw.clinic.example", "gw").replace("dkim.pem", "none.pem")
    (site / "mailward.toml").write_text(text + 'retry = ["soon"]\n')
    keys = [problem.key for problem in examine(site / "mailward.toml")]
    assert keys == ["server.hostname", "server.tls.certificate", "domain[1].dkim[1].private_key", "delivery.retry[1]"]


def _relay(site: Path, keys: str) -> None:
    text = (site / "mailward.toml").read_text(encoding="utf-8")
    relay = f'[[listener]]\nbind = "127.0.0.1:25"\nmode = "relay"\n{keys}\n[[domain]]'
    (site / "mailward.toml").write_text(text.replace("[[domain]]", relay), encoding="utf-8")


def test_authority_of_clients_must_be_there(site: Path) -> None:
    """SA-10: a relay whose certificates cannot be checked does not start."""
    _relay(site, f'client_ca = "{site}/clients.pem"')
    assert [problem.key for problem in check(_settings(site))] == ["listener[2].client_ca"]


@pytest.mark.parametrize(("mode", "problems"), [(0o644, ["listener[2].tenant_header"]), (0o640, [])])
def test_a_file_with_a_secret_is_not_for_everybody(site: Path, mode: int, problems: list[str]) -> None:
    """ID-02: who can read the proof of the tenant can be the tenant."""
    _relay(site, 'trusted_networks = ["192.0.2.0/24"]\ntenant_header = "X-Clinic-Proof: 5b7c0f6e2d1a4983"')
    (site / "mailward.toml").chmod(mode)
    assert [problem.key for problem in check(_settings(site))] == problems


def _store(site: Path, url: str) -> list[str]:
    """The problems of a site whose store is there."""
    text = (site / "mailward.toml").read_text(encoding="utf-8")
    (site / "mailward.toml").write_text(f'{text}[store]\nurl = "{url}"\n', encoding="utf-8")
    assert all(problem.key == "store.url" for problem in check(_settings(site)))
    return [problem.text.replace(f"{site}/", "") for problem in check(_settings(site))]


def test_a_store_over_the_network_needs_verified_tls(site: Path) -> None:
    """What is not sealed, such as envelopes, would cross the network for whoever listens or answers."""
    (found,) = _store(site, "postgresql://mailward@db.clinic.example/mailward?sslmode=require")
    assert "sslmode=verify-full" in found


def test_a_store_on_this_machine_needs_none(site: Path) -> None:
    (site / "data" / "master.key").unlink()
    (site / "data" / "mailward.db").touch()  # of the time before: says nothing about the new database
    assert _store(site, "postgresql://mailward@/mailward?host=/run/postgresql") == []


def test_files_of_a_store_are_there_and_closed(site: Path) -> None:
    (site / "pgpass").write_text("*:*:*:*:secret")
    (site / "pgpass").chmod(0o640)
    ca, passfile = f"{site}/none.pem", f"{site}/pgpass"
    url = f"postgresql://mailward@db.clinic.example/mailward?sslmode=verify-full&sslrootcert={ca}&passfile={passfile}"
    assert _store(site, url) == [
        "passfile: pgpass is open to other users, and then the driver ignores it; chmod 0600 pgpass",
        "sslrootcert: none.pem does not exist",
    ]


def test_a_password_in_the_file_is_not_for_everybody(site: Path) -> None:
    (site / "mailward.toml").chmod(0o644)
    (found,) = _store(site, "postgresql://mailward:hunter2@localhost/mailward")
    assert "is a secret" in found
    assert "hunter2" not in found


def _smart_host(site: Path, keys: str) -> None:
    config = site / "mailward.toml"
    config.write_text(f'{config.read_text()}smart_host = "smtp.provider.example:587"\n{keys}\n', encoding="utf-8")


def _signing_in(site: Path) -> None:
    _smart_host(site, f'smart_host_login = "clinic"\nsmart_host_password_file = "{site}/password"')


def test_a_password_of_a_smart_host_is_there_and_closed(site: Path) -> None:
    _signing_in(site)
    (problem,) = check(_settings(site))
    assert "password_file" in str(problem)
    assert "does not exist" in str(problem)
    _secret(site / "password", b"\n")
    assert ["is empty" in str(problem) for problem in check(_settings(site))] == [True]
    _secret(site / "password", b"secret\n")
    assert check(_settings(site)) == ()
    (site / "password").chmod(0o644)
    assert ["chmod 0640" in str(problem) for problem in check(_settings(site))] == [True]


def test_a_client_certificate_and_its_key_belong_together(site: Path, authority: trustme.CA) -> None:
    keys = f'smart_host_certificate = "{site}/cert.pem"\nsmart_host_private_key = "{site}/%s"'
    _smart_host(site, keys % "key.pem")
    assert check(_settings(site)) == ()
    config = site / "mailward.toml"
    config.write_text(config.read_text().replace(keys % "key.pem", keys % "dkim.pem"), encoding="utf-8")
    (problem,) = check(_settings(site))
    assert "smart_host_private_key" in str(problem)
    assert "belong together" in str(problem)


@pytest.mark.parametrize(
    ("spoil", "line", "key", "text"),
    [
        (lambda s: (s / "ca.pem").write_text(""), 14, "smime.ca_file", "ca.pem holds no PEM certificate"),
        (lambda s: (s / "ca.pem").unlink(), 14, "smime.ca_file", "ca.pem does not exist"),
        (
            lambda s: (s / "organisation.key").chmod(0o604),
            16,
            "smime.private_key",
            "organisation.key is open to other users; chmod 0640 organisation.key or stricter",
        ),
        (
            lambda s: _secret(s / "organisation.key", _pem(ec.generate_private_key(ec.SECP256R1()))),
            16,
            "smime.private_key",
            "organisation.key is not the key of organisation.pem; name two that belong together",
        ),
        (
            lambda s: write_identity(s, "organisation", end=NOW - timedelta(days=1)),
            15,
            "smime.certificate",
            f"organisation.pem expired on {NOW - timedelta(days=1):%Y-%m-%d}; renew it",
        ),
        (
            lambda s: (s / "organisation.pem").write_bytes((s / "cert.pem").read_bytes()),
            15,
            "smime.certificate",
            "organisation.pem is not meant for mail (extended key usage without emailProtection)",
        ),
    ],
    ids=["no anchor", "no file", "open", "another key", "expired", "for the web"],
)
def test_what_smime_goes_by_is_there(site: Path, spoil: Spoil, line: int, key: str, text: str) -> None:
    """CR-05, CR-13: found before the start, not by the first message."""
    write_identity(site, "organisation", address="anybody@else.example")
    with (site / "mailward.toml").open("a", encoding="utf-8") as file:
        file.write(
            f'[smime]\nca_file = "{site}/ca.pem"\ncertificate = "{site}/organisation.pem"\n'
            f'private_key = "{site}/organisation.key"\n'
        )
    assert _problems(site) == []
    spoil(site)
    assert (line, key, text) in _problems(site)


def test_an_identity_of_a_domain_is_the_domains(site: Path) -> None:
    """CR-06: one of another domain would be remarked on by every recipient's program."""
    write_identity(site, "own")
    config = site / "mailward.toml"
    own = f'smime_certificate = "{site}/own.pem"\nsmime_private_key = "{site}/own.key"\n[delivery]'
    config.write_text(config.read_text(encoding="utf-8").replace("[delivery]", own), encoding="utf-8")
    assert _problems(site) == []
    write_identity(site, "own", address="office@else.example")
    assert _problems(site) == [
        (11, "domain[1].smime_certificate", "own.pem was issued for no address at clinic.example")
    ]


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        (0o755, ""),
        (0o644, "is not a program that this user may run"),
        (0o777, "can be changed by other users; chmod go-w"),
        (0o775, "can be changed by other users; chmod go-w"),
        (0, "cannot be run: No such file or directory"),
    ],
)
def test_the_command_that_prints_the_master_key(site: Path, mode: int, words: str) -> None:
    """KY-05, KY-07: it is there, ours to run and nobody else's to change; it is not run, and no file is asked for."""
    program = site / "print-key"
    if mode:
        program.write_text(f"#!/bin/sh\ntouch {site}/ran\n")
        program.chmod(mode)
    (site / "data" / "master.key").unlink()
    with (site / "mailward.toml").open("a", encoding="utf-8") as file:
        file.write(f'[seal]\nmaster_key_command = ["{program}"]\n')
    found = _problems(site)
    assert [key for _, key, _ in found] == (["seal.master_key_command"] if words else [])
    assert all(words in text for _, _, text in found)
    assert not (site / "ran").exists()
