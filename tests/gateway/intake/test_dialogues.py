r"""Dialogues in files, driven against the running server.

Lines: `# …` what is guarded; `listener NAME`; `C: …` sent with CRLF; `C! …` sent raw, with Python escapes; `S: …`
a whole reply whose last line matches the pattern, `*` for anything; `S: closed`; `tls` upgrades; `login` authenticates;
`messages N` how many were accepted in all.
"""

import fnmatch
from pathlib import Path

import pytest

from gateway.intake.replies import BAD_LINE_ENDS
from tests.gateway.intake.harness import Server, Wire, connected

FOLDER = Path(__file__).parent / "dialogues"


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.txt")))
async def test_dialogue(server: Server, name: str) -> None:
    lines = (FOLDER / f"{name}.txt").read_text(encoding="ascii").splitlines()
    assert lines[0].startswith("# "), "a dialogue begins with what it guards"
    steps = [line for line in lines if line and not line.startswith("#")]
    listener = steps.pop(0).removeprefix("listener ")
    async with connected(server, listener, greet=False) as wire:
        for number, step in enumerate(steps, 1):
            await perform(wire, step, f"{name}.txt, step {number}: {step}")


async def perform(wire: Wire, step: str, where: str) -> None:
    """One step of a dialogue."""
    word, _, rest = step.partition(" ")
    match word:
        case "C:":
            await wire.send(rest.encode("ascii") + b"\r\n")
        case "C!":
            await wire.send(rest.encode("ascii").decode("unicode_escape").encode("latin-1"))
        case "S:":
            lines = (await wire.reply()).decode("ascii").splitlines() or ["closed"]
            assert fnmatch.fnmatchcase(lines[-1], rest), f"{where}\n got: {lines[-1]}"
        case "tls":
            await wire.start_tls()
        case "login":
            await wire.log_in()
        case "messages":
            assert len(wire.server.backend.messages) == int(rest), where
        case _:
            pytest.fail(f"unknown step in {where}")


FALSE_ENDS = [
    *(b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r.\n", b"\r.\r\n", b"\n.\r", b"\r\n.\n", b"\r\n.\r"),  # SM-01
    *(b"\r\n\0.\r\n", b"\r\n.\0\r\n"),  # SM-02
    *(b"\r\n.\r\r\n", b"\r\r\n.\r\r\n"),  # SM-03
]


@pytest.mark.parametrize("end", FALSE_ENDS)
@pytest.mark.parametrize("before", [b"Subject: x\r\n\r\nfirst", b""], ids=["middle", "first byte"])
async def test_false_end_of_data_is_no_end(server: Server, end: bytes, before: bytes) -> None:
    """SM-01, SM-02, SM-03, SM-07: no second message, the whole transaction is refused, the connection closed."""
    smuggled = b"MAIL FROM:<boss@clinic.example>\r\nRCPT TO:<v@x.example>\r\nDATA\r\nSubject: y\r\n\r\nsecond\r\n.\r\n"
    async with connected(server) as wire:
        for line in (b"EHLO c.example", b"MAIL FROM:<a@clinic.example>", b"RCPT TO:<b@x.example>", b"DATA"):
            assert (await wire.ask(line))[:1] in {b"2", b"3"}
        await wire.send(before + end + smuggled + b"QUIT\r\n")
        assert (await wire.reply()).decode() == f"{BAD_LINE_ENDS}\r\n"
        assert await wire.reply() == b""
    assert server.backend.messages == []
