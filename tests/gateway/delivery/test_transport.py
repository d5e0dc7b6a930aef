"""The transport against servers that misbehave: what it sees, and what it lets them see."""

import asyncio
from dataclasses import replace

import pytest

from gateway.config.values import HostPort
from gateway.delivery.job import SendJob
from gateway.delivery.needs import REPORT
from gateway.delivery.outcome import Seen
from gateway.delivery.pool import PoolLimits
from gateway.message.envelope import Notify, Recipient
from tests.faulty import certificates
from tests.faulty.server import Alert, Babble, Close, Drip, Raw, Reaction, Reset, Script, Stall, Turns, Upgrade
from tests.gateway.delivery.conftest import BODY, CLEAR, VERIFIED, Net, limits_of
from tls.failures import TlsFailure
from tls.levels import TlsLevel
from tls.mta_sts.parse import Mode
from tls.requirement import Needs

MX1, MX2 = "mx1.b.example", "mx2.b.example"
MANY = ("a@b.example", "b@b.example", "c@b.example")


async def test_protected_mail_leaves_over_verified_tls(net: Net) -> None:
    """Invariant 1, with the evidence that the audit keeps."""
    (server,) = await net.serve(Script(tls=certificates.good(MX1)))
    outcome = await net.send(VERIFIED)
    assert outcome.seen is Seen.DELIVERED, outcome
    assert outcome.reply == "250 2.0.0 taken"
    assert (outcome.host, outcome.ip, outcome.port) == (MX1, "127.0.0.1", server.port)
    assert outcome.evidence is not None
    assert outcome.evidence.version == "TLSv1.3"
    assert outcome.evidence.cipher.startswith("TLS_")
    assert len(outcome.evidence.fingerprint) == 64
    assert outcome.evidence.verification == "webpki, MX unsigned"
    (message,) = server.messages
    assert (message.mail_from, message.recipients, message.data) == ("s@a.example", ["r@b.example"], BODY)
    assert message.tls == "TLSv1.3"
    assert {line.split(b" ")[0] for line in server.in_clear()} == {b"EHLO", b"STARTTLS"}


@pytest.mark.slow
@pytest.mark.parametrize("data", [b"A: b\r\n\r\n" + b"x" * 998 + b"\r\n", b"A: b\r\n\r\n" + b".....\r\n" * 100_000])
async def test_large_message_arrives_byte_for_byte(net: Net, data: bytes) -> None:
    """SM-08: many blocks, prepared off the loop."""
    (server,) = await net.serve(Script(tls=certificates.good(MX1)))
    assert (await net.send(VERIFIED, data=data)).seen is Seen.DELIVERED
    assert server.messages[0].data == data


REFUSED = {
    "no STARTTLS": (Script(), TlsFailure.NOT_OFFERED),
    "HELO only": (Script(does={"EHLO": "502 5.5.1 what?"}), TlsFailure.NOT_OFFERED),
    "502 to STARTTLS": (Script(tls=certificates.good(MX1), does={"STARTTLS": "502 no"}), TlsFailure.STARTTLS_REFUSED),
    "expired": (Script(tls=certificates.expired(MX1)), TlsFailure.EXPIRED),
    "not yet valid": (Script(tls=certificates.not_yet_valid(MX1)), TlsFailure.NOT_YET_VALID),
    "self-signed": (Script(tls=certificates.self_signed(MX1)), TlsFailure.SELF_SIGNED),
    "unknown authority": (Script(tls=certificates.of_unknown_authority(MX1)), TlsFailure.UNKNOWN_CA),
    "wrong name": (Script(tls=certificates.good("b.example")), TlsFailure.WRONG_NAME),
    "wildcard two labels": (Script(tls=certificates.good("*.example")), TlsFailure.WRONG_NAME),
    "IP only": (Script(tls=certificates.good("127.0.0.1")), TlsFailure.WRONG_NAME),
    "TLS 1.1 only": (Script(tls=certificates.good(MX1), does={"STARTTLS": Alert(70)}), TlsFailure.OLD_VERSION),
    "weak ciphers": (Script(tls=certificates.good(MX1), does={"STARTTLS": Alert(40)}), TlsFailure.OLD_VERSION),
}
UNCERTAIN: dict[str, tuple[Reaction, TlsFailure]] = {
    "454": ("454 4.7.0 later", TlsFailure.STARTTLS_DEFERRED),
    "354": ("354 go on", TlsFailure.BROKEN_HANDSHAKE),
    "garbage": (Babble(), TlsFailure.BROKEN_HANDSHAKE),
    "injected": (Upgrade(b"250 AUTH\r\n"), TlsFailure.INJECTED),
    "reset": (Reset(), TlsFailure.BROKEN_HANDSHAKE),
    "closed": (Close(), TlsFailure.BROKEN_HANDSHAKE),
    "reset in the handshake": (("220 go", Reset()), TlsFailure.BROKEN_HANDSHAKE),
    "no reply at all": (Raw(b"what\r\n"), TlsFailure.BROKEN_HANDSHAKE),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_definitive_refusal_of_tls(net: Net, case: str) -> None:
    """TL-01, TL-03, TL-04: nothing of the message leaves, and the reason is told."""
    script, failure = REFUSED[case]
    (server,) = await net.serve(script)
    outcome = await net.send(VERIFIED)
    assert (outcome.seen, outcome.hosts[0].tls_failure) == (Seen.TLS_REFUSED, failure)
    assert outcome.why == f"{MX1} {failure.words}"
    assert "MAIL" not in server.verbs()


@pytest.mark.parametrize("case", UNCERTAIN)
async def test_uncertain_failure_of_tls(net: Net, case: str) -> None:
    """TL-01, TL-02: an accident or an attack; nothing of the message leaves."""
    reaction, failure = UNCERTAIN[case]
    (server,) = await net.serve(Script(tls=certificates.good(MX1), does={"STARTTLS": reaction}))
    outcome = await net.send(VERIFIED)
    assert (outcome.seen, outcome.hosts[0].tls_failure) == (Seen.TLS_UNCERTAIN, failure)
    assert "MAIL" not in server.verbs()


@pytest.mark.parametrize("reaction", [Stall(), ("220 go", Stall())], ids=["STARTTLS", "handshake"])
async def test_stalled_tls_is_uncertain(net: Net, reaction: Reaction) -> None:
    """OB-07: the slot is freed by the time limit of the phase."""
    net.limits = limits_of(0.1)
    (server,) = await net.serve(Script(tls=certificates.good(MX1), does={"STARTTLS": reaction}))
    assert (await net.send(VERIFIED)).seen is Seen.TLS_UNCERTAIN
    assert "MAIL" not in server.verbs()


@pytest.mark.parametrize("case", ["expired", "self-signed", "wrong name"])
async def test_encrypted_needs_tls_and_no_name(net: Net, case: str) -> None:
    """`portal.code_channel = "encrypted"`: unauthenticated TLS, and never clear."""
    (server,) = await net.serve(REFUSED[case][0])
    outcome = await net.send(Needs(level=TlsLevel.ENCRYPTED))
    assert outcome.seen is Seen.DELIVERED
    assert outcome.evidence is not None
    assert outcome.evidence.verification == "unauthenticated"
    assert server.messages[0].tls


async def test_encrypted_never_leaves_in_clear(net: Net) -> None:
    """`portal.code_channel`: never clear."""
    (server,) = await net.serve(Script())
    assert (await net.send(Needs(level=TlsLevel.ENCRYPTED))).seen is Seen.TLS_REFUSED
    assert "MAIL" not in server.verbs()


@pytest.mark.parametrize("case", ["expired", "self-signed", "unknown authority", "wrong name"])
async def test_opportunistic_does_not_check_certificates(net: Net, case: str) -> None:
    """RFC 7435: an unprotected message takes the TLS that there is."""
    (server,) = await net.serve(REFUSED[case][0])
    outcome = await net.send(CLEAR)
    assert outcome.seen is Seen.DELIVERED
    assert outcome.evidence is not None
    assert outcome.evidence.verification == "unauthenticated"
    assert server.messages[0].tls == "TLSv1.3"


@pytest.mark.parametrize("case", ["no STARTTLS", "HELO only", "502 to STARTTLS"])
async def test_opportunistic_without_tls_goes_on_in_the_same_session(net: Net, case: str) -> None:
    """The ladder: none offered, so an unprotected message leaves in clear, and the outcome says so."""
    script, failure = REFUSED[case]
    (server,) = await net.serve(script)
    outcome = await net.send(CLEAR)
    assert (outcome.seen, outcome.evidence) == (Seen.DELIVERED, None)
    assert outcome.why == f"{MX1} took the message in clear, since it {failure.words}"
    assert server.connections == 1


@pytest.mark.parametrize("case", UNCERTAIN)
async def test_opportunistic_after_a_failed_handshake_takes_a_new_session(net: Net, case: str) -> None:
    """The ladder: never on in the broken one."""
    reaction, _ = UNCERTAIN[case]
    (server,) = await net.serve(Script(tls=certificates.good(MX1), does={"STARTTLS": reaction}))
    outcome = await net.send(CLEAR)
    assert (outcome.seen, outcome.evidence) == (Seen.DELIVERED, None)
    assert server.messages[0].tls == ""
    assert server.messages[0].connection == (1 if case == "454" else 2)


@pytest.mark.parametrize("case", ["TLS 1.1 only", "weak ciphers"])
async def test_old_tls_is_no_tls_for_anybody(net: Net, case: str) -> None:
    """TL-04: an unprotected message goes in clear, in a new session, rather than over what is only called TLS."""
    (server,) = await net.serve(REFUSED[case][0])
    assert (await net.send(CLEAR)).evidence is None
    assert server.messages[0].tls == ""


GOOD1, GOOD2 = Script(tls=certificates.good(MX1)), Script(tls=certificates.good(MX2))
BUSY = Script(does={"BANNER": "421 4.3.2 busy"})


async def test_every_mx_has_to_meet_the_policy(net: Net) -> None:
    """TL-06: MX1 is dead, MX2 has no TLS: no downgrade, and no certainty either."""
    _ = await net.serve(None, Script())
    outcome = await net.send(VERIFIED)
    assert outcome.seen is Seen.TLS_UNCERTAIN
    assert "MAIL" not in net.servers[0].verbs()


@pytest.mark.parametrize(
    ("first", "second", "seen"),
    [
        (Script(), Script(), Seen.TLS_REFUSED),
        (Script(), REFUSED["wrong name"][0], Seen.TLS_REFUSED),
        (Script(), GOOD2, Seen.DELIVERED),
        (BUSY, Script(), Seen.TLS_UNCERTAIN),
        (BUSY, GOOD2, Seen.DELIVERED),
        (BUSY, BUSY, Seen.DEFERRED),
        (Script(tls=certificates.good(MX1), does={"STARTTLS": "454 no"}), Script(), Seen.TLS_UNCERTAIN),
    ],
)
async def test_hosts_fold_into_one(net: Net, first: Script, second: Script, seen: Seen) -> None:
    """TL-06: refused only when every MX refused for certain; the next MX is tried after everything else."""
    await net.serve(first, second)
    outcome = await net.send(VERIFIED)
    assert outcome.seen is seen
    assert [result.host for result in outcome.hosts] == [MX1, MX2]


async def test_a_domain_that_had_tls_and_offers_none_is_an_alarm(net: Net) -> None:
    """TL-07: stripped, not refused; a bad certificate cannot be made by stripping."""
    (server,) = await net.serve([Script(), REFUSED["expired"][0]])
    assert (await net.send(VERIFIED, tls_seen=True)).seen is Seen.TLS_DOWNGRADED
    assert (await net.send(VERIFIED, tls_seen=True)).seen is Seen.TLS_REFUSED
    assert "MAIL" not in server.verbs()


async def test_unvouched_mx_is_not_even_asked(net: Net) -> None:
    """`tls.unsigned_mx = "climb"`: WebPKI does not count for a name that only DNS tells."""
    (server,) = await net.serve(GOOD1)
    outcome = await net.send(replace(VERIFIED, is_vouched=True))
    assert (outcome.seen, outcome.hosts[0].tls_failure) == (Seen.TLS_REFUSED, TlsFailure.UNVOUCHED_MX)
    assert server.connections == 0


async def test_configured_host_is_vouched_for(net: Net) -> None:
    """`delivery.route.host` names the host, so the evidence says so."""
    (server,) = await net.serve(GOOD1)
    net.delivery = {"route": [{"domain": "b.example", "host": MX1, "port": server.port}]}
    outcome = await net.send(replace(VERIFIED, is_vouched=True))
    assert outcome.evidence is not None
    assert outcome.evidence.verification == "webpki, host configured"


async def test_route_binds_unprotected_mail_but_no_notice(net: Net) -> None:
    """`tls = "verified"` asks it of all mail; a content-free notice may go past (RFC 8689 section 3)."""
    (server,) = await net.serve(Script())
    net.delivery = {"route": [{"domain": "b.example", "port": server.port, "tls": "verified"}]}
    assert (await net.send(CLEAR)).seen is Seen.TLS_REFUSED
    assert (await net.send(replace(CLEAR, is_content_free=True))).seen is Seen.DELIVERED


@pytest.mark.parametrize(("attested", "seen"), [(True, Seen.DELIVERED), (False, Seen.NOT_REQUIRETLS)])
async def test_smart_host_proves_one_hop(net: Net, attested: bool, seen: Seen) -> None:
    """The ladder: without attestation or REQUIRETLS there is no rung tls through a smart host."""
    (server,) = await net.serve(GOOD1)
    net.delivery = {"smart_host": f"{MX1}:{server.port}", "smart_host_attested": attested}
    assert (await net.send(VERIFIED)).seen is seen
    assert (await net.send(CLEAR)).seen is Seen.DELIVERED


async def test_smart_host_that_honours_requiretls(net: Net) -> None:
    """RFC 8689: then the duty travels on, in the MAIL command."""
    (server,) = await net.serve(Script(tls=certificates.good(MX1), extensions=("REQUIRETLS",)))
    net.delivery = {"smart_host": f"{MX1}:{server.port}"}
    assert (await net.send(VERIFIED)).seen is Seen.DELIVERED
    assert b"MAIL FROM:<s@a.example> REQUIRETLS" in [command.line for command in server.commands]


async def test_requiretls_where_it_is_not_offered(net: Net) -> None:
    """TL-27: also for an unprotected message."""
    (server,) = await net.serve(GOOD1)
    net.publish_sts(Mode.ENFORCE, MX1)
    outcome = await net.send(Needs(level=TlsLevel.NONE, requiretls=True))
    assert (outcome.seen, outcome.reply[:10]) == (Seen.NOT_REQUIRETLS, "550 5.7.30")
    assert "MAIL" not in server.verbs()


async def test_requiretls_where_anybody_may_have_named_the_host(net: Net) -> None:
    """TL-27, RFC 8689 4.2.1: only behind DNSSEC or MTA-STS, however willing the server is."""
    willing = Script(tls=certificates.good(MX1), extensions=("REQUIRETLS",))
    (server,) = await net.serve(willing)
    outcome = await net.send(Needs(level=TlsLevel.NONE, requiretls=True))
    assert (outcome.seen, outcome.hosts[0].tls_failure) == (Seen.TLS_REFUSED, TlsFailure.UNVOUCHED_MX)
    assert server.connections == 0


async def test_requiretls_where_it_is_kept(net: Net) -> None:
    """TL-27: and it is handed on."""
    (server,) = await net.serve(Script(tls=certificates.good(MX1), extensions=("REQUIRETLS",)))
    net.publish_sts(Mode.ENFORCE, MX1)
    assert (await net.send(Needs(level=TlsLevel.NONE, requiretls=True))).seen is Seen.DELIVERED
    assert any(b"REQUIRETLS" in one.line for one in server.commands if one.line.startswith(b"MAIL"))


@pytest.mark.parametrize("offered", [(), ("REQUIRETLS",)], ids=["not offered", "offered"])
async def test_a_wish_for_requiretls(net: Net, offered: tuple[str, ...]) -> None:
    """TL-27, RFC 8689 section 5: a notice about a REQUIRETLS message asks for the same, and is delivered anyhow."""
    (server,) = await net.serve(Script(tls=certificates.good(MX1), extensions=offered))
    assert (await net.send(REPORT)).seen is Seen.DELIVERED
    (mail,) = (one.line for one in server.commands if one.line.startswith(b"MAIL"))
    assert (b"REQUIRETLS" in mail) is bool(offered)


async def test_a_report_about_requiretls_goes_past_no_policy(net: Net) -> None:
    """TL-27: it does not say `TLS-Required: No`, so it is bound as other mail is."""
    (server,) = await net.serve(Script(tls=certificates.good(MX1), extensions=("REQUIRETLS",)))
    net.publish_sts(Mode.ENFORCE, "mx9.b.example")
    assert (await net.send(REPORT)).seen is Seen.TLS_MISMATCH
    assert server.connections == 0


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


async def test_cancelled_delivery_leaves_no_connection_behind(net: Net) -> None:
    """The gateway stops, or a lease lapses: a session in the middle of a message is never used again."""
    (server,) = await net.serve([Script(tls=certificates.good(MX1), does={"DOT": Stall()}), GOOD1])
    task = asyncio.create_task(net.send(VERIFIED))
    await server.stalled.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
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
