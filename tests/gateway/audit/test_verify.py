"""The stand-alone verifier: whatever is done to an export, it names the first sequence number that is wrong."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.audit.lines import write_checkpoint, write_event
from gateway.audit.note import Checkpoint, sign, write_public_key
from gateway.audit.verify import BadLogError, Verified, main, verify
from gateway.store.merkle import Frontier, leaf_hash

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
ORIGIN = "gw.clinic.example/audit"
SIZE = 20
SIGNED_AT = (8, 16)

Edit = Callable[[list[bytes]], list[bytes]]


def body(seq: int, word: str = "delivered") -> bytes:
    return json.dumps({"kind": word, "seq": seq}, separators=(",", ":")).encode()


def event(seq: int, word: str = "delivered") -> bytes:
    return write_event(body(seq, word), leaf_hash(body(seq, word)))


def head(size: int, key: Ed25519PrivateKey = KEY, words: dict[int, str] | None = None) -> tuple[Checkpoint, str]:
    frontier = Frontier()
    for seq in range(size):
        frontier = frontier.append(leaf_hash(body(seq, (words or {}).get(seq, "delivered"))))
    checkpoint = Checkpoint(origin=ORIGIN, size=size, root=frontier.root())
    return checkpoint, sign(checkpoint, key)


def log() -> list[bytes]:
    lines: list[bytes] = []
    for seq in range(SIZE):
        lines.append(event(seq))
        if seq + 1 in SIGNED_AT:
            lines.append(write_checkpoint(head(seq + 1)[1]))
    return lines


def at(seq: int) -> int:
    """The line of an event."""
    return seq + sum(seq >= size for size in SIGNED_AT)


def changed(seq: int, line: bytes) -> Edit:
    return lambda lines: [*lines[: at(seq)], line, *lines[at(seq) + 1 :]]


def test_a_good_log() -> None:
    result = verify(log(), KEY.public_key())
    assert result == Verified(events=20, signed=16, checkpoints=2, root=head(20)[0].root)


def test_an_empty_log() -> None:
    assert verify([], KEY.public_key()).events == 0


@pytest.mark.parametrize(
    ("edit", "first_bad", "what"),
    [
        (changed(5, event(5).replace(b"delivered", b"bounced..")), 5, "edited"),
        (changed(5, event(5).replace(b'"leaf_hash":"', b'"leaf_hash":"0')[:-2] + b"\n"), 5, "leaf hash edited"),
        (lambda lines: [*lines[: at(11)], *lines[at(12) :]], 11, "deleted"),
        (lambda lines: lines[1:], 0, "first deleted"),
        (lambda lines: [*lines[: at(3)], event(3), *lines[at(3) :]], 4, "repeated"),
        (lambda lines: [*lines[: at(3)], event(99), *lines[at(3) :]], 3, "inserted"),
        (lambda lines: [*lines[: at(2)], lines[at(3)], lines[at(2)], *lines[at(4) :]], 2, "reordered"),
        (lambda lines: [*lines[: at(18)], b"\n", *lines[at(18) :]], 18, "blank line"),
        (lambda lines: [*lines[: at(18)], b'{"event":{"seq":18}}\n'], 18, "other shape"),
        (changed(18, event(18)[:40]), 18, "cut line"),
        (changed(4, event(4, "bounced")), 0, "edited and hashed anew: the first checkpoint finds it"),
        (changed(9, event(9, "bounced")), 8, "the same after the first checkpoint: all before is still good"),
        (lambda lines: lines[: at(8) - 1] + lines[at(8) :], None, "a checkpoint left out is no fault by itself"),
        (lambda lines: [*lines, write_checkpoint(head(19)[1])], 19, "a checkpoint in the wrong place"),
        (lambda lines: [*lines, write_checkpoint(head(20, Ed25519PrivateKey.generate())[1])], 16, "another signer"),
        (
            lambda lines: [*lines, write_checkpoint(head(20, words={17: "bounced"})[1])],
            16,
            "signed, but of another log",
        ),
    ],
)
def test_what_was_done_to_the_log_is_found(edit: Edit, first_bad: int | None, what: str) -> None:
    """AU-01: edit, delete, insert, reorder."""
    if first_bad is None:
        assert verify(edit(log()), KEY.public_key()).checkpoints == 1
        return
    with pytest.raises(BadLogError) as caught:
        verify(edit(log()), KEY.public_key())
    assert caught.value.seq == first_bad, what
    assert str(caught.value).startswith(f"sequence {first_bad}: ")


def test_a_log_cut_short_is_found_against_a_checkpoint_kept_elsewhere() -> None:
    """AU-02: the export alone cannot show it, a checkpoint outside can; it names the first missing event."""
    cut = log()[: at(13)]
    assert verify(cut, KEY.public_key()).events == 13
    with pytest.raises(BadLogError, match="ends here") as caught:
        verify(cut, KEY.public_key(), [head(16)[0]])
    assert caught.value.seq == 13
    assert verify(log(), KEY.public_key(), [head(16)[0], head(11)[0]]).events == 20


def test_a_thief_of_the_signing_key_is_found_against_a_checkpoint_kept_elsewhere() -> None:
    """AU-03: everything rewritten and signed anew, well-formed by itself; the anchored checkpoint differs."""
    words = {12: "never happened"}
    forged = [event(seq, words.get(seq, "delivered")) for seq in range(SIZE)]
    forged.append(write_checkpoint(head(SIZE, words=words)[1]))
    assert verify(forged, KEY.public_key()).signed == 20
    with pytest.raises(BadLogError) as caught:
        verify(forged, KEY.public_key(), [head(10)[0], head(16)[0]])
    assert caught.value.seq == 10


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export, key, kept = tmp_path / "export.jsonl", tmp_path / "key.pem", tmp_path / "kept.txt"
    export.write_bytes(b"".join(log()))
    key.write_text(write_public_key(KEY.public_key()))
    kept.write_text(head(16)[1], encoding="utf-8")
    command = [str(export), "--public-key", str(key), "--checkpoint", str(kept)]
    assert main(command) == 0
    assert capsys.readouterr().out.startswith("OK: 20 events, none changed; 2 signed checkpoints; the newest 4 ")
    export.write_bytes(b"".join(log()[: at(13)]))
    assert main(command) == 1
    assert capsys.readouterr().err.startswith("BAD: sequence 13: ")
    kept.write_text("nonsense")
    assert main(command) == 2
    assert main([str(tmp_path / "none"), "--public-key", str(key)]) == 2


def test_the_verifier_stands_alone(tmp_path: Path) -> None:
    """Invariant 7: the export and the key are enough; no library of the gateway but cryptography is loaded."""
    export, key = tmp_path / "export.jsonl", tmp_path / "key.pem"
    export.write_bytes(b"".join(log()))
    key.write_text(write_public_key(KEY.public_key()))
    code = (
        "import sys; from gateway.audit.verify import main; status = main(sys.argv[1:]);"
        "foreign = {'sqlalchemy', 'msgspec', 'pydantic', 'alembic', 'aiosqlite', 'click'} & set(sys.modules);"
        "sys.exit(status or len(foreign))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(export), "--public-key", str(key)],
        check=False, capture_output=True, text=True, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith("OK: 20 events")
