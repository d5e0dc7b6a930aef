"""What each change by hand may be done to, and how much of it at once."""

from dataclasses import dataclass
from typing import Final

from gateway.message.entry import EntryState, MessageKind

MOST: Final = 500  # entries in one request: a second or two of work, which the next one waits for


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """States and kinds of entries."""

    states: frozenset[EntryState]
    kinds: frozenset[MessageKind] = frozenset(MessageKind)


HOLDABLE: Final = Reach(states=frozenset({EntryState.QUEUED}), kinds=frozenset({MessageKind.MAIL}))
ENDABLE: Final = Reach(states=frozenset(state for state in EntryState if not state.is_ending))
