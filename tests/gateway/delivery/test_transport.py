"""The transport against servers that misbehave: what it sees, and what it lets them see."""

from dataclasses import replace

import pytest

from gateway.delivery.needs import REPORT
from gateway.delivery.outcome import Seen
from tests.faulty import certificates
from tests.faulty.server import Alert, Babble, Close, Raw, Reaction, Reset, Script, Stall, Upgrade
from tests.gateway.delivery.conftest import BODY, CLEAR, VERIFIED, Net, limits_of
from tls.failures import TlsFailure
from tls.levels import TlsLevel
from tls.mta_sts.parse import Mode
from tls.requirement import Needs

MX1, MX2 = "mx1.b.example", "mx2.b.example"


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


@pytest.mark.parametrize("case", ["expired", "not yet valid", "self-signed", "unknown authority", "wrong name"])
async def test_a_refused_certificate_is_evidence(net: Net, case: str) -> None:
    """TL-03: the attempt that failed can be proved as well; on either loop."""
    script, failure = REFUSED[case]
    await net.serve(script)
    refused, taken = await net.send(VERIFIED), await net.send(CLEAR)
    assert refused.evidence is not None
    assert taken.evidence is not None
    assert refused.evidence == replace(taken.evidence, verification=failure.value)
    assert refused.hosts[0].evidence == refused.evidence


async def test_no_certificate_no_evidence(net: Net) -> None:
    await net.serve(REFUSED["no STARTTLS"][0])
    assert (await net.send(VERIFIED)).evidence is None


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
