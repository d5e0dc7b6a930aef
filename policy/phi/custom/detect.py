"""All that an organisation added, as plain values that travel to an inspector, and compiled for use."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from policy.phi.custom.patients import Patients
from policy.phi.custom.shapes import Shapes
from policy.phi.custom.terms import Terms
from policy.phi.mention import Mention
from policy.phi.normalise import lower_case, normalise
from policy.phi.report import Kind
from policy.phi.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class Custom:
    """What the organisation wrote. patients: the bytes of its list, and the key of the list; both empty without one.

    ocr: the folder of the model that pictures are read by; empty: they are not.

    persons_key: by which whom a message names is marked (`policy.phi.persons`); empty: nobody asks.
    """

    mrn_shapes: tuple[str, ...] = ()
    programmes: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    dictionaries: tuple[tuple[Kind, tuple[str, ...]], ...] = ()
    patients: bytes = field(default=b"", repr=False)
    patients_key: bytes = field(default=b"", repr=False)
    ocr: str = ""
    persons_key: bytes = field(default=b"", repr=False)


class CustomDetectors:
    """The same, ready to be asked."""

    def __init__(self, custom: Custom) -> None:
        """Compile it. Raises: ValueError for what the configuration would have refused."""
        merged: dict[Kind, tuple[str, ...]] = {}
        for kind, terms in custom.dictionaries:
            merged[kind] = merged.get(kind, ()) + terms
        self._shapes = Shapes(custom.mrn_shapes)
        self._terms = Terms(custom.programmes, merged)
        self._patients = Patients(custom.patients, custom.patients_key)
        self.persons_key = custom.persons_key
        self._allowed = frozenset(map(bare, custom.allow))

    def people(self, view: View) -> Iterator[Mention]:
        """Yield record numbers of the organisation, and patients on its list."""
        yield from self._shapes.find(view)
        yield from self._patients.find(view)

    def health(self, view: View) -> tuple[Mention, ...]:
        """Return the organisation's terms; those of a topic stand there twice, as the topic and as health."""
        return tuple(self._terms.find(view))

    def without_allowed(self, mentions: Sequence[Mention]) -> Sequence[Mention]:
        """Leave out what the organisation says is nobody's: its own telephone, the name of its founder on the door."""
        if not self._allowed:
            return mentions
        return [mention for mention in mentions if bare(mention.value) not in self._allowed]


def bare(value: str) -> str:
    """A value as an exception is compared: letters and digits alone, in lower case."""
    return "".join(filter(str.isalnum, lower_case(normalise(value))))


NOTHING: Final = CustomDetectors(Custom())
