"""The export format: JSON lines that carry the hashed bytes themselves. Standard library only.

    {"event":<the body that was hashed, byte for byte>,"leaf_hash":"<hex>"}
    {"checkpoint":"<signed note>"}

Events come in sequence, from 0; a checkpoint comes right after the last event that it covers. The shape is exact, so
that a verifier cuts the body out and hashes it, and need not agree with us on how to write JSON.
"""

import json
from dataclasses import dataclass
from typing import Final

from gateway.store.merkle import HASH_BYTES

EVENT: Final = b'{"event":'
LEAF: Final = b',"leaf_hash":"'
CHECKPOINT: Final = b'{"checkpoint":'
END: Final = b'"}'
TAIL_BYTES: Final = len(LEAF) + 2 * HASH_BYTES + len(END)


class LineError(ValueError):
    """The line does not have the exact shape."""


@dataclass(frozen=True, slots=True)
class EventLine:
    seq: int
    body: bytes
    leaf_hash: bytes


@dataclass(frozen=True, slots=True)
class CheckpointLine:
    note: str


def write_event(body: bytes, leaf_hash: bytes) -> bytes:
    return b"".join((EVENT, body, LEAF, leaf_hash.hex().encode(), END, b"\n"))


def write_checkpoint(note: str) -> bytes:
    return b"".join((CHECKPOINT, json.dumps(note, ensure_ascii=False).encode(), b"}\n"))


def read(line: bytes) -> EventLine | CheckpointLine:
    """Raises: LineError."""
    line = line.rstrip(b"\n")
    try:
        if line.startswith(CHECKPOINT):
            note = json.loads(line)["checkpoint"]
            if isinstance(note, str):
                return CheckpointLine(note)
        elif line.startswith(EVENT) and line.endswith(END) and line[-TAIL_BYTES:].startswith(LEAF):
            body = line[len(EVENT) : -TAIL_BYTES]
            leaf_hash = bytes.fromhex(line[-TAIL_BYTES + len(LEAF) : -len(END)].decode("ascii"))
            seq = json.loads(body)["seq"]
            if type(seq) is int:
                return EventLine(seq, body, leaf_hash)
    except (ValueError, KeyError, TypeError):
        pass
    raise LineError("not a line of an audit export")
