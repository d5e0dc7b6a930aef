"""Content as sealed pieces of at most 1 MiB: splitting, sealing, and putting together again."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.store.errors import DamagedContent
from gateway.store.vault import Place, open_piece, seal_piece

PIECE_BYTES: Final = 1024 * 1024
BODY: Final = "message"  # the bytes that will be delivered
REPORT: Final = "report"  # the inspection report, encoded

Piece = Mapping[str, Any]  # a row of the table `content`


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a message's content, before sealing. name: "message" or "report"."""

    message_id: str
    name: str
    data: bytes = field(repr=False)


def seal_part(part: Part, data_key: bytes, key_id: str) -> Iterator[Piece]:
    """Seal piece by piece, so that a large part never needs its size twice; an empty part is one empty piece."""
    view = memoryview(part.data)
    count = max(1, -(-len(view) // PIECE_BYTES))
    for number in range(count):
        place = Place(
            message_id=part.message_id, part=part.name, number=number, last=number == count - 1, key_id=key_id
        )
        plaintext = view[number * PIECE_BYTES : (number + 1) * PIECE_BYTES]
        yield {
            "message_id": part.message_id,
            "part": part.name,
            "number": number,
            "ciphertext": seal_piece(data_key, place, plaintext),
        }


def open_part(message_id: str, name: str, ciphertexts: Sequence[bytes], data_key: bytes, key_id: str) -> bytes:
    """Put a part together again; nothing is released before every piece has been checked (KY-09).

    ciphertexts: all pieces in the order of their numbers, starting with 0.
    Raises: DamagedContent when a piece is missing, moved, altered, or not the last when it must be.
    """
    if not ciphertexts:
        raise DamagedContent(f"{message_id}: the {name} part is missing")
    opened: list[bytes] = []
    for number, ciphertext in enumerate(ciphertexts):
        place = Place(
            message_id=message_id, part=name, number=number, last=number == len(ciphertexts) - 1, key_id=key_id
        )
        opened.append(open_piece(data_key, place, ciphertext))
    return opened[0] if len(opened) == 1 else b"".join(opened)
