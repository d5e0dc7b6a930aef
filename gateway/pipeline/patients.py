"""Which patients of the index a message's findings may mean. Nobody's name is on the disk: keyed hashes are compared.

A message names a person by an id, or by a name together with a birth date (`policy.phi.persons`). Where each of its
marks that the index knows can mean one and the same person, it is that one; else it is all whom any of them can mean,
and nobody knows which (`Report.patient`): who may be meant still has what a restriction forbids.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from gateway.store import bindings
from gateway.store.faults import reading_registers
from gateway.store.kept import Readable
from policy.phi.report import Report

NOBODY_ELSE: Final = ""  # somebody who is not on the index


async def matched(store: Readable, report: Report) -> tuple[str, ...]:
    """As the registers name them, sorted; nobody where the message names none. Raises: StoreError."""
    if not report.named:
        return ()
    with reading_registers():
        async with store.read() as conn:
            found = await bindings.people_of(conn, report.named, addresses=False)
    return meant(found, ways=report.ways)


def meant(found: Mapping[str, Collection[str]], *, ways: Sequence[Collection[str]] = ()) -> tuple[str, ...]:
    """found: whom each mark can mean. ways: the marks, known or not, by each way to name somebody.

    Returns: the one; else two or more, or nobody. A number of somebody whose name and birth date are others' is of
    nobody in particular, for it may have been mistyped; and so is a person with somebody else's number.
    """
    if not found:
        return ()
    same = frozenset.intersection(*map(frozenset, found.values()))
    if len(same) == 1 and not any(found.keys().isdisjoint(way) for way in ways):
        return tuple(same)
    several = frozenset[str]().union(*found.values())
    return tuple(sorted(several)) if len(several) > 1 else (*several, NOBODY_ELSE)
