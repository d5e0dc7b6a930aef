"""The transport when servers answer, stall or break off, and what becomes of the connections that are kept."""

import asyncio
import contextlib
import socket
from dataclasses import replace

import pytest

from gateway.config.values import HostPort
from gateway.delivery.connection import Connection
from gateway.delivery.job import SendJob
from gateway.delivery.outcome import Seen
from gateway.delivery.pool import PoolLimits
from gateway.message.envelope import Notify, Recipient
from tests.faulty import certificates
from tests.faulty.server import Close, Drip, Raw, Reaction, Reset, Script, Stall, Turns
from tests.gateway.delivery.conftest import BODY, CLEAR, VERIFIED, Net, limits_of
from tls.levels import TlsLevel

MX1, MX2 = "mx1.b.example", "mx2.b.example"
GOOD1, GOOD2 = Script(tls=certificates.good(MX1)), Script(tls=certificates.good(MX2))
MANY = ("a@b.example", "b@b.example", "c@b.example")


async def test_three_recipients_three_answers(net: Net) -> None:
    """OB-01."""
    await net.serve(Script(does={"RCPT": Turns(("250 ok", "450 4.2.1 later", "550 5.1.1 who?"))}))
    seen = [outcome.seen for outcome in await net.send_all(CLEAR, *MANY)]
    assert seen == [Seen.DELIVERED, Seen.DEFERRED, Seen.REJECTED]


async def test_one_recipient_at_a_time(net: Net) -> None:
    """OB-02: LIMITS RCPTMAX=1, and a server that says 452 after the first: more transactions, same connection."""
    crowded = Turns(("250 ok", "452 4.5.3 too many", "250 ok"))
    servers = await net.serve([Script(extensions=("LIMITS RCPTMAX=1",)), Script(does={"RCPT": crowded})])
    for number in (1, 2):
        outcomes = await net.send_all(CLEAR, *MANY)
        assert {outcome.seen for outcome in outcomes} == {Seen.DELIVERED}
        await net.transport.close()
        assert servers[0].connections == number
    assert [len(message.recipients) for message in servers[0].messages] == [1, 1, 1, 2, 1]


async def test_full_mailbox_is_not_asked_for_ever(net: Net) -> None:
    """OB-02: 452 again, now alone: it waits for the retry schedule."""
    (server,) = await net.serve(Script(does={"RCPT": Turns(("250 ok", "452 4.2.2 mailbox full"))}))
    seen = [outcome.seen for outcome in await net.send_all(CLEAR, *MANY[:2])]
    assert seen == [Seen.DELIVERED, Seen.DEFERRED]
    assert server.verbs().count("RCPT") == 3


@pytest.mark.parametrize("reaction", [Close(), Reset()])
async def test_lost_after_the_dot(net: Net, reaction: Reaction) -> None:
    """OB-03: unknown; no other MX is tried now, or the message might arrive twice."""
    first, second = await net.serve(Script(tls=certificates.good(MX1), does={"DOT": reaction}), GOOD2)
    assert (await net.send(VERIFIED)).seen is Seen.LOST_AFTER_DOT
    assert (first.connections, second.connections) == (1, 0)


async def test_stalled_after_the_dot(net: Net) -> None:
    """OB-03, OB-04: as long as the limit of the phase (600 s), then unknown."""
    net.limits = limits_of(0.1)
    await net.serve(Script(does={"DOT": Stall()}))
    assert (await net.send(CLEAR)).seen is Seen.LOST_AFTER_DOT


@pytest.mark.parametrize("verb", ["BANNER", "EHLO", "EHLO-TLS", "MAIL", "RCPT", "DATA", "DOT"])
async def test_421_is_transient_and_the_next_mx_is_tried(net: Net, verb: str) -> None:
    """OB-05: once each, no hot loop."""
    script = Script(tls=certificates.good(MX1), does={verb: ("421 4.3.2 going down", Close())})
    first, second = await net.serve(script, GOOD2)
    outcome = await net.send(VERIFIED)
    assert outcome.seen is Seen.DELIVERED
    assert (first.connections, second.connections, len(second.messages)) == (1, 1, 1)


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "DOT"])
async def test_5xx_is_permanent_only_for_the_message(net: Net, verb: str) -> None:
    """OB-06: MAIL, RCPT, DATA, the dot: it bounces, and no other MX is asked."""
    _, second = await net.serve(Script(tls=certificates.good(MX1), does={verb: "550 5.7.1 no"}), GOOD2)
    outcome = await net.send(VERIFIED)
    assert (outcome.seen, outcome.reply) == (Seen.REJECTED, "550 5.7.1 no")
    assert second.connections == 0


@pytest.mark.parametrize("does", [{"BANNER": "554 no"}, {"EHLO": "550 no"}, {"MAIL": Raw(b"250-a\r\n251 b\r\n")}])
async def test_5xx_greeting_and_junk_are_transient(net: Net, does: dict[str, Reaction]) -> None:
    """OB-06: about the host: next MX, then defer."""
    await net.serve(Script(tls=certificates.good(MX1), does=does))
    assert (await net.send(VERIFIED)).seen is Seen.DEFERRED


@pytest.mark.parametrize("verb", ["BANNER", "EHLO", "MAIL", "DATA"])
async def test_silence_ends_with_the_phase(net: Net, verb: str) -> None:
    """OB-07: accepts and says nothing."""
    net.limits = limits_of(0.1)
    await net.serve(Script(does={verb: Stall()}))
    outcome = await net.send(CLEAR)
    assert outcome.seen is Seen.DEFERRED
    assert "time limit passed" in outcome.reply


@pytest.mark.slow
async def test_a_reply_byte_by_byte_does_not_stretch_the_limit(net: Net) -> None:
    """OB-07: the limit is for the whole reply, not for each byte."""
    net.limits = limits_of(0.3)
    await net.serve(Script(does={"BANNER": Drip(b"2", 0.05)}))
    async with asyncio.timeout(3):
        assert (await net.send(CLEAR)).seen is Seen.DEFERRED


@pytest.mark.slow
async def test_zero_window_during_the_message(net: Net) -> None:
    """OB-07: three minutes for each block, then the slot is free again."""
    net.limits = limits_of(0.2)
    await net.serve(Script(does={"DATA": ("354 go", Stall())}))
    data = b"A: b\r\n\r\n" + (b"x" * 70 + b"\r\n") * 400_000
    outcome = await net.send(CLEAR, data=data)
    assert outcome.seen is Seen.DEFERRED
    assert "to be taken" in outcome.reply


@pytest.mark.slow
async def test_reset_in_the_middle_of_the_message(net: Net) -> None:
    """TL-05: requeued, nothing in doubt."""
    await net.serve(Script(tls=certificates.good(MX1), does={"DATA": ("354 go", Reset())}))
    data = b"A: b\r\n\r\n" + (b"x" * 70 + b"\r\n") * 400_000
    assert (await net.send(VERIFIED, data=data)).seen is Seen.DEFERRED


async def test_a_host_that_never_answers_the_connection(net: Net) -> None:
    """OB-07: the limit for connecting is ours, not the system's two minutes; the next MX is tried."""
    net.limits = replace(limits_of(5), connect_s=0.2)
    (server,) = await net.serve(None, GOOD2)
    with contextlib.ExitStack() as stack:
        deaf = stack.enter_context(socket.create_server(("127.0.0.1", server.port), backlog=0))
        for _ in range(4):  # what does not fit into its queue is dropped without a word
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(deaf.getsockname())
        async with asyncio.timeout(5):
            outcome = await net.send(VERIFIED)
    assert (outcome.seen, outcome.host) == (Seen.DELIVERED, MX2)
    assert outcome.hosts[0].reply == f"451 4.4.1 no connection to {MX1} in time"


async def test_connections_are_kept(net: Net) -> None:
    """Issue 2: reuse; each message still has its evidence."""
    (server,) = await net.serve(GOOD1)
    outcomes = [await net.send(VERIFIED) for _ in range(3)]
    assert [outcome.reused for outcome in outcomes] == [0, 1, 2]
    assert all(outcome.evidence is not None for outcome in outcomes)
    assert (server.connections, len(server.messages)) == (1, 3)


@pytest.mark.parametrize(
    "does",
    [
        {"MAIL": Turns(("250 ok", Reset()))},
        {"MAIL": Turns(("250 ok", ("421 4.7.0 too many messages", Close())))},
        {"DOT": ("250 2.0.0 taken", Close())},
        {"RCPT": Turns(("250 ok", Close()))},
    ],
)
async def test_kept_connection_that_breaks_is_replaced(net: Net, does: dict[str, Reaction]) -> None:
    """TL-30: one new connection, no message lost or sent twice."""
    (server,) = await net.serve([Script(tls=certificates.good(MX1), does=does), GOOD1])
    assert [(await net.send(VERIFIED)).seen for _ in range(2)] == [Seen.DELIVERED] * 2
    assert (server.connections, len(server.messages)) == (2, 2)


async def test_kept_connection_that_breaks_after_the_dot_is_not_replaced(net: Net) -> None:
    """TL-30 and OB-03: the second message is in doubt, so it is not sent again now."""
    (server,) = await net.serve(Script(does={"DOT": Turns(("250 ok", Close()))}))
    seen = [(await net.send(CLEAR)).seen for _ in range(2)]
    assert seen == [Seen.DELIVERED, Seen.LOST_AFTER_DOT]
    assert server.connections == 1


async def test_messages_per_connection_are_limited(net: Net) -> None:
    """TL-30: we leave before servers that count throw us out."""
    net.pool = PoolLimits(messages=2)
    (server,) = await net.serve(GOOD1)
    for _ in range(4):
        await net.send(VERIFIED)
    assert server.connections == 2


async def test_old_connections_are_left(net: Net) -> None:
    """TL-30: what a certificate or a record proved, it proved for `age_s`."""
    net.pool = PoolLimits(age_s=0)
    (server,) = await net.serve(GOOD1)
    assert [(await net.send(VERIFIED)).reused for _ in range(2)] == [0, 0]
    assert server.connections == 2


async def test_idle_connections_say_goodbye(net: Net) -> None:
    """Kept for `idle_s`, not for ever."""
    net.pool = PoolLimits(idle_s=0.01)
    (server,) = await net.serve(GOOD1)
    await net.send(VERIFIED)
    async with asyncio.timeout(2):
        await server.heard("QUIT")
    assert (await net.send(VERIFIED)).reused == 0


async def test_close_says_goodbye(net: Net) -> None:
    """The gateway stops: kept connections end with QUIT."""
    (server,) = await net.serve(GOOD1)
    await net.send(VERIFIED)
    await net.transport.close()
    async with asyncio.timeout(2):
        await server.heard("QUIT")
    assert server.verbs()[-1] == "QUIT"


async def test_cancelled_delivery_leaves_no_connection_behind(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gateway stops, or a lease lapses: a session in the middle of a message is closed, and never used again."""
    closed: list[Connection] = []
    close = Connection.close

    def note(one: Connection) -> None:
        closed.append(one)
        close(one)

    monkeypatch.setattr(Connection, "close", note)
    (server,) = await net.serve([Script(tls=certificates.good(MX1), does={"DOT": Stall()}), GOOD1])
    task = asyncio.create_task(net.send(VERIFIED))
    await server.stalled.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(closed) == 1
    assert (await net.send(VERIFIED)).reused == 0
    assert (server.connections, len(server.messages)) == (2, 1)


async def test_nothing_that_is_logged_holds_content(net: Net) -> None:
    """KY-01: jobs and outcomes print without the message."""
    await net.serve(Script(does={"DOT": "550 5.6.0 no"}))
    outcome = await net.send(CLEAR)
    job = SendJob(domain="b.example", mail_from="", recipients=(), data=BODY, needs=CLEAR)
    assert "Marker" not in repr((job, outcome))


async def test_levels_do_not_share_connections(net: Net) -> None:
    """Invariant 1: a session that proved nothing never carries a protected message."""
    (server,) = await net.serve(GOOD1)
    await net.send(CLEAR)
    outcome = await net.send(VERIFIED)
    assert outcome.evidence is not None
    assert outcome.evidence.level is TlsLevel.VERIFIED
    assert server.connections == 2


async def test_destinations_do_not_wait_for_each_other(net: Net) -> None:
    """RX-10: a stalled destination fills its own slots only."""
    net.pool = PoolLimits(per_destination=1, overall=2)
    (stalled,) = await net.serve(Script(does={"BANNER": Stall()}))
    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(net.send(CLEAR)) for _ in range(5)]
        await stalled.stalled.wait()
        net.dns.hosts = {**net.dns.hosts, "mx9.c.example": ["127.0.0.9"]}
        net.dns.mx_records = {**net.dns.mx_records, "c.example": ["mx9.c.example"]}
        outcome = await net.send(CLEAR, "r@c.example", domain="c.example")
        for task in waiting:
            task.cancel()
    assert outcome.seen is Seen.DEFERRED  # nobody listens there, but it had its turn
    assert stalled.connections == 1


async def test_bare_line_ends_are_refused_before_connecting(net: Net) -> None:
    """SM-05: intake lets none in; if one got here all the same, it does not leave."""
    (server,) = await net.serve(GOOD1)
    outcome = await net.send(VERIFIED, data=b"A: b\r\n\r\nx\n.\r\n")
    assert (outcome.seen, server.connections) == (Seen.REJECTED, 0)


async def test_inbound_host_instead_of_mx(net: Net) -> None:
    """`domain.inbound`: DSNs and notices to our own senders."""
    first, second = await net.serve(GOOD1, GOOD2)
    outcome = await net.send(CLEAR, via=HostPort(MX2, second.port))
    assert (outcome.host, first.connections, len(second.messages)) == (MX2, 0, 1)


async def test_dsn_is_handed_to_who_does_it(net: Net) -> None:
    """RFC 3461 5.2.1, 5.2.2: RET, ENVID, NOTIFY and ORCPT as they came, and the outcome says who tells of success."""
    servers = await net.serve([Script(), Script(extensions=("8BITMIME",))])
    person = Recipient(address="r@b.example", notify=frozenset({Notify.SUCCESS}), orcpt="rfc822;old@b.example")
    job = SendJob(
        domain="b.example",
        mail_from="s@a.example",
        recipients=(person,),
        data=BODY,
        needs=CLEAR,
        envid="Q1",
        ret="FULL",
    )
    (outcome,) = await net.transport.send(job)
    assert (outcome.seen, outcome.does_dsn) == (Seen.DELIVERED, True)
    await net.transport.close()
    (outcome,) = await net.transport.send(job)
    assert (outcome.seen, outcome.does_dsn) == (Seen.DELIVERED, False)
    lines = [one.line for one in servers[0].commands if one.line[:4] in (b"MAIL", b"RCPT")]
    assert lines == [
        b"MAIL FROM:<s@a.example> SIZE=%d RET=FULL ENVID=Q1" % len(BODY),
        b"RCPT TO:<r@b.example> NOTIFY=SUCCESS ORCPT=rfc822;old@b.example",
        b"MAIL FROM:<s@a.example>",
        b"RCPT TO:<r@b.example>",
    ]
