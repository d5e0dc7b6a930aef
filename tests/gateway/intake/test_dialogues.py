r"""Dialogues in files, driven against the running server: `smuggling/` and `starttls/` are suites of attacks.

Lines: `# …` what is guarded; `listener NAME …`, each one is tried; `each NAME …` a value for `{NAME}` below, each one
is tried, with Python escapes; `early …` sent before the server can greet; `C: …` sent with CRLF; `C! …` sent raw, with
Python escapes; `S: …` a whole reply whose last line matches the pattern, `*` for anything; `S: closed`; `S: nothing`,
closed without a reply, whatever TLS says; `tls` upgrades; `login` authenticates; `messages N` how many were accepted in
all; `logged …` the log says so.
"""

import asyncio
import fnmatch
import io
import itertools
import re
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.gateway.intake.harness import Server, Wire, connected, ready_to_send

FOLDER = Path(__file__).parent / "dialogues"
REPLY = re.compile(rb"^[2-5][0-9]{2}[ -]", re.MULTILINE)


@pytest.mark.parametrize(
    "name", sorted(str(path.relative_to(FOLDER).with_suffix("")) for path in FOLDER.rglob("*.txt"))
)
async def test_dialogue(server: Server, name: str, log_text: io.StringIO) -> None:
    lines = (FOLDER / f"{name}.txt").read_text(encoding="ascii").splitlines()
    assert lines[0].startswith("# "), "a dialogue begins with what it guards"
    listeners, *steps = (line for line in lines if line and not line.startswith("#"))
    for listener in listeners.removeprefix("listener ").split():
        for variant in variants(steps):
            log_text.seek(0)
            log_text.truncate()
            await play(server, listener, variant, log_text, f"{name}.txt on {listener}")


def variants(steps: list[str]) -> Iterator[list[str]]:
    """The steps with every combination of values put in."""
    values: dict[str, list[str]] = {}
    for step in steps:
        if step.startswith("each "):
            name, _, value = step.removeprefix("each ").partition(" ")
            values.setdefault(name, []).append(value)
    plain = [step for step in steps if not step.startswith("each ")]
    for chosen in itertools.product(*values.values()):
        yield [_filled(step, dict(zip(values, chosen, strict=True))) for step in plain]


def _filled(step: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        step = step.replace(f"{{{name}}}", value)
    return step


async def play(server: Server, listener: str, steps: list[str], log_text: io.StringIO, where: str) -> None:
    """One dialogue, from connecting to its last line."""
    early = unescaped(steps.pop(0).removeprefix("early ")) if steps[0].startswith("early ") else b""
    async with talked_early(server, listener, early) if early else connected(server, listener, greet=False) as wire:
        for number, step in enumerate(steps, 1):
            await perform(wire, step, log_text, f"{where}, step {number}: {step}\n of {steps}")


@asynccontextmanager
async def talked_early(server: Server, listener: str, talk: bytes) -> AsyncIterator[Wire]:
    """A connection whose first octets are there before the server's loop runs again."""
    with socket.create_connection(("127.0.0.1", server.ports[listener])) as raw:
        raw.sendall(talk)
        raw.setblocking(False)
        wire = Wire(server, *await asyncio.open_connection(sock=raw.dup()))
        yield wire
        await wire.close()


async def perform(wire: Wire, step: str, log_text: io.StringIO, where: str) -> None:
    """One step of a dialogue."""
    word, _, rest = step.partition(" ")
    match word:
        case "C:":
            await wire.send(rest.encode("ascii") + b"\r\n")
        case "C!":
            await wire.send(unescaped(rest))
        case "S:" if rest == "nothing":
            assert not REPLY.search(await wire.reader.read()), where
        case "S:":
            lines = (await wire.reply()).decode("ascii").splitlines() or ["closed"]
            assert fnmatch.fnmatchcase(lines[-1], rest), f"{where}\n got: {lines[-1]}"
        case "tls":
            await wire.start_tls()
        case "login":
            await wire.log_in()
        case "messages":
            assert len(wire.server.backend.messages) == int(rest), where
        case "logged":
            assert rest in log_text.getvalue(), where
        case _:
            pytest.fail(f"unknown step in {where}")


def unescaped(text: str) -> bytes:
    return text.encode("ascii").decode("unicode_escape").encode("latin-1")


async def test_line_ends_are_repaired_where_the_listener_says_so(server: Server) -> None:
    """SM-04, SM-05: bare CR and LF become CRLF before anything looks at the message; commands stay strict."""
    async with ready_to_send(server, "relay-repair") as wire:
        await wire.ask(b"DATA")
        await wire.send(b"Subject: x\nFrom: a@clinic.example\n\nold\rdevice\n..\r\nend\n\r\n.\r\nNOOP\n")
        assert (await wire.reply()).startswith(b"250 2.0.0 Queued")
        assert (await wire.reply()).startswith(b"554 5.5.2 ")
    ((_, message),) = server.backend.messages
    assert message == b"Subject: x\r\nFrom: a@clinic.example\r\n\r\nold\r\ndevice\r\n.\r\nend\r\n\r\n"
