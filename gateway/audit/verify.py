"""Stand-alone verifier of an exported audit log: `python -m gateway.audit.verify EXPORT.jsonl --public-key KEY.pem`.

Needs the export and the public key, nothing else: no database, no configuration, no library but `cryptography`. It
reads line by line in constant memory and stops at the first thing that is wrong.

What it can say: an event that is missing, inserted, repeated or out of order, or whose bytes no longer match their leaf
hash, is named exactly. An attacker who also recomputes leaf hashes is found at the next signed checkpoint; then the
first bad sequence number lies between the last good checkpoint and that one. Events after the newest checkpoint are
chained but not yet signed. A log that was cut short is found only against a checkpoint kept elsewhere (--checkpoint).
"""

import argparse
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.audit.lines import EventLine, LineError, read
from gateway.audit.note import Checkpoint, NoteError, read_public_key
from gateway.audit.note import verify as verify_note
from gateway.store.merkle import Frontier, leaf_hash


class BadLogError(Exception):
    """The log is not what was signed. seq: the first sequence number that cannot be trusted."""

    def __init__(self, seq: int, why: str) -> None:
        super().__init__(f"sequence {seq}: {why}")
        self.seq = seq


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """events: how many; signed: how many of them the newest checkpoint covers; checkpoints: how many were checked."""

    events: int
    signed: int
    checkpoints: int
    root: bytes


class Verifier:
    """Feed it lines, then ask for the result. Any of the methods raises BadLogError."""

    def __init__(self, key: Ed25519PublicKey, known: Iterable[Checkpoint] = ()) -> None:
        """known: checkpoints, already verified, that were kept outside of the log."""
        self._key = key
        self._known = {checkpoint.size: checkpoint for checkpoint in known}
        self._frontier = Frontier()
        self._signed = 0
        self._good = 0  # all before it is covered by a checkpoint that matched
        self._checkpoints = 0

    def feed(self, line: bytes) -> None:
        size = self._frontier.size
        try:
            parsed = read(line)
        except LineError as error:
            raise BadLogError(size, str(error)) from None
        if isinstance(parsed, EventLine):
            self._take_event(parsed)
            self._compare_known()
            return
        try:
            checkpoint = verify_note(parsed.note, self._key)
        except NoteError as error:
            raise BadLogError(self._good, str(error)) from None
        if checkpoint.size != size:
            raise BadLogError(
                min(size, checkpoint.size), f"a checkpoint of {checkpoint.size} events comes after {size}"
            )
        self._compare(checkpoint)
        self._signed = size
        self._checkpoints += 1

    def finish(self) -> Verified:
        size = self._frontier.size
        for wanted in sorted(self._known):
            if wanted > size:
                raise BadLogError(size, f"the log ends here, but a checkpoint says that it has {wanted} events")
        return Verified(events=size, signed=self._signed, checkpoints=self._checkpoints, root=self._frontier.root())

    def _take_event(self, event: EventLine) -> None:
        size = self._frontier.size
        if event.seq != size:
            raise BadLogError(size, f"event {event.seq} stands in its place")
        leaf = leaf_hash(event.body)
        if leaf != event.leaf_hash:
            raise BadLogError(size, "the event was changed: it does not match its leaf hash")
        self._frontier = self._frontier.append(leaf)

    def _compare_known(self) -> None:
        known = self._known.get(self._frontier.size)
        if known is not None:
            self._compare(known)

    def _compare(self, checkpoint: Checkpoint) -> None:
        if checkpoint.root != self._frontier.root():
            raise BadLogError(
                self._good, f"an event from here to {checkpoint.size - 1} was changed: the checkpoint has another root"
            )
        self._good = checkpoint.size


def verify(lines: Iterable[bytes], key: Ed25519PublicKey, known: Iterable[Checkpoint] = ()) -> Verified:
    """Check a whole export. Raises: BadLogError at the first thing that is wrong."""
    verifier = Verifier(key, known)
    for line in lines:
        verifier.feed(line)
    return verifier.finish()


def main(arguments: list[str] | None = None) -> int:
    """Returns: 0 when all is well, 1 when the log is bad, 2 when a file cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m gateway.audit.verify", description="Verify an exported audit log.")
    parser.add_argument("export", type=Path, help="JSON lines, as written by mailward audit export")
    parser.add_argument("--public-key", type=Path, required=True, help="PEM file of the log's Ed25519 key")
    parser.add_argument("--checkpoint", type=Path, action="append", default=[], help="a checkpoint kept elsewhere")
    options = parser.parse_args(arguments)
    try:
        key = read_public_key(options.public_key.read_bytes())
        known = [verify_note(path.read_text(encoding="utf-8"), key) for path in options.checkpoint]
        with options.export.open("rb") as lines:
            result = verify(lines, key, known)
    except BadLogError as error:
        sys.stderr.write(f"BAD: {error}\n")
        return 1
    except (OSError, NoteError, UnicodeDecodeError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(describe(result) + "\n")
    return 0


def describe(result: Verified) -> str:
    """One line for a person."""
    unsigned = result.events - result.signed
    signatures = f"{result.checkpoints} signed checkpoint{'' if result.checkpoints == 1 else 's'}"
    tail = f"; the newest {unsigned} not signed yet" if unsigned else ""
    return f"OK: {result.events} events, none changed; {signatures}{tail}; root {result.root.hex()}"


if __name__ == "__main__":
    sys.exit(main())
