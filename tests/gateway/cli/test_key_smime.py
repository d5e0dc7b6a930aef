"""`mailward key smime`: what an operator types and sees (CR-05)."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from gateway.config import load
from gateway.control.client import perform
from tests.gateway.cli.test_key import config, run
from tests.gateway.protect.smime.authority import Authority, key_pem, make_key, pem

__all__ = ["config"]  # a fixture
pytestmark = pytest.mark.slow

NOW: Final = datetime.now(UTC)
SPAN: Final[dict[str, Any]] = {"start": NOW - timedelta(days=1), "end": NOW + timedelta(days=30)}
ROOT: Final = Authority("Root", number=140, **SPAN)
MIDDLE: Final = Authority("Middle", number=141, parent=ROOT, **SPAN)
LEAF: Final = MIDDLE.issue(make_key("p256"), addresses=("B@example.org", "b2@example.org"), **SPAN)


def pkcs7_of(encoding: Encoding) -> bytes:
    chain = [x509.load_der_x509_certificate(one) for one in (LEAF, MIDDLE.der)]
    return pkcs7.serialize_certificates(chain, encoding)


@pytest.fixture
def trusting(config: Path, tmp_path: Path) -> Path:
    """With our root as an anchor."""
    (tmp_path / "root.pem").write_bytes(pem(ROOT.der))
    config.write_text(f'{config.read_text()}\n[smime]\nca_file = "{tmp_path / "root.pem"}"\n')
    return config


def rows(config: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run(config, "smime", "list", "--json").stdout.splitlines()]


@pytest.mark.parametrize(
    "data",
    [pem(LEAF) + pem(MIDDLE.der), pkcs7_of(Encoding.DER), pkcs7_of(Encoding.PEM)],
    ids=["PEM", "P7B", "P7B in PEM"],
)
def test_import_list_forget(trusting: Path, data: bytes) -> None:
    """interface.md: each form, with the issuers that come along; the certificate serves all its addresses."""
    result = run(trusting, "smime", "import", "-", data=data)
    assert result.exit_code == 0, result.stderr
    assert "for b@example.org, b2@example.org" in result.stdout
    assert [(row["address"], row["trust"]) for row in rows(trusting)] == [
        ("b2@example.org", "chain"),
        ("b@example.org", "chain"),
    ]
    assert "by its issuer" in run(trusting, "smime", "list").stdout
    colons = ":".join(re.findall("..", rows(trusting)[0]["fingerprint"].lower()))
    assert run(trusting, "smime", "forget", colons).exit_code == 0
    assert run(trusting, "smime", "forget", colons).exit_code == 1
    assert rows(trusting) == []


def test_untrusted_until_a_person_says_so(config: Path) -> None:
    """Kept and not used; DER alone, without its issuers."""
    result = run(config, "smime", "import", "-", data=LEAF)
    assert result.exit_code == 1
    assert "is not used yet: its issuer is not known" in result.stderr
    assert {row["trust"] for row in rows(config)} == {"none"}
    assert "not trusted, not used" in run(config, "smime", "list").stdout
    assert run(config, "smime", "trust", rows(config)[0]["fingerprint"]).exit_code == 0
    assert {row["trust"] for row in rows(config)} == {"person"}
    assert run(config, "smime", "trust", "00").exit_code == 1


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (pem(ROOT.issue(make_key("p256"), end=NOW - timedelta(hours=1))), "it expired on"),
        (pem(ROOT.issue(make_key("rsa1024"), **SPAN)), "1024 bits"),
        (pem(ROOT.issue(make_key("p256"), addresses=(), **SPAN)), "it holds no mail address"),
        (pem(MIDDLE.der), "only authorities'"),
        (key_pem(make_key("p256")) + pem(LEAF), "private key"),
        (b"nonsense", "no X.509 certificate"),
    ],
    ids=["expired", "weak", "no address", "no recipient", "private key", "nonsense"],
)
def test_refused_at_import(trusting: Path, data: bytes, why: str) -> None:
    """CR-05: the reason is told, and nothing is kept."""
    result = run(trusting, "smime", "import", "-", data=data)
    assert result.exit_code == 1
    assert why in result.stderr
    assert rows(trusting) == []


def test_anchors_that_cannot_be_read(config: Path, tmp_path: Path) -> None:
    config.write_text(f'{config.read_text()}\n[smime]\nca_file = "{tmp_path / "absent.pem"}"\n')
    result = run(config, "smime", "import", "-", data=LEAF)
    assert result.exit_code == 1
    assert "smime.ca_file" in result.stderr
    assert rows(config) == []


SERIAL: Final = x509.load_der_x509_certificate(LEAF).serial_number
GOOD_CRL: Final = MIDDLE.crl(SERIAL + 1, end=NOW + timedelta(days=1))


@pytest.mark.parametrize(
    ("data", "crl", "why"),
    [
        (pem(LEAF) + pem(MIDDLE.der), GOOD_CRL, ""),
        (pem(LEAF) + pem(MIDDLE.der), MIDDLE.crl(SERIAL, end=NOW + timedelta(days=1)), "its issuer has revoked it"),
        (pem(LEAF) + pem(MIDDLE.der), MIDDLE.crl(end=NOW - timedelta(days=1)), "out of date"),
        (pem(LEAF) + pem(MIDDLE.der), ROOT.crl(end=NOW + timedelta(days=1)), "of another authority"),
        (pem(LEAF), GOOD_CRL, "cannot be checked: its issuer is not known"),
        (pem(LEAF), b"nonsense", "not a certificate revocation list"),
    ],
    ids=["good", "revoked", "old list", "another list", "no chain", "no list"],
)
def test_held_against_a_revocation_list(trusting: Path, tmp_path: Path, data: bytes, crl: bytes, why: str) -> None:
    """CR-05: what is revoked is refused, and a list that says nothing vouches for nobody."""
    (tmp_path / "list.crl").write_bytes(crl)
    result = run(trusting, "smime", "import", "-", "--crl", str(tmp_path / "list.crl"), data=data)
    assert (result.exit_code, bool(rows(trusting))) == ((1, False) if why else (0, True))
    assert why in result.stderr


def test_a_list_ends_the_use_of_what_is_on_file(trusting: Path, tmp_path: Path) -> None:
    """CR-05: a certificate that is in use already is not only "not imported"."""
    (tmp_path / "list.crl").write_bytes(MIDDLE.crl(SERIAL, end=NOW + timedelta(days=1)))
    data = pem(LEAF) + pem(MIDDLE.der)
    assert run(trusting, "smime", "import", "-", data=data).exit_code == 0
    result = run(trusting, "smime", "import", "-", "--crl", str(tmp_path / "list.crl"), data=data)
    assert result.exit_code == 1
    assert "was on file, and is used no more: its issuer has revoked it" in result.stderr
    assert {row["trust"] for row in rows(trusting)} == {"revoked"}


def test_what_was_revoked_stays_so(trusting: Path) -> None:
    """CR-05: neither an import nor a person's word brings it back unseen; forgetting it does, and is in the audit."""
    assert run(trusting, "smime", "import", "-", data=pem(LEAF) + pem(MIDDLE.der)).exit_code == 0
    name = rows(trusting)[0]["fingerprint"]
    assert perform(load(trusting), "smime.revoked", fingerprint=name) is True
    assert perform(load(trusting), "smime.revoked", fingerprint=name) is False
    again = run(trusting, "smime", "import", "-", data=pem(LEAF) + pem(MIDDLE.der))
    assert again.exit_code == 1
    assert "stays revoked: its issuer said so before" in again.stderr
    assert "imported" not in again.stdout
    assert run(trusting, "smime", "trust", name).exit_code == 1
    assert {row["trust"] for row in rows(trusting)} == {"revoked"}
    assert run(trusting, "smime", "forget", name).exit_code == 0
    assert run(trusting, "smime", "import", "-", data=pem(LEAF) + pem(MIDDLE.der)).exit_code == 0
