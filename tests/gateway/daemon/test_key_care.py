"""What ends soon is counted, and asked for again where it came from (CR-01, CR-03)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pgpy.constants import HashAlgorithm, KeyFlags

from gateway.config import load
from gateway.config.discovery import KeySource
from gateway.control.expiry import Kind, ending
from gateway.daemon.key_care import KeyCare
from gateway.delivery.discovery import KeyFinder
from gateway.metrics import Metrics
from gateway.protect.dns_keys import openpgp_name
from gateway.store import certificates, smime_certificates
from gateway.store.certificates import Certificate, Source, Trust
from gateway.store.smime_certificates import SmimeCertificate
from gateway.store.smime_certificates import Trust as SmimeTrust
from gateway.store.store import Store
from tests.gateway.config.samples import config_in
from tests.gateway.delivery.test_discovery import Room, signed
from tests.gateway.protect.keys import NOW as KEY_NOW
from tests.gateway.protect.keys import certificate_of, make_key

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
KEY = Certificate(
    fingerprint="A" * 40, address="a@b.example", certificate=b"x", imported_at=NOW, expires_at=NOW + 29 * DAY,
    trust=Trust.DOMAIN, source=Source.WKD,
)  # fmt: skip
LEAF = SmimeCertificate(
    fingerprint="C" * 64, address="c@b.example", certificate=b"x", trust=SmimeTrust.CHAIN, imported_at=NOW,
    expires_at=NOW - DAY,
)  # fmt: skip


class Finder(KeyFinder):
    """asked: what is to be renewed."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, KeySource]] = []

    async def renew(self, address: str, source: KeySource) -> None:
        self.asked.append((address, source))


async def fill(store: Store) -> None:
    rows = [
        KEY,
        replace(KEY, address="later@b.example", expires_at=NOW + 31 * DAY),
        replace(KEY, address="never@b.example", expires_at=None),
        replace(KEY, address="file@b.example", source=Source.FILE, trust=Trust.PERSON),
        replace(KEY, address="waits@b.example", trust=Trust.PENDING),
    ]
    for row in rows:
        await certificates.add(store, row, events=())
    for leaf in (LEAF, replace(LEAF, address="stranger@b.example", trust=SmimeTrust.NONE)):
        await smime_certificates.add(store, leaf, events=())


async def test_what_is_in_use_and_ends_soon(store: Store, tmp_path: Path) -> None:
    """Ended, or within 30 days; the first to end first, and nothing that is not used."""
    await fill(store)
    path = tmp_path / "mailward.toml"
    path.write_text(config_in(tmp_path / "data", '[discovery]\nopenpgp = ["wkd"]\n'), encoding="utf-8")
    settings = load(path)
    found = await ending(store, settings, before=NOW + 30 * DAY)
    assert [(one.kind, one.name) for one in found if one.kind is not Kind.OWN] == [
        (Kind.SMIME, "c@b.example"),
        (Kind.OPENPGP, "a@b.example"),
        (Kind.OPENPGP, "file@b.example"),
    ]
    metrics, finder = Metrics(), Finder()
    care = KeyCare(store, settings, finder, metrics)
    await care.count()
    page = metrics.page().decode()
    assert 'mailward_keys_ending{kind="openpgp"} 2.0' in page
    assert 'mailward_keys_ending{kind="smime"} 1.0' in page
    assert "mailward_keys_pending 1.0" in page
    await care.renew()
    assert finder.asked == [("a@b.example", KeySource.WKD)]


async def test_nobody_is_asked_where_discovery_is_off(store: Store, tmp_path: Path) -> None:
    """A look-up tells a stranger who is a patient."""
    await fill(store)
    path = tmp_path / "mailward.toml"
    path.write_text(config_in(tmp_path / "data", ""), encoding="utf-8")
    finder = Finder()
    await KeyCare(store, load(path), finder, Metrics()).renew()
    assert finder.asked == []


async def test_dns_is_asked_with_the_case_that_found_the_key(store: Store, tmp_path: Path) -> None:
    """CR-01, RFC 7929 section 3: the local part is hashed as it is; in lower case its key would never be renewed."""
    written = "Joe.Doe@example.org"
    made = make_key(address=written, expires=timedelta(days=110))
    dns = signed({f"{openpgp_name(written)} OPENPGPKEY": [certificate_of(made)]})
    room = Room(store, dns=dns, openpgp=["dns"])
    assert await room.finder.openpgp(written)
    async with store.read() as conn:
        (one,) = await certificates.copies(conn, address=written.lower())
    assert (one.trust, one.spelled) == (Trust.DOMAIN, written)
    later = make_key(address=written, expires=timedelta(days=110))
    later.userids[0] |= later.certify(
        later.userids[0], usage={KeyFlags.Sign, KeyFlags.Certify}, key_expiration=timedelta(days=900),
        created=KEY_NOW, hash=HashAlgorithm.SHA256,
    )  # fmt: skip
    dns.records[f"{openpgp_name(written)} OPENPGPKEY"] = [certificate_of(later)]
    path = tmp_path / "mailward.toml"
    trusting = '[dns]\ntrust_ad = true\nresolvers = ["127.0.0.1:53"]\n[discovery]\nopenpgp = ["dns"]\n'
    path.write_text(config_in(tmp_path / "data", trusting), encoding="utf-8")
    await KeyCare(store, load(path), room.finder, Metrics(), clock=lambda: KEY_NOW).renew()
    async with store.read() as conn:
        (renewed,) = await certificates.copies(conn, address=written.lower())
    assert renewed.expires_at is not None
    assert one.expires_at is not None
    assert renewed.expires_at > one.expires_at
    assert renewed.spelled == written
