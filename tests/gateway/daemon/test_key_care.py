"""What ends soon is counted, and asked for again where it came from (CR-01, CR-03)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.config import load
from gateway.config.discovery import KeySource
from gateway.control.expiry import Kind, ending
from gateway.daemon.key_care import KeyCare
from gateway.delivery.discovery import KeyFinder
from gateway.metrics import Metrics
from gateway.store import certificates, smime_certificates
from gateway.store.certificates import Certificate, Source, Trust
from gateway.store.smime_certificates import SmimeCertificate
from gateway.store.smime_certificates import Trust as SmimeTrust
from gateway.store.store import Store
from tests.gateway.config.samples import config_in

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
