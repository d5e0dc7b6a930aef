"""The promises, each as a function from evidence to sentences about what broke it. No sentence: it was kept. Pure."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import dkim

from gateway.demo import mailbox
from gateway.demo.destination import Arrival
from gateway.demo.leaks import leak, markers
from gateway.demo.letters import Way
from gateway.demo.pgp import ReadError
from gateway.demo.rows import Row
from gateway.demo.visitor import PickedUp
from gateway.message.address import domain_of
from gateway.protect.dkim_keys import DkimKey

ALGORITHM: Final = re.compile(r"(?:^|;)\s*a=([a-z0-9-]+)")
ALGORITHMS: Final = ["ed25519-sha256", "rsa-sha256"]
IN_ORDER: Final = (Way.VERIFIED_TLS, Way.UNVERIFIED_TLS, Way.CLEAR)  # the message itself, as it was written


class Reader(Protocol):
    """A recipient with a key."""

    @property
    def fingerprint(self) -> str: ...

    def read(self, message: bytes) -> bytes:
        """What the key makes of a message. Raises: ReadError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that the demonstration saw. arrivals: by domain. picked_up: by queue id and recipient.

    correspondents: who reads what left by each way of ciphertext.
    """

    rows: tuple[Row, ...]
    arrivals: Mapping[str, Sequence[Arrival]] = field(repr=False)
    picked_up: Mapping[tuple[str, str], PickedUp] = field(repr=False)
    dkim: tuple[DkimKey, ...]
    correspondents: Mapping[Way, Reader] = field(repr=False)

    def copy(self, row: Row) -> Arrival | None:
        """The message as it came for a row's recipient."""
        here = self.arrivals.get(domain_of(row.recipient), ())
        return next(mailbox.copies(here, queue_id=row.sent.queue_id, recipient=row.recipient), None)


Check = Callable[[Evidence], Iterator[str]]


def endings(evidence: Evidence) -> Iterator[str]:
    """Each recipient got the copy by the way that was promised, and what is private was seen to be."""
    for row in evidence.rows:
        what = f"{row.letter.title} to {row.recipient}"
        if row.is_protected != row.letter.is_protected:
            yield f"{what}: {'not ' if row.letter.is_protected else ''}protected"
        if row.way is not row.promised:
            yield f"{what}: expected {row.promised}, saw {row.way or row.state or 'nothing'}"


def nothing_in_clear(evidence: Evidence) -> Iterator[str]:
    """No text of a protected message arrived anywhere but over verified TLS at a recipient promised that way."""
    letters = {row.sent.queue_id: row.letter for row in evidence.rows}.values()
    told_by = {letter.name: markers(letter.data) for letter in letters}
    shared = Counter(marker for found in told_by.values() for marker in found)
    for letter in letters:
        if not letter.is_protected:
            continue
        wanted = frozenset(marker for marker in told_by[letter.name] if shared[marker] == 1)  # no salutation, no PDF
        allowed = {recipient for recipient, way in letter.ways.items() if way is Way.VERIFIED_TLS}
        for domain, arrivals in evidence.arrivals.items():
            for one in arrivals:
                is_private = bool(one.tls) and set(one.recipients) <= allowed
                if not is_private and leak(wanted, one.content):
                    over = f"over {one.tls}" if one.tls else "in clear"
                    yield f"{letter.title}: its text reached {domain} {over}"


def content_is_whole(evidence: Evidence) -> Iterator[str]:
    """Body and attachments came as they were sent."""
    for row in evidence.rows:
        if row.promised not in IN_ORDER:
            continue
        copy = evidence.copy(row)
        if copy is None or mailbox.leaves(copy.content) != mailbox.leaves(row.letter.data):
            yield f"{row.letter.title} to {row.recipient}: " + ("changed on the way" if copy else "never came")


def ciphertext_opens(evidence: Evidence) -> Iterator[str]:
    """The recipient's key, and only that, gives the message back, with its subject, which was not outside."""
    for row in evidence.rows:
        if row.promised not in evidence.correspondents:
            continue
        what, copy = f"{row.letter.title} to {row.recipient}", evidence.copy(row)
        if copy is None:
            yield f"{what}: never came"
            continue
        try:
            opened = evidence.correspondents[row.promised].read(copy.content)
        except ReadError as error:
            yield f"{what}: {error}"
            continue
        if mailbox.leaves(opened) != mailbox.leaves(row.letter.data):
            yield f"{what}: opens to something else"
        if mailbox.subject(opened) != mailbox.subject(row.letter.data):
            yield f"{what}: lost its subject"


def portal_shows_it(evidence: Evidence) -> Iterator[str]:
    """What the portal showed and gave to download is what was sent; and each way of pickup was tried once."""
    rows = {(row.sent.queue_id, row.recipient): row for row in evidence.rows}
    for key, shown in evidence.picked_up.items():
        row = rows[key]
        body, *attached = mailbox.leaves(row.letter.data)
        what = f"{row.letter.title} to {row.recipient}"
        if shown.text.strip().encode() != body.content.strip():
            yield f"{what}: the portal shows another text"
        if shown.files != {leaf.name: leaf.content for leaf in attached}:
            yield f"{what}: the portal gives other attachments"
    tried = {rows[key].promised for key in evidence.picked_up}
    for way in {row.promised for row in evidence.rows if row.promised.is_portal} - tried:
        yield f"{way}: nobody could pick a message up"


def signatures_verify(evidence: Evidence) -> Iterator[str]:
    """Everything that left carries an RSA and an Ed25519 signature, and a stranger's verifier accepts the RSA one."""
    records = {f"{key.selector}._domainkey.{key.domain}.".encode(): key.dns_record().encode() for key in evidence.dkim}
    for domain, arrivals in evidence.arrivals.items():
        for one in arrivals:
            why = _signature_fault(one.content, records)
            if why:
                yield f"a message to {domain}: {why}"


def _signature_fault(content: bytes, records: Mapping[bytes, bytes]) -> str:
    """Why a message is not signed as promised; empty when it is."""
    verifier = dkim.DKIM(content)
    values = [value.decode("ascii", "replace") for name, value in verifier.headers if name.lower() == b"dkim-signature"]
    found = [match[1] if (match := ALGORITHM.search(value)) else "" for value in values]
    if sorted(found) != ALGORITHMS:
        return f"signed with {', '.join(sorted(found)) or 'nothing'}"

    def look_up(name: bytes, **_: object) -> bytes | None:
        return records.get(name)

    try:
        is_good = verifier.verify(found.index("rsa-sha256"), dnsfunc=look_up)
    except dkim.DKIMException as error:
        return f"its DKIM signature does not verify ({type(error).__name__})"
    return "" if is_good else "its DKIM signature does not verify"


CHECKS: Final[Mapping[str, Check]] = {
    "Every recipient got it the safest way that works": endings,
    "No protected text left in clear, nor in any notice": nothing_in_clear,
    "What arrived is what was sent": content_is_whole,
    "The encrypted copies open with the recipient's key": ciphertext_opens,
    "The portal shows and hands out what was sent": portal_shows_it,
    "Everything that left is DKIM-signed, and verifies": signatures_verify,
}


@dataclass(frozen=True, slots=True)
class Promise:
    """One promise. broken: what broke it; empty when it was kept."""

    text: str
    broken: tuple[str, ...]


def judge(evidence: Evidence) -> tuple[Promise, ...]:
    """Every promise, in the order of the table."""
    return tuple(Promise(text, tuple(check(evidence))) for text, check in CHECKS.items())
