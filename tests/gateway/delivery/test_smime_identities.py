"""Who signs inside: a domain's own certificate, renewed without a restart; never a wrong one (CR-06, CR-13)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from structlog.testing import capture_logs

from gateway.config.smime_places import IdentityFiles
from gateway.delivery.outcome import Seen
from gateway.delivery.smime_identities import SmimeIdentities
from gateway.protect.errors import SealError
from gateway.store import smime_certificates
from policy.decision import Method
from tests.gateway.delivery.office import Office
from tests.gateway.delivery.test_courier import attempt, batch
from tests.gateway.delivery.test_smime import ROW
from tests.gateway.protect.smime.authority import MAIL_USE, key_pem, make_key, usage
from tests.gateway.protect.smime.identities import DAY, TODAY, write_identity

WEB_USE: Final = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])


def files(folder: Path, name: str = "clinic", *, domain: str = "") -> IdentityFiles:
    key = ("domain", 0, "smime_") if domain else ("smime", "")
    return IdentityFiles(
        certificate=folder / f"{name}.pem", private_key=folder / f"{name}.key", domain=domain,
        certificate_key=(*key[:-1], f"{key[-1]}certificate"), private_key_key=(*key[:-1], f"{key[-1]}private_key"),
    )  # fmt: skip


def leaf(identities: SmimeIdentities, domain: str) -> x509.Certificate:
    identity = identities.of(domain)
    assert identity is not None
    return x509.load_pem_x509_certificates(identity.certificate)[0]


def test_a_domain_signs_with_its_own_and_others_with_that_of_all(tmp_path: Path) -> None:
    """CR-06: a program compares the signer with From."""
    common = write_identity(tmp_path, "all")
    own = write_identity(tmp_path, "own", address="office@b.example", number=302)
    identities = SmimeIdentities([files(tmp_path, "all"), files(tmp_path, "own", domain="b.example")])
    assert identities.read()
    assert leaf(identities, "b.example") == x509.load_der_x509_certificate(own)
    for other in ("clinic.example", "sub.b.example", ""):
        assert leaf(identities, other) == x509.load_der_x509_certificate(common)


def test_only_one_domain_has_one(tmp_path: Path) -> None:
    write_identity(tmp_path, "own", address="office@b.example")
    identities = SmimeIdentities([files(tmp_path, "own", domain="b.example")])
    assert identities.read()
    assert identities.of("clinic.example") is None
    assert SmimeIdentities().of("clinic.example") is None


def test_a_renewed_pair_is_taken_up_and_half_of_one_is_not(tmp_path: Path) -> None:
    """SA-12: a certificate that is there before its key leaves the old pair in use."""
    old = write_identity(tmp_path)
    identities = SmimeIdentities([files(tmp_path)])
    assert identities.read()
    key = (tmp_path / "clinic.key").read_bytes()
    new = write_identity(tmp_path, number=303)
    new_key = (tmp_path / "clinic.key").read_bytes()
    (tmp_path / "clinic.key").write_bytes(key)
    assert not identities.read()
    assert leaf(identities, "clinic.example") == x509.load_der_x509_certificate(old)
    (tmp_path / "clinic.key").write_bytes(new_key)
    assert identities.read()
    assert leaf(identities, "clinic.example") == x509.load_der_x509_certificate(new)
    (tmp_path / "clinic.pem").unlink()
    assert not identities.read()
    assert leaf(identities, "clinic.example") == x509.load_der_x509_certificate(new)


WRONG: Final[dict[str, tuple[Callable[[Path], object], str]]] = {
    "expired": (lambda folder: write_identity(folder, end=TODAY - DAY), "expired on"),
    "not yet": (lambda folder: write_identity(folder, start=TODAY + DAY), "is valid only from"),
    "another domain's": (
        lambda folder: write_identity(folder, address="office@else.example"),
        "issued for no address at clinic.example",
    ),
    "for the web": (lambda folder: write_identity(folder, extensions=(WEB_USE,)), "not meant for mail"),
    "for encryption": (
        lambda folder: write_identity(folder, extensions=(MAIL_USE, usage(key_agreement=True))),
        "not meant for signatures",
    ),
    "another key": (
        lambda folder: (folder / "clinic.key").write_bytes(key_pem(make_key("p256", 304))),
        "is not the key of",
    ),
    "no key": (lambda folder: (folder / "clinic.key").write_text("x"), "no private key"),
    "no file": (lambda folder: (folder / "clinic.key").unlink(), "No such file"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_nobody_signs_with_a_wrong_one(tmp_path: Path, name: str) -> None:
    """CR-13: the log names the setting and what is wrong with it, and the domain's mail waits."""
    write_identity(tmp_path)
    spoil, words = WRONG[name]
    spoil(tmp_path)
    identities = SmimeIdentities([files(tmp_path, domain="clinic.example")])
    with capture_logs() as logs:
        assert not identities.read()
    with pytest.raises(SealError, match="smime_certificate cannot be used"):
        identities.of("clinic.example")
    told = str(logs)
    assert "domain[1].smime_certificate" in told
    assert words in told
    assert "PRIVATE KEY" not in told


def test_one_that_ends_while_we_run_signs_no_more(tmp_path: Path) -> None:
    """CR-05 turned on ourselves: an expired certificate is not shown to recipients."""
    write_identity(tmp_path)
    now = [TODAY]
    identities = SmimeIdentities([files(tmp_path)], clock=lambda: now[0])
    assert identities.read()
    now[0] += timedelta(days=11)
    with pytest.raises(SealError, match=r"smime\.certificate expired on"):
        identities.of("clinic.example")


async def test_mail_waits_for_its_identity(office: Office, tmp_path: Path) -> None:
    """CR-13: neither unsigned nor in clear."""
    write_identity(tmp_path, end=TODAY - DAY)
    identities = SmimeIdentities([files(tmp_path)])
    identities.read()
    office.courier._smime.identities = identities
    await smime_certificates.add(office.store, replace(ROW), events=())
    outcome = await attempt(office, batch(methods=(Method.SMIME,)))
    assert (outcome.seen, office.transport.jobs) == (Seen.DEFERRED, [])
