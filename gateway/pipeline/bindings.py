"""What the index of patients and the segments say of a message's recipients; asked only when a rule asks for it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.store import bindings
from gateway.store.bindings import persons_key
from gateway.store.faults import reading_registers
from gateway.store.kept import Readable
from policy.binding import UNBOUND, Binding, is_other_patient
from policy.phi.persons import address_mark
from policy.phi.report import Report

INDEX: Final = "index"  # as records name what was asked
OTHER: Final = "recipient.other_patient"
SEGMENT: Final = "recipient.in_segment"


class Bindings:
    """One for who decides. asked: names of all facts that rules ask for."""

    def __init__(self, store: Readable, asked: frozenset[str]) -> None:
        self._store = store
        self._key = persons_key(store.vault)
        self._asks_patients, self._asks_segments = OTHER in asked, SEGMENT in asked

    @property
    def asks_anything(self) -> bool:
        """Whether a rule asks for what they say."""
        return self._asks_patients or self._asks_segments

    async def ask(self, recipients: Sequence[str], report: Report) -> Mapping[str, Binding]:
        """The answers by recipient, in lower case; none where nobody needs them. Raises: StoreError."""
        is_about = self._asks_patients and bool(report.named or report.said.patient)
        segment = report.said.segment if self._asks_segments else ""
        if not is_about and not segment:
            return {}
        marks = {address.lower(): address_mark(self._key, address) for address in recipients}
        with reading_registers():
            owners, named, members = await self._read(report, marks.values(), segment, is_about=is_about)
        return {
            address: Binding(is_other_patient=is_other_patient(named, owners.get(mark, ())), in_segment=mark in members)
            for address, mark in marks.items()
        }

    async def _read(
        self, report: Report, marks: Collection[str], segment: str, *, is_about: bool
    ) -> tuple[Mapping[str, frozenset[str]], Sequence[frozenset[str]], frozenset[str]]:
        """Whose addresses these are, whom the message can mean, and who of them is on the segment's list."""
        async with self._store.read() as conn:
            owners = await bindings.people_of(conn, marks, addresses=True) if is_about else {}
            named = await self._named(conn, report) if owners else ()
            members = await bindings.members(conn, segment, marks) if segment else frozenset()
        return owners, named, members

    async def _named(self, conn: AsyncConnection, report: Report) -> Sequence[frozenset[str]]:
        """Whom the message can mean, for each way in which it names somebody."""
        found = list((await bindings.people_of(conn, report.named, addresses=False)).values())
        patient = report.said.patient
        if "@" in patient:
            found += (await bindings.people_of(conn, [address_mark(self._key, patient)], addresses=True)).values()
        elif patient and await bindings.is_bound(conn, patient):
            found.append(frozenset({patient}))
        return found


def binding_of(answers: Mapping[str, Binding], address: str) -> Binding:
    return answers.get(address.lower(), UNBOUND)
