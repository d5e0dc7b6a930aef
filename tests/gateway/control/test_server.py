"""The control socket: who may open it, what it answers to nonsense, and that it never holds up a stop."""

import asyncio
import io
import os
import socket
import stat
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
import structlog

from gateway import log
from gateway.audit.search import Query, search
from gateway.control import operations, server
from gateway.control.asker import asker_here
from gateway.control.office import Office
from gateway.control.operations import TABLE, Operations
from gateway.control.server import ControlServer
from gateway.control.wire import SOCKET, Answer, NoGateway, Refused, ask, short_path
from gateway.store.store import Store
from tests.gateway.config.samples import settings_in
from tests.tools import need

NOBODY = 65534
PASSWORD = "correct horse battery staple"


@asynccontextmanager
async def serving(office: Office, data_dir: Path) -> AsyncIterator[ControlServer]:
    control = ControlServer(data_dir, Operations(office))
    await control.start()
    try:
        yield control
    finally:
        await control.stop()


async def say(data_dir: Path, line: bytes) -> Answer:
    """One raw request."""
    with short_path(data_dir) as path:
        reader, writer = await asyncio.open_unix_connection(path)
    writer.write(line)
    answer = msgspec.json.decode(await reader.readline(), type=Answer)
    writer.close()
    await writer.wait_closed()
    return answer


async def test_only_its_owner_may_open_the_socket(office: Office, tmp_path: Path) -> None:
    """architecture.md, Process model: mode 0600; the file goes with the gateway, the umask comes back."""
    before = os.umask(0o022)
    try:
        async with serving(office, tmp_path):
            assert stat.S_IMODE((tmp_path / SOCKET).stat().st_mode) == 0o600
            assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)
    assert not (tmp_path / SOCKET).exists()


async def test_another_user_is_refused_and_recorded(office: Office, tmp_path: Path) -> None:
    """ID-12: who reaches the socket all the same reads, retries and releases nothing; the audit log has his uid."""
    control = ControlServer(tmp_path, Operations(office), owners={os.geteuid() + 1})
    await control.start()
    try:
        for call, args in (
            ("queue.list", {}),
            ("queue.show", {"queue_id": "Q1"}),
            ("queue.flush", {}),
            ("queue.release", {"queue_id": "Q1", "reason": "x", "by": "x"}),
        ):
            with pytest.raises(Refused, match="only the gateway's own user"):
                await ask(tmp_path, call, args)
    finally:
        await control.stop()
    async with office.store.read() as conn:
        found = await search(conn, Query(kind="control.refused"))
    assert [one.event.data for one in found] == [{"uid": os.geteuid()}] * 4


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """One that every user may enter, as `server.data_dir` should not be."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


async def test_the_kernel_keeps_other_users_out(office: Office, open_folder: Path) -> None:
    """ID-12: with the rights that the socket has, a process of another uid cannot even connect."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    async with serving(office, open_folder):
        assert await asyncio.to_thread(knock, open_folder / SOCKET) == 7, "curl: failed to connect"
        assert await strangers(office) == []
        (open_folder / SOCKET).chmod(0o666)
        await asyncio.to_thread(knock, open_folder / SOCKET)  # what curl says of a host that hangs up is its affair
    assert await strangers(office) == [{"uid": NOBODY}]


async def strangers(office: Office) -> list[object]:
    """What the audit log says of strangers at the socket."""
    async with office.store.read() as conn:
        return [one.event.data for one in await search(conn, Query(kind="control.refused"))]


def knock(path: Path) -> int:
    """Connect as nobody. Returns: the status of curl."""
    command = [need("curl"), "--silent", "--max-time", "30", "--unix-socket", str(path), "http://x/"]
    return subprocess.run(command, user=NOBODY, stdout=subprocess.DEVNULL, check=False).returncode


async def test_operations_answer_and_refuse(office: Office, tmp_path: Path) -> None:
    async with serving(office, tmp_path):
        assert await ask(tmp_path, "user.list", {}) == []
        with pytest.raises(Refused, match="there is no user") as refused:
            await ask(tmp_path, "user.disable", {"address": "joe@clinic.example"})
        assert refused.value.status == 1


@pytest.mark.parametrize(
    ("call", "args", "why"),
    [
        ("nonsense", {}, "knows no operation"),
        ("__init__", {}, "knows no operation"),
        ("user.disable", {}, "address"),
        ("user.list", {"everything": True}, "everything"),
        ("queue.show", {"office": None, "queue_id": "x"}, "office"),
        ("user.list", {"store": None}, "store"),
    ],
)
async def test_a_call_that_does_not_fit(
    office: Office, tmp_path: Path, call: str, args: dict[str, object], why: str
) -> None:
    """Names and arguments come from outside; nothing but the table is reached."""
    async with serving(office, tmp_path):
        with pytest.raises(Refused, match=why) as refused:
            await ask(tmp_path, call, args)
        assert refused.value.status == 2


@pytest.mark.parametrize(
    "line",
    [
        b"\n", b"{}\n", b"[1]\n", b"\xff\xfe\n", b'{"call": 1, "args": {}}\n', b"GET / HTTP/1.1\r\n",
        b'{"call": "\xff", "args": {}}\n', b'{"call": "user.list", "args": {"a": ' + b"[" * 5000 + b"\n",
    ],
    ids=lambda line: repr(line[:20]),
)  # fmt: skip
async def test_nonsense_is_answered(office: Office, tmp_path: Path, line: bytes) -> None:
    async with serving(office, tmp_path):
        answer = await say(tmp_path, line)
        assert (answer.status, "not one this gateway understands" in answer.error) == (2, True)
        assert await ask(tmp_path, "user.list", {}) == []


async def test_an_operation_that_fails_by_a_bug(office: Office, tmp_path: Path) -> None:
    """KY-01: the person gets one line; neither they nor the log see an argument."""
    written = io.StringIO()
    log.configure(stream=written)
    async with serving(office, tmp_path):
        with pytest.raises(Refused, match="failed inside the gateway") as refused:
            await ask(tmp_path, "user.add", {"address": 5, "password": PASSWORD, "role": "sender"})
        assert refused.value.status == 75
        assert await ask(tmp_path, "user.list", {}) == []
    structlog.reset_defaults()
    assert "control operation failed" in written.getvalue()
    assert PASSWORD not in str(refused.value) + written.getvalue()


async def test_an_endless_line_is_dropped(office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded; the command says what happened instead of a traceback."""
    monkeypatch.setattr(server, "LINE_LIMIT", 1024)
    async with serving(office, tmp_path):
        with pytest.raises(Refused, match="without an answer") as refused:
            await ask(tmp_path, "openpgp.import", {"incoming": ["x" * 4_000_000]})
        assert refused.value.status == 75
        assert await ask(tmp_path, "user.list", {}) == []


async def test_many_at_once(office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each gets its own answer, and each wakes the scheduler."""
    woken: list[bool] = []

    async def double(_office: Office, *, number: int) -> int:
        await asyncio.sleep(0)
        return 2 * number

    monkeypatch.setattr(operations, "TABLE", {**TABLE, "test.double": double})
    control = ControlServer(tmp_path, Operations(office, lambda: woken.append(True)))
    await control.start()
    answers = await asyncio.gather(*(ask(tmp_path, "test.double", {"number": number}) for number in range(50)))
    await control.stop()
    assert answers == [2 * number for number in range(50)]
    assert len(woken) == 50


async def test_an_operation_knows_who_asks(office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the kernel tells of the peer, whatever the request says; and each request anew."""

    async def who(here: Office) -> str:
        return here.asker.login

    monkeypatch.setattr(operations, "TABLE", {**TABLE, "test.who": who})
    async with serving(office, tmp_path):
        assert await ask(tmp_path, "test.who", {}) == asker_here().login
        with pytest.raises(Refused):
            await ask(tmp_path, "test.who", {"asker": "bob"})
    assert not office.asker.login


async def test_a_long_directory(store: Store, tmp_path: Path) -> None:
    """unix(7): a socket address holds 107 bytes; data_dir may be longer."""
    data_dir = tmp_path / ("d" * 150)
    data_dir.mkdir()
    office = Office(store, settings_in(data_dir))
    async with serving(office, data_dir):
        assert await ask(data_dir, "user.list", {}) == []
        assert (data_dir / SOCKET).exists()


async def test_what_a_dead_gateway_left(office: Office, tmp_path: Path) -> None:
    """`kill -9` leaves the file: nobody answers, and the next gateway takes its place."""
    with pytest.raises(NoGateway):
        await ask(tmp_path, "user.list", {})
    with short_path(tmp_path) as path, socket.socket(socket.AF_UNIX) as dead:
        dead.bind(path)
    with pytest.raises(NoGateway):
        await ask(tmp_path, "user.list", {})
    async with serving(office, tmp_path):
        assert await ask(tmp_path, "user.list", {}) == []


async def test_a_silent_client_does_not_hold_up_the_stop(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gateway ends within 20 s whoever sits on its socket."""
    monkeypatch.setattr(server, "STOP_S", 0.05)
    control = ControlServer(tmp_path, Operations(office))
    await control.start()
    with short_path(tmp_path) as path:
        reader, writer = await asyncio.open_unix_connection(path)
    await ask(tmp_path, "user.list", {})
    async with asyncio.timeout(5):
        await control.stop()
        assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()


async def test_what_is_being_done_is_answered_before_the_stop(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, gate = asyncio.Event(), asyncio.Event()

    async def slow(_office: Office) -> str:
        begun.set()
        await gate.wait()
        return "done"

    monkeypatch.setattr(operations, "TABLE", {"test.slow": slow})
    control = ControlServer(tmp_path, Operations(office))
    await control.start()
    asking = asyncio.create_task(ask(tmp_path, "test.slow", {}))
    await begun.wait()
    stopping = asyncio.create_task(control.stop())
    await asyncio.sleep(0)
    gate.set()
    await stopping
    assert await asking == "done"
