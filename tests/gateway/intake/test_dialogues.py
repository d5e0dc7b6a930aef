r"""Dialogues in files, driven against the running server.

Lines: `# …` what is guarded; `listener NAME`; `C: …` sent with CRLF; `C! …` sent raw, with Python escapes; `S: …`
a whole reply whose last line matches the pattern, `*` for anything; `S: closed`; `tls` upgrades; `login` authenticates;
`messages N` how many were accepted in all.
"""

import fnmatch
from pathlib import Path

import pytest

from gateway.intake.replies import BAD_LINE_ENDS
from tests.gateway.intake.harness import Server, Wire, connected, ready_to_send

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
@pytest.mark.parametrize("listener", ["relay", "relay-repair"])
async def test_false_end_of_data_is_no_end(server: Server, end: bytes, before: bytes, listener: str) -> None:
    """SM-01, SM-02, SM-03, SM-07: no second message, the whole transaction is refused, the connection closed; no less
    where line ends are repaired (SM-04).
    """
    smuggled = b"MAIL FROM:<boss@clinic.example>\r\nRCPT TO:<v@x.example>\r\nDATA\r\nSubject: y\r\n\r\nsecond\r\n.\r\n"
    async with ready_to_send(server, listener) as wire:
        assert (await wire.ask(b"DATA")).startswith(b"354")
        await wire.send(before + end + smuggled + b"QUIT\r\n")
        assert (await wire.reply()).decode() == f"{BAD_LINE_ENDS}\r\n"
        assert await wire.reply() == b""
    assert server.backend.messages == []


async def test_line_ends_are_repaired_where_the_listener_says_so(server: Server) -> None:
    """SM-04, SM-05: bare CR and LF become CRLF before anything looks at the message; commands stay strict."""
    async with ready_to_send(server, "relay-repair") as wire:
        await wire.ask(b"DATA")
        await wire.send(b"Subject: x\nFrom: a@clinic.example\n\nold\rdevice\n..\r\nend\n\r\n.\r\nNOOP\n")
        assert (await wire.reply()).startswith(b"250 2.0.0 Queued")
        assert (await wire.reply()).startswith(b"554 5.5.2 ")
    ((_, message),) = server.backend.messages
    assert message == b"Subject: x\r\nFrom: a@clinic.example\r\n\r\nold\r\ndevice\r\n.\r\nend\r\n\r\n"
