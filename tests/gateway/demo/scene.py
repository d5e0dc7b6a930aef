"""A demonstration that went as promised, built without servers, so that a test can break one thing in it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from gateway.demo import mailbox
from gateway.demo.authority import Authority
from gateway.demo.checks import Evidence, Reader
from gateway.demo.destination import Arrival
from gateway.demo.letters import LETTERS, Letter, Way
from gateway.demo.pgp import Correspondent
from gateway.demo.rows import Row, Sent
from gateway.demo.smime import CertificateHolder
from gateway.demo.visitor import PickedUp
from gateway.demo.world import HOSTS
from gateway.message.address import domain_of
from gateway.protect.dkim import Signer
from gateway.protect.dkim_keys import DkimKey, generate_key
from gateway.protect.notice import Origin, PortalLink, Secret, portal_notice
from gateway.protect.openpgp import encrypt
from gateway.protect.smime import mail as smime
from gateway.protect.smime.mail import Candidate

NOW: Final = datetime.now(UTC)
DKIM: Final = tuple(DkimKey.load("clinic.example", kind, generate_key(kind)) for kind in ("rsa", "ed25519"))
SIGNER: Final = Signer(DKIM)
GP: Final = Correspondent("General practice", "practice@gp.example")
with TemporaryDirectory() as _folder:
    SPECIALIST: Final = CertificateHolder("Cardiologist", "heart@specialist.example", Authority.create(Path(_folder)))
READERS: Final[Mapping[Way, Reader]] = {Way.OPENPGP: GP, Way.SMIME: SPECIALIST}


def sign(data: bytes) -> bytes:
    return SIGNER.sign(data, now=int(NOW.timestamp()))


def queue_id(letter: Letter) -> str:
    return f"QUEUEID{LETTERS.index(letter):019}"


def as_kept(letter: Letter) -> bytes:
    """The message as the gateway keeps it: with a Received field that names the queue id."""
    return b"Received: by gw.clinic.example with ESMTPSA id " + queue_id(letter).encode() + b"\r\n" + letter.data


def notice(letter: Letter, recipient: str) -> bytes:
    origin = Origin(
        organisation="Clinic A", domain="clinic.example", hostname="gw.clinic.example", notice_id="NOTICE1", now=NOW
    )
    link = PortalLink(
        recipient=recipient,
        url="https://localhost:1/m/abc",
        expires_at=NOW + timedelta(days=30),
        asks_for=Secret.PIN if letter.ways[recipient] is Way.PORTAL_PIN else Secret.CODE,
    )
    return portal_notice(origin, link)


def arrival(letter: Letter, recipient: str) -> Arrival:
    """What comes when the promise is kept."""
    way = letter.ways[recipient]
    if way is Way.OPENPGP:
        content = encrypt(as_kept(letter), [GP.certificate], now=NOW + timedelta(seconds=5)).message
    elif way is Way.SMIME:
        sealed = smime.encrypt(
            as_kept(letter), [Candidate(SPECIALIST.certificate, is_trusted=True)],
            address=recipient, now=NOW + timedelta(seconds=5),
        )  # fmt: skip
        content = sealed.message
    elif way.is_portal:
        content = notice(letter, recipient)
    else:
        content = as_kept(letter)
    host = next(host for host in HOSTS if host.domain == domain_of(recipient))
    return Arrival((recipient,), sign(content), "TLSv1.3" if host.is_safe or way is Way.UNVERIFIED_TLS else "")


def row(letter: Letter, recipient: str) -> Row:
    return Row(
        sent=Sent(letter=letter, queue_id=queue_id(letter)),
        recipient=recipient,
        is_protected=letter.is_protected,
        methods=("tls", "portal") if letter.is_protected else ("tls",),
        way=letter.ways[recipient],
        tls_version="TLSv1.3",
        state="delivery.delivered",
        seq=7,
        fingerprint=READERS[way].fingerprint if (way := letter.ways[recipient]) in READERS else "",
        pin="4817-2290",
    )


def picked_up(letter: Letter) -> PickedUp:
    body, *attached = mailbox.leaves(letter.data)
    files = {leaf.name: leaf.content for leaf in attached}
    return PickedUp(mailbox.subject(letter.data), body.content.decode(), files)


@dataclass(frozen=True, slots=True)
class Scene:
    """Every letter with every recipient."""

    rows: tuple[Row, ...]
    arrivals: Mapping[str, Sequence[Arrival]]
    picked_up: Mapping[tuple[str, str], PickedUp]

    @property
    def evidence(self) -> Evidence:
        return Evidence(
            rows=self.rows, arrivals=self.arrivals, picked_up=self.picked_up, dkim=DKIM, correspondents=READERS
        )

    def with_arrival(self, domain: str, *more: Arrival) -> "Scene":
        return replace(self, arrivals={**self.arrivals, domain: [*self.arrivals[domain], *more]})

    def with_row(self, changed: Row) -> "Scene":
        key = (changed.sent, changed.recipient)
        return replace(self, rows=tuple(changed if (one.sent, one.recipient) == key else one for one in self.rows))


def find(rows: Iterable[Row], recipient: str) -> Row:
    return next(one for one in rows if one.recipient == recipient)


def good_scene() -> Scene:
    pairs = [(letter, recipient) for letter in LETTERS for recipient in letter.recipients]
    arrivals: dict[str, list[Arrival]] = {host.domain: [] for host in HOSTS}
    for letter, recipient in pairs:
        arrivals[domain_of(recipient)].append(arrival(letter, recipient))
    portal = {
        (queue_id(letter), recipient): picked_up(letter)
        for letter, recipient in pairs
        if letter.ways[recipient].is_portal
    }
    return Scene(tuple(row(letter, recipient) for letter, recipient in pairs), arrivals, portal)
