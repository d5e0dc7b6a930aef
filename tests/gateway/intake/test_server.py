"""The running server: what a dialogue cannot say, such as time, load, half-closes and TLS."""

import asyncio
import base64
import io
import logging
import re
import socket
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from gateway.intake.listeners import Intake
from gateway.intake.sasl import Credentials
from gateway.message.envelope import Notify
from gateway.message.verdict import Verdict
from tests.gateway.intake.harness import (
    HOST,
    PASSWORD,
    USER,
    Server,
    connected,
    make_listener,
    ready_to_send,
    running,
    write_certificate,
)
from tests.gateway.waiting import until

MESSAGE = b"Subject: x\r\n\r\nbody\r\n"


async def test_message_and_envelope_arrive_as_sent(server: Server) -> None:
    """SM-08, SM-15: the bytes, one per segment, and everything the session said about them."""
    async with connected(server, "submission") as wire:
        await wire.ask(b"EHLO before.example")
        await wire.start_tls()
        await wire.ask(b"EHLO c.example")
        await wire.log_in()
        await wire.ask(b"MAIL FROM:<joe@clinic.example> BODY=8BITMIME RET=FULL ENVID=e1 REQUIRETLS")
        await wire.ask(b"RCPT TO:<b@x.example> NOTIFY=SUCCESS ORCPT=rfc822;b@x.example")
        await wire.ask(b"RCPT TO:<c@x.example>")
        await wire.ask(b"DATA")
        for octet in b"Subject: x\r\n\r\n..\r\n..x\r\n\xe4\r\n.\r\n":
            await wire.send(bytes([octet]))
        assert re.fullmatch(rb"250 2\.0\.0 Queued as [0-9A-Z]{26}\r\n", await wire.reply())
    ((envelope, message),) = server.backend.messages
    assert message == b"Subject: x\r\n\r\n.\r\n.x\r\n\xe4\r\n"
    assert (envelope.sender, envelope.envid, envelope.ret) == (USER, "e1", "FULL")
    assert envelope.body_8bit
    assert envelope.requiretls
    first, second = envelope.recipients
    assert (first.address, first.notify, first.orcpt) == (
        "b@x.example",
        frozenset({Notify.SUCCESS}),
        "rfc822;b@x.example",
    )
    assert second.address == "c@x.example"
    client = envelope.client
    assert (client.helo, client.login, client.ip, client.tls_version) == ("c.example", USER, "127.0.0.1", "TLSv1.3")


WHOLE = b"EHLO c.example\r\nMAIL FROM:<a@clinic.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\nFrom: a\r\n\r\n.\r\n"


@pytest.mark.parametrize("talk", [b"E", b"\r\n", b"EHLO c.example\r\n", WHOLE], ids=["octet", "line", "EHLO", "all"])
async def test_early_talker(server: Server, talk: bytes, log_text: io.StringIO) -> None:
    """SM-09: bytes that were there before the greeting: one reply, nothing of them is served, and the log tells why."""
    with socket.create_connection(("127.0.0.1", server.ports["relay"])) as raw:
        raw.sendall(talk)  # the server's loop has not run yet
        raw.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=raw.dup())
        async with asyncio.timeout(5):
            answer = await reader.read()
        assert answer.startswith(b"554 5.5.0 ")
        assert answer.count(b"\r\n") == 1
        writer.close()
    assert server.backend.messages == []
    assert "talked before greeting" in log_text.getvalue()


@pytest.mark.parametrize(
    ("listener", "more"), [("relay", {b"STARTTLS"}), ("submissions", {b"AUTH PLAIN LOGIN", b"REQUIRETLS"})]
)
async def test_what_is_offered(server: Server, listener: str, more: set[bytes]) -> None:
    """SM-15, SM-16: EHLO lists what is served and no more; CHUNKING is not, so nobody sends BDAT."""
    async with connected(server, listener) as wire:
        first, *offers = (line[4:] for line in (await wire.ask(b"EHLO c.example")).splitlines())
    usual = {b"SIZE 4096", b"8BITMIME", b"SMTPUTF8", b"PIPELINING", b"ENHANCEDSTATUSCODES", b"DSN"}
    assert first == HOST.encode()
    assert sorted(offers) == sorted(usual | more)


@pytest.mark.parametrize("length", [2049, 12289, 50_000])
async def test_long_command_leaves_the_session_usable(server: Server, length: int) -> None:
    """SM-13: refused once its end is seen, without being kept."""
    async with connected(server) as wire:
        assert (await wire.ask(b"NOOP " + b"x" * length)).startswith(b"500 5.5.2 ")
        assert (await wire.ask(b"NOOP")).startswith(b"250 ")


async def test_endless_command_is_hung_up(server: Server) -> None:
    """SM-13: four megabytes without a line end."""
    async with connected(server) as wire:
        await wire.send(b"x" * 4_000_000)
        assert (await wire.reply()).startswith(b"500 5.5.2 ")
        assert await wire.reply() == b""


async def test_long_auth_responses(server: Server) -> None:
    """SA-04, SA-07: up to 12,288 octets are looked at, more are refused, megabytes end the session."""
    async with connected(server, "submissions") as wire:
        await wire.ask(b"EHLO c.example")
        assert await wire.ask(b"AUTH PLAIN") == b"334 \r\n"
        assert (await wire.ask(base64.b64encode(b"\0" + b"x" * 9000 + b"\0y"))).startswith(b"535 5.7.8 ")
        await wire.ask(b"AUTH PLAIN")
        assert (await wire.ask(b"x" * 12300)).startswith(b"500 5.5.6 ")
        await wire.ask(b"AUTH PLAIN")
        await wire.send(b"A" * 10_000_000)
        assert (await wire.reply()).startswith(b"500 5.5.6 ")
        assert await wire.reply() == b""


async def test_too_big_message_is_refused_and_the_session_goes_on(server: Server) -> None:
    """SM-14: one octet above the limit; twice the limit ends the session."""
    async with ready_to_send(server) as wire:
        await wire.ask(b"DATA")
        assert (await wire.ask(b"x" * 900 + (b"\r\n" + b"x" * 900) * 4 + b"\r\n.")).startswith(b"552 5.3.4 ")
        await wire.send(b"MAIL FROM:<a@clinic.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n")
        assert [(await wire.reply())[:3] for _ in range(3)] == [b"250", b"250", b"354"]
        await wire.send(b"x\r\n" * 5000)
        assert (await wire.reply()).startswith(b"552 5.3.4 ")
        assert await wire.reply() == b""
    assert server.backend.messages == []


async def test_long_line_in_message(server: Server) -> None:
    """SM-13: refused after the end of data, with what to do about it."""
    async with ready_to_send(server) as wire:
        await wire.ask(b"DATA")
        assert (await wire.ask(b"x" * 999 + b"\r\n.")).startswith(b"500 5.6.0 A line has more than 998 octets")
        assert (await wire.ask(b"NOOP")).startswith(b"250 ")


@pytest.mark.parametrize(
    ("answer", "start"),
    [
        (Verdict.STORE_FULL, b"452 4.3.1 "),
        (Verdict.FROM_NOT_YOURS, b"553 5.7.1 "),
        (RuntimeError("secret patient"), b"451 4.3.0 "),
        (TimeoutError("secret patient"), b"451 4.3.0 "),
    ],
)
async def test_refused_messages(
    server: Server, answer: Verdict | Exception, start: bytes, log_text: io.StringIO
) -> None:
    """A verdict is its reply; an unforeseen error is 451 and an id, and its text reaches neither client nor log."""
    server.backend.answer = answer
    async with ready_to_send(server) as wire:
        await wire.ask(b"DATA")
        reply = await wire.ask(MESSAGE + b".")
        assert reply.startswith(start)
        assert b"secret" not in reply
        assert (await wire.ask(b"NOOP")).startswith(b"250 ")
    assert "secret patient" not in log_text.getvalue()
    assert ("session_failed" in log_text.getvalue()) == isinstance(answer, Exception)


async def test_full_store_is_said_before_the_data(server: Server) -> None:
    """The client need not send what cannot be kept."""
    server.backend.ready = Verdict.STORE_FULL
    async with ready_to_send(server) as wire:
        assert (await wire.ask(b"DATA")).startswith(b"452 4.3.1 ")


async def test_full_queue_is_said_at_mail(server: Server) -> None:
    """RX-09: 452 4.3.1 at MAIL; the session goes on, and so does mail once there is room."""
    async with connected(server) as wire:
        await wire.ask(b"EHLO c.example")
        server.backend.open = Verdict.QUEUE_FULL
        assert (await wire.ask(b"MAIL FROM:<a@clinic.example>")).startswith(b"452 4.3.1 ")
        assert (await wire.ask(b"RCPT TO:<b@x.example>")).startswith(b"503 ")
        server.backend.open = None
        assert (await wire.ask(b"MAIL FROM:<a@clinic.example>")).startswith(b"250 ")


async def test_commit_survives_the_client(server: Server) -> None:
    """Invariant 2: who hangs up after the dot cannot cancel the commit."""
    server.backend.gate.clear()
    async with ready_to_send(server) as wire:
        await wire.ask(b"DATA")
        await wire.send(MESSAGE + b".\r\n")
        await server.backend.reached.wait()
        wire.writer.transport.abort()
    server.backend.gate.set()
    await server.intake.stop()
    assert len(server.backend.messages) == 1


async def test_half_close_after_the_dot_gets_its_answer(server: Server) -> None:
    """A client may shut down its side and still read the 250."""
    async with ready_to_send(server) as wire:
        await wire.ask(b"DATA")
        await wire.send(MESSAGE + b".\r\n")
        wire.writer.write_eof()
        assert (await wire.reply()).startswith(b"250 2.0.0 Queued as ")
        assert await wire.reply() == b""


@pytest.mark.parametrize("line", [b"NOOP", b"RSET", b"VRFY x", b"EHLO c.example", b"FROB"])
async def test_endless_commands(server: Server, line: bytes) -> None:
    """RX-04: idle commands and errors are budgeted, in one pipelined flood as well."""
    async with connected(server) as wire:
        await wire.send((line + b"\r\n") * 10_000)
        last, count = b"", 0
        while reply := await wire.reply():
            last, count = reply, count + 1
    assert last.startswith(b"421 4.7.0 ")
    assert count <= 102


async def test_endless_mail_while_the_queue_is_full(server: Server) -> None:
    """RX-04, RX-09: 452 is no reason to ask for ever; one pipelined flood would keep the loop from everybody else."""
    async with connected(server) as wire:
        await wire.ask(b"EHLO c.example")
        server.backend.open = Verdict.QUEUE_FULL
        await wire.send(b"MAIL FROM:<a@clinic.example>\r\n" * 10_000)
        codes: list[bytes] = []
        while reply := await wire.reply():
            codes.append(reply[:3])
    assert codes == [b"452"] * 100 + [b"421"]


async def test_endless_messages_for_which_it_is_too_early(server: Server) -> None:
    """RX-04: the same where each is refused after its last octet."""
    server.backend.answer = Verdict.NO_INSPECTOR
    async with connected(server) as wire:
        await wire.ask(b"EHLO c.example")
        for _ in range(100):
            for line in (b"MAIL FROM:<a@clinic.example>", b"RCPT TO:<b@x.example>", b"DATA"):
                await wire.ask(line)
            assert (await wire.ask(MESSAGE + b".")).startswith(b"451 4.7.0 ")
        assert (await wire.reply()).startswith(b"421 4.7.0 ")


async def test_accepted_messages_renew_the_budget(server: Server) -> None:
    """RX-04: a long session that works is not cut."""
    async with connected(server) as wire:
        await wire.ask(b"EHLO c.example")
        for _ in range(30):
            for line in (b"RSET", b"FROB", b"NOOP", b"NOOP", b"MAIL FROM:<a@clinic.example>", b"RCPT TO:<b@x.example>"):
                await wire.ask(line)
            await wire.ask(b"DATA")
            assert (await wire.ask(MESSAGE + b".")).startswith(b"250 ")


async def test_recipients_far_above_the_limit(server: Server) -> None:
    """RX-05: 452 for a while, then 421."""
    async with connected(server) as wire:
        await wire.ask(b"EHLO c.example")
        await wire.ask(b"MAIL FROM:<a@clinic.example>")
        await wire.send(b"RCPT TO:<b@x.example>\r\n" * 2000)
        codes: list[bytes] = []
        while reply := await wire.reply():
            codes.append(reply[:3])
    assert codes == [b"250"] * 3 + [b"452"] * 1000 + [b"421"]


async def test_connections_per_address_and_in_all(server: Server) -> None:
    """RX-01: one address has its share (15), refused with 421 instead of a greeting; room comes back."""
    async with asyncio.TaskGroup() as group:
        opened = [group.create_task(asyncio.open_connection("127.0.0.1", server.ports["relay"])) for _ in range(20)]
    greetings = sorted([(await reader.readline())[:9] for reader, _ in (task.result() for task in opened)])
    assert greetings == [b"220 gw.cl"] * 15 + [b"421 4.7.0"] * 5
    async with connected(server, "submission") as other:
        assert (await other.ask(b"NOOP")).startswith(b"250 ")
    for task in opened:
        _, writer = task.result()
        writer.write(b"QUIT\r\n")
        writer.close()
        await writer.wait_closed()
    await until(lambda: _has_room(server))


async def test_connections_in_all(tmp_path: Path) -> None:
    """RX-01: the listener's own limit, whoever comes; the next listener has its own, and room comes back."""
    async with running(tmp_path, limits={"connections": 3}) as server:
        async with AsyncExitStack() as crowd:
            for _ in range(3):
                await crowd.enter_async_context(connected(server))
            async with connected(server, greet=False) as late:
                assert (await late.reply()).startswith(b"421 4.3.2 ")
                assert await late.reply() == b""
            async with connected(server, "submission") as other:
                assert (await other.ask(b"NOOP")).startswith(b"250 ")
        await until(lambda: _has_room(server))


async def _has_room(server: Server) -> bool:
    async with connected(server, greet=False) as wire:
        return (await wire.reply()).startswith(b"220 ")


async def test_stop_lets_messages_finish_and_tells_idle_clients(server: Server) -> None:
    """A graceful stop: 421 between commands, 250 for the message under way, then the end."""
    server.backend.gate.clear()
    async with connected(server) as idle, ready_to_send(server) as busy:
        await busy.ask(b"DATA")
        await busy.send(MESSAGE + b".\r\n")
        await server.backend.reached.wait()
        stopping = asyncio.create_task(server.intake.stop())
        assert (await idle.reply()).startswith(b"421 4.3.2 ")
        server.backend.gate.set()
        assert (await busy.reply()).startswith(b"250 2.0.0 ")
        assert (await busy.reply()).startswith(b"421 4.3.2 ")
        await stopping
    with pytest.raises(OSError):  # noqa: PT011  # refused or reset, as the system likes
        await asyncio.open_connection("127.0.0.1", server.ports["relay"])


async def test_stop_cuts_who_does_not_finish(server: Server) -> None:
    """After the grace time a client in DATA is cut."""
    async with ready_to_send(server) as wire:
        await wire.ask(b"DATA")
        await server.intake.stop(grace_s=0.05)
        assert await wire.reply() == b""


async def test_taken_port_opens_nothing(server: Server, tmp_path: Path) -> None:
    """A listener that cannot be had ends the start, names itself, and the others are closed again."""
    taken = f"127.0.0.1:{server.ports['relay']}"
    listeners = [make_listener("relay"), make_listener("relay").model_copy(update={"bind": server.intake.addresses[2]})]
    folder = tmp_path / "other"
    folder.mkdir()
    intake = Intake(
        listeners, write_certificate(server.ca, folder), server.services, hostname=HOST, domains=set(), data_dir=folder
    )
    with pytest.raises(OSError, match=taken):
        await intake.start()
    assert intake.addresses == ()


async def test_nothing_of_a_message_is_logged(
    server: Server, log_text: io.StringIO, caplog: pytest.LogCaptureFixture
) -> None:
    """KY-01: aiosmtpd writes commands and message lines to `mail.log` at DEBUG; no line of ours holds any either."""
    caplog.set_level(logging.DEBUG)
    async with connected(server, "submissions") as wire:
        await wire.ask(b"EHLO c.example")
        await wire.ask(b"MARKER MARKER")
        await wire.ask(b"AUTH PLAIN " + base64.b64encode(b"\0MARKER@clinic.example\0MARKER"))
        await wire.log_in()
        for line in (b"MAIL FROM:<joe@clinic.example>", b"RCPT TO:<b@x.example>", b"DATA"):
            await wire.ask(line)
        assert (await wire.ask(b"Subject: MARKER\r\n\r\nMARKER\r\n.")).startswith(b"250 ")
        await wire.ask(b"MARKER: x")
    logged = caplog.text + log_text.getvalue()
    assert "authenticated" in logged
    assert "MARKER" not in logged
    assert not [record for record in caplog.records if record.name == "mail.log"]


def test_password_is_not_printed() -> None:
    """KY-01: credentials hide in repr."""
    assert PASSWORD not in repr(Credentials(USER, PASSWORD))
