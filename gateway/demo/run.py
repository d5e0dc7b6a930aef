"""The demonstration from the first server to the last check, in one temporary folder.

The gateway is a process of its own, as in a real installation; resolver, destinations and clients live here. `tell` is
handed one line for each step as it happens.
"""

import asyncio
import contextlib
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from gateway.audit.search import Found
from gateway.audit.verify import BadLogError
from gateway.demo import mailbox, registers, words
from gateway.demo.audit import AuditLog, open_log
from gateway.demo.checks import Evidence, Promise, Reader, judge
from gateway.demo.client import hand_in
from gateway.demo.installation import Installation, install, running
from gateway.demo.letters import EVERYTHING, Door, Letter, Way
from gateway.demo.pgp import Correspondent
from gateway.demo.rows import Row, Sent, read_row
from gateway.demo.smime import CertificateHolder
from gateway.demo.visitor import PickedUp, PortalError, Visitor
from gateway.demo.world import CLINIC, GP, HOSTS, SPECIALIST, World, open_world
from gateway.message.address import domain_of

REST_S: Final = 20  # until every recipient has come to rest
LOOK_EVERY_S: Final = 0.1
CODE_S: Final = 10
NOBODY: Final = ""

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run came to. audit: what `audit verify` said. seconds: of the whole, from an empty folder."""

    rows: tuple[Row, ...]
    promises: tuple[Promise, ...]
    audit: str
    seconds: float

    @property
    def broken(self) -> tuple[str, ...]:
        """Every promise that was not kept, and how."""
        return tuple(f"{promise.text}: {sentence}" for promise in self.promises for sentence in promise.broken)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clinic:
    """A running demonstration. password: of every user."""

    world: World
    installation: Installation
    log: AuditLog
    correspondent: Correspondent
    specialist: CertificateHolder
    password: str
    began: float

    @property
    def correspondents(self) -> Mapping[Way, Reader]:
        return {Way.OPENPGP: self.correspondent, Way.SMIME: self.specialist}


@asynccontextmanager
async def open_clinic(tell: Tell) -> AsyncIterator[Clinic]:
    """Start everything on loopback; stop it and remove every file in the end. Raises: NotReady, OSError."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mailward-demo-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        async with open_world(folder) as world:
            for host in HOSTS:
                tell(f"{host.name} on {host.address}:{world.port}: {host.about}")
            installation = await asyncio.to_thread(install, folder, world)
            tell("mailward serve starts")
            async with running(installation), open_log(installation.settings) as log:
                clinic = Clinic(
                    world=world,
                    installation=installation,
                    log=log,
                    correspondent=Correspondent("General practice", f"practice@{GP}"),
                    specialist=CertificateHolder("Cardiologist", f"heart@{SPECIALIST}", world.authority),
                    password=secrets.token_urlsafe(12),
                    began=began,
                )
                tell(f"it accepts mail, {time.monotonic() - began:.1f} s after the start")
                yield clinic


async def perform(clinic: Clinic, tell: Tell, letters: Sequence[Letter] = EVERYTHING) -> Outcome:
    """Send the letters, wait, pick up, check. Raises: SMTPException, Refused, OSError when it cannot go on."""
    await _prepare(clinic, letters)
    sent: list[Sent] = []
    try:
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(_rest(clinic, sent, len(letters), tell))
            for number, letter in enumerate(letters, start=1):
                sent.append(await _send(clinic, letter, number, tell))
    except ExceptionGroup as group:
        raise group.exceptions[0] from None
    rows = watching.result()
    picked_up = await _pick_up(clinic, rows, tell)
    rows = [_know_more(clinic, row, log) for log in [await clinic.log.events()] for row in _rows(sent, log)]
    evidence = Evidence(
        rows=tuple(rows),
        arrivals={domain: tuple(one.arrivals) for domain, one in clinic.world.destinations.items()},
        picked_up=picked_up,
        dkim=clinic.installation.dkim,
        correspondents=clinic.correspondents,
    )
    promises, audit = await asyncio.to_thread(judge, evidence), await _verify(clinic.log)
    return Outcome(
        rows=tuple(rows), promises=(*promises, audit[0]), audit=audit[1], seconds=time.monotonic() - clinic.began
    )


async def _prepare(clinic: Clinic, letters: Sequence[Letter]) -> None:
    """Users, a key and a certificate, through the operations that the command line uses."""
    senders = {letter.sender for letter in letters if letter.door is not Door.RELAY}
    for address in sorted(senders):
        await clinic.installation.ask("user.add", address=address, password=clinic.password, role="sender")
    await clinic.installation.ask("openpgp.import", incoming=[clinic.correspondent.for_import()])
    await clinic.installation.ask("smime.import", incoming=[clinic.specialist.for_import()])
    await registers.fill(clinic.installation)


async def _send(clinic: Clinic, letter: Letter, number: int, tell: Tell) -> Sent:
    installation = clinic.installation
    queue_id = await asyncio.to_thread(
        hand_in,
        letter,
        installation.ports,
        authority=clinic.world.authority.file,
        password=clinic.password,
    )
    if not queue_id:
        tell(f"{number}. {letter.title}, {letter.door}: 550 refused")
        return Sent(letter=letter, queue_id=await _refused_as(clinic, letter))
    tell(f"{number}. {letter.title}, {letter.door}: 250 Queued as {queue_id}")
    return Sent(letter=letter, queue_id=queue_id)


async def _refused_as(clinic: Clinic, letter: Letter) -> str:
    """The number that the gateway gave a message that it did not take; no client hears it."""
    return next(
        one.event.queue_id
        for one in reversed(await clinic.log.events())
        if one.event.kind == "message.refused" and one.event.recipient in letter.ways
    )


async def _rest(clinic: Clinic, sent: Sequence[Sent], expected: int, tell: Tell) -> list[Row]:
    """Until all are sent and nothing is under way any more, our own notices included, or for `REST_S`.

    Each recipient is told once it is known. What is still under way then fails its promise.
    """
    told: set[tuple[str, str]] = set()
    give_up_at = time.monotonic() + REST_S
    while True:
        is_busy = len(sent) < expected
        if is_busy:
            give_up_at = time.monotonic() + REST_S
        else:
            queue = await clinic.installation.ask("queue.list")
            is_busy = any(one["queue_name"] == "queued" for one in queue)
        rows = _rows(sent, await clinic.log.events())
        for row in rows:
            key = (row.sent.queue_id, row.recipient)
            if row.way and key not in told:
                told.add(key)
                why = words.reason(row)
                tell(f"   {row.letter.title} to {row.recipient}: {words.left(row)}{f' ({why})' if why else ''}")
        if not is_busy or time.monotonic() > give_up_at:
            return rows
        await asyncio.sleep(LOOK_EVERY_S)


def _rows(sent: Sequence[Sent], log: Sequence[Found]) -> list[Row]:
    return [read_row(one, recipient, log) for one in sent for recipient in one.letter.recipients]


async def _pick_up(clinic: Clinic, rows: Sequence[Row], tell: Tell) -> dict[tuple[str, str], PickedUp]:
    """One message by the PIN that the sender was told, one by the mailed code."""
    picked_up = {}
    log = await clinic.log.events()
    for way in (Way.PORTAL_PIN, Way.PORTAL_CODE):
        row = next((_know_more(clinic, row, log) for row in rows if row.way is way), None)
        if row is None:
            continue
        with contextlib.suppress(PortalError, TimeoutError):  # then the check says that nobody could pick it up
            picked_up[row.sent.queue_id, row.recipient] = await _visit(clinic, row)
            tell(f"   {row.recipient} opens the portal's link with the {'PIN' if row.pin else 'code'} and reads it")
    return picked_up


async def _visit(clinic: Clinic, row: Row) -> PickedUp:
    async def pin() -> str:
        return row.pin

    async def code() -> str:
        destination = clinic.world.destinations[domain_of(row.recipient)]
        arrival = await destination.wait_for(
            lambda one: row.recipient in one.recipients and bool(mailbox.code_in(one)), timeout_s=CODE_S
        )
        return mailbox.code_in(arrival)

    wants_code = row.way is Way.PORTAL_CODE
    async with Visitor(clinic.world.authority.file) as visitor:
        return await visitor.pick_up(row.link, code if wants_code else pin, wants_code=wants_code)


def _know_more(clinic: Clinic, row: Row, log: Sequence[Found]) -> Row:
    """What only those know who read the mail: link and PIN; and whose key it was."""
    if row.way is not None and row.way in clinic.correspondents:
        return replace(row, fingerprint=clinic.correspondents[row.way].fingerprint)
    if row.way is None or not row.way.is_portal:
        return row
    notices = [
        str(one.event.data.get("notice_id"))
        for one in log
        if one.event.kind == "portal.noticed"
        and (one.event.queue_id, one.event.recipient) == (row.sent.queue_id, row.recipient)
    ]
    theirs = clinic.world.destinations[domain_of(row.recipient)].arrivals
    ours = clinic.world.destinations[CLINIC].arrivals
    return replace(
        row,
        link=mailbox.link_in(theirs, notices[-1]) if notices else NOBODY,
        pin=mailbox.pin_in(ours, queue_id=row.sent.queue_id, recipient=row.recipient),
    )


async def _verify(log: AuditLog) -> tuple[Promise, str]:
    text = "The audit log is whole"
    try:
        return Promise(text, ()), await log.verify()
    except BadLogError as error:
        return Promise(text, (str(error),)), f"BAD: {error}"
