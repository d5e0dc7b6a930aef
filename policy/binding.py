"""Whether a message goes to somebody else than it is about, as far as an index of known patients tells. Pure.

An autocomplete slip or a mail merge that is shifted by a row sends one patient's words to another. The index binds
persons to their addresses: a message that names A and goes to an address of B, who is not A, is stopped. An address
that nobody on the index has (a colleague's, a practice's, a stranger's) is not its business.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """What the index and the segments say of one recipient. The defaults are what counts when nobody asked them.

    is_other_patient: the message names a known patient, and this address is of a different one. in_segment: it is on
    the list that the message names.
    """

    is_other_patient: bool = False
    in_segment: bool = False


UNBOUND: Final = Binding()


def is_other_patient(named: Iterable[Collection[str]], owners: Collection[str]) -> bool:
    """Whether somebody is named who has not the address.

    named: for each way in which the message names somebody, the persons of the index that it can mean (twins share a
    birth date); empty ones mean nobody. owners: the persons who have the recipient's address.
    """
    has = set(owners)
    return bool(has) and any(meant and has.isdisjoint(meant) for meant in named)
