"""What comes over our own sockets from processes that may have been taken over, or from whoever reached the socket."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from gateway.control.asker import UNKNOWN, Asker
from gateway.control.operations import Operations
from gateway.control.server import ControlServer
from gateway.control.wire import Answer
from gateway.inspect.wire import is_report, pack_report, pack_tags, unpack_report, unpack_tags
from gateway.workers.errors import WorkerError
from gateway.workers.frames import ANSWER
from gateway.workers.limits import Limits
from gateway.workers.process import Child
from policy.phi.report import Finding, Kind, Place, Report, Uninspectable
from tests.fuzz.inbox import run
from tests.fuzz.target import Target, pieces, split_choice

ANSWER_BYTES: Final = 64


class _Echo(Operations):
    """Operations that only tell what they were asked."""

    def __init__(self) -> None: ...

    async def perform(self, call: str, args: Mapping[str, Any], *, asker: Asker = UNKNOWN) -> Any:
        return [call, dict(args)]


_server: Final = ControlServer(Path("nowhere"), _Echo())


def control(data: bytes) -> None:
    """Any line over the control socket gets one answer: what it asked for, or that it was not understood."""
    line = data.partition(b"\n")[0] + b"\n"
    answer = run(_server._answer(line, os.getpid(), os.getuid()))
    written = msgspec.json.encode(answer)
    assert b"\n" not in written
    assert msgspec.json.decode(written, type=Answer).error == answer.error
    assert answer.error or msgspec.json.decode(line)["call"] == answer.result[0]


def inspected(data: bytes) -> None:
    """MP-15: an inspector's answer, and a job's header, is refused by `DecodeError` and nothing else, or is a whole
    value that says the same when it is written and read again.
    """
    try:
        report = unpack_report(data)
    except msgspec.DecodeError:
        assert not is_report(data)
    else:
        assert is_report(data)
        assert isinstance(report.phi, bool)
        assert unpack_report(pack_report(report)) == report
    try:
        tags = unpack_tags(data)
    except msgspec.DecodeError:
        return
    assert all(isinstance(tag, str) for tag in tags)
    assert unpack_tags(pack_tags(tags)) == tags


def frames(data: bytes) -> None:
    """MP-15: whatever a child writes and however it is cut, the job ends with the one well-framed answer or a
    WorkerError; never more than the limit is taken, and nothing is left over for the next job.
    """
    _, sent = split_choice(data)
    whole, octets = (run(_job(sent, size)) for size in (0, 1))
    for outcome in (whole, octets):
        if isinstance(outcome, bytes):
            assert sent.startswith(ANSWER.pack(0, len(outcome)) + outcome)
            assert len(outcome) <= ANSWER_BYTES
    assert whole == octets or (whole == "failed" and isinstance(octets, bytes)), "excess is seen at once, or unasked"


async def _job(sent: bytes, size: int) -> bytes | str:
    """What becomes of one job; `waits` when the answer is not whole."""
    child = Child(Limits(answer_bytes=ANSWER_BYTES))
    answer = child._expect(60)
    for piece in pieces(sent, size):
        child.data_received(piece)
        if child.over.done():
            break
        await asyncio.sleep(0)
    try:
        return answer.result() if answer.done() else "waits"
    except WorkerError:
        return "failed"
    finally:
        child._close()
        if answer.done() and not answer.cancelled():
            answer.exception()


REPORT: Final = Report(
    phi=True,
    score=0.9,
    findings=(Finding(kind=Kind.SSN, masked="4…", place=Place(part="1"), certainty=0.9, why="a number"),),
    reasons=("This is PHI.",),
    uninspectable=(Uninspectable(place=Place(part="2"), reason="encrypted"),),
    from_addresses=("a@x.example",),
)

TARGETS: Final[Mapping[str, Target]] = {
    "control": Target(
        run=control,
        words=(b'{"call":', b',"args":{', b"}", b"[", b'"', b"\\u", b"null"),
        seeds=(
            b'{"call":"queue.list","args":{}}',
            b'{"call":"user.add","args":{"a":[1,{"b":null}]}}',
            b'{"call":"\xff","args":{}}',
            b'{"call":"x","args":{"a":' + b"[" * 2000,
        ),
    ),
    "report": Target(
        run=inspected,
        words=(b"\xa3phi", b"\xc2", b"\xc3", b"\x91", b"\x81"),
        seeds=(
            pack_report(REPORT),
            pack_report(Report(phi=False, score=0.0)),
            pack_tags(("[secure]", "")),
            b"\x91\xa1\xff",
            b"\xa2\xff\xff",
            b"\x91" * 2000,
        ),
    ),
    "frames": Target(
        run=frames,
        words=(ANSWER.pack(0, 3), ANSWER.pack(1, 0), ANSWER.pack(0, 65)),
        seeds=(
            b"\0" + ANSWER.pack(0, 3) + b"abc",
            b"\0" + ANSWER.pack(0, 3) + b"abcd",
            b"\0" + ANSWER.pack(0, 65),
            b"\0" + ANSWER.pack(1, 0),
        ),
    ),
}
