"""From the last dot to the 250: what is refused, what is kept, and that nothing is promised before it is durable."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.audit.search import Query, search
from gateway.inspect.inspector import UNREAD, NoInspector
from gateway.inspect.screened import Infected, Unscannable
from gateway.inspect.wire import unpack_report
from gateway.message.entry import EntryState, MessageKind
from gateway.message.verdict import REPLIES, Accepted, Verdict
from gateway.store import certificates, queue
from gateway.store.certificates import Certificate
from gateway.store.errors import StoreClosed, StoreFull, StoreSick
from gateway.store.statements import Unit
from gateway.store.store import Store
from policy.decision import Method
from policy.phi.report import Finding, Kind, Place, Report
from tests.gateway.config.samples import settings
from tests.gateway.delivery.trouble import BadDisk
from tests.gateway.pipeline.counter import CLEAN, RECIPIENT, SENDER, Counter, letter
from tests.gateway.store.parts import files_of

ONLY_OPENPGP = '[delivery]\nmethods = ["openpgp"]\n'


# --- accepted means durable ---


async def test_an_accepted_message_is_queued_sealed_and_logged(store: Store, tmp_path: Path) -> None:
    """Invariants 2 and 4: entry, events, report and content, none of it readable on the disk."""
    finding = Finding(kind=Kind.SSN, masked="***-**-6789", place=Place(part="1"), certainty=0.9, why="a cue before it")
    counter = Counter(store, Report(phi=True, score=0.9, findings=(finding,)))
    queue_id = await counter.accept(letter(b"Subject: Secret subject", body=b"Marker of content\r\n"))
    (entry,) = await counter.entries(queue_id)
    assert (entry.state, entry.protected, entry.recipient) == (EntryState.QUEUED, True, RECIPIENT)
    assert unpack_report(await queue.load_report(store, queue_id)).findings == (finding,)
    assert counter.scheduler.in_hand == 1, "delivered from memory"
    for path in files_of(tmp_path):
        for secret in (b"Marker of content", b"Secret subject", b"***-**-6789"):
            assert secret not in path.read_bytes(), path.name


async def test_the_log_has_one_acceptance_and_a_decision_for_each_recipient(store: Store) -> None:
    """AU-06: counts of findings and the trace in words, never a value."""
    counter = Counter(store)
    queue_id = await counter.accept(letter(), "a@b.example", "c@d.example")
    accepted, *decided = await counter.events()
    assert (accepted.kind, accepted.queue_id, accepted.data["recipients"]) == ("message.accepted", queue_id, 2)
    assert (accepted.data["login"], accepted.data["tls_version"]) == (SENDER, "TLSv1.3")
    assert [(event.kind, event.recipient) for event in decided] == [
        ("message.decided", "a@b.example"),
        ("message.decided", "c@d.example"),
    ]
    assert decided[0].data["trace"]


async def test_accepted_comes_after_the_commit(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Invariant 2: while the transaction is under way there is no 250 and no delivery."""
    counter, reached, gate = Counter(store), asyncio.Event(), asyncio.Event()
    commit = store.commit

    async def slow(unit: Unit) -> None:
        reached.set()
        await gate.wait()
        await commit(unit)

    monkeypatch.setattr(store, "commit", slow)
    submitting = asyncio.create_task(counter.submit(letter()))
    await reached.wait()
    assert not submitting.done()
    assert counter.scheduler.in_hand == 0
    gate.set()
    assert isinstance(await submitting, Accepted)


class Busy(StoreSick):
    """As a backend may raise it: narrower than what the table names."""


@pytest.mark.parametrize(
    ("trouble", "verdict", "code"),
    [
        (StoreFull(), Verdict.STORE_FULL, 452),
        (StoreSick(), Verdict.STORE_SICK, 451),
        (Busy(), Verdict.STORE_SICK, 451),
        (StoreClosed(), Verdict.SHUTTING_DOWN, 421),
    ],
)
async def test_a_store_that_refuses_is_a_verdict(
    store: Store, monkeypatch: pytest.MonkeyPatch, trouble: Exception, verdict: Verdict, code: int
) -> None:
    """QD-06, QD-07: the client keeps the message."""
    counter = Counter(store)

    async def refuse(_unit: Unit) -> None:
        raise trouble

    monkeypatch.setattr(store, "commit", refuse)
    assert await counter.submit(letter()) is verdict
    assert REPLIES[verdict].code == code
    assert counter.scheduler.in_hand == 0
    assert b"mailward_policy_decisions_total{" not in counter.metrics.page()


async def test_a_narrower_fault_is_known_before_data(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """QD-06: the reply is the store's 451, not that of a bug."""
    monkeypatch.setattr(Store, "fault", property(lambda _store: Busy()))
    assert Counter(store).pipeline.may_accept() is Verdict.STORE_SICK


async def test_a_failing_disk_leaves_nothing_behind(store: Store) -> None:
    """QD-06, AU-08: neither entry nor event; asked before DATA it says so at once."""
    counter = Counter(store)
    assert counter.pipeline.may_accept() is None
    disk = BadDisk(store)
    await disk.break_()
    assert counter.pipeline.may_accept() is Verdict.STORE_SICK
    assert await counter.submit(letter()) is Verdict.STORE_SICK
    assert await counter.everything() == ()
    assert await counter.events() == []


# --- who may write as whom ---


@pytest.mark.parametrize(
    ("author", "login", "is_fine"),
    [
        (SENDER, SENDER, True),
        ("Nurse@clinic.example", SENDER, True),
        ("boss@clinic.example", SENDER, False),
        ("Boss <boss@clinic.example>", SENDER, False),
        ("anybody@clinic.example", "", True),
        ("anybody@elsewhere.example", "", False),
        ("anybody@sub.clinic.example", "", False),
    ],
)
@pytest.mark.parametrize("sender", [SENDER, ""], ids=["sender", "null sender"])
async def test_the_author_is_who_signed_in(store: Store, author: str, login: str, is_fine: bool, sender: str) -> None:
    """ID-02, ID-03, ID-04, ID-07: From is held against the login; a trusted network writes for our domains only."""
    answer = await Counter(store).submit(letter(author=author), login=login, sender=sender)
    assert isinstance(answer, Accepted) if is_fine else answer is Verdict.FROM_NOT_YOURS, answer


BOSS = "boss@clinic.example"
LAB = frozenset({SENDER, BOSS, "*@lab.example", "<>"})


@pytest.mark.parametrize(
    ("author", "fields", "senders", "is_fine"),
    [
        (SENDER, [f"Sender: {SENDER}"], None, True),
        (SENDER, [f"Sender: {BOSS}"], None, False),
        (SENDER, [f"Sender: {SENDER}", f"Sender: {BOSS}"], None, False),
        (SENDER, [f"Resent-From: {BOSS}"], None, False),
        (SENDER, [f"Resent-Sender: {BOSS}", f"Resent-From: {SENDER}"], None, False),
        (SENDER, ["Sender: nobody"], LAB, False),
        (SENDER, [f"Sender: {SENDER}, {BOSS}"], LAB, False),
        (BOSS, [f"Sender: {SENDER}"], None, False),
        (BOSS, [f"Sender: {SENDER}"], LAB, True),
        ("Boss <Boss@clinic.example>", [], LAB, True),
        ("x@lab.example", [], LAB, False),
    ],
)
@pytest.mark.parametrize("login", [SENDER, "ehr-1"])
async def test_whoever_stands_in_the_header_is_allowed(
    store: Store, author: str, fields: list[str], senders: frozenset[str] | None, login: str, is_fine: bool
) -> None:
    """ID-04, ID-05: From, Sender and resent fields, for people with delegations and for programs alike, and always
    within our domains."""
    data = letter(*(field.encode() for field in fields), author=author)
    allowed = senders or frozenset({SENDER})
    answer = await Counter(store).submit(data, login=login, senders=allowed)
    assert isinstance(answer, Accepted) if is_fine else answer is Verdict.FROM_NOT_YOURS, answer
    assert REPLIES[Verdict.FROM_NOT_YOURS].code == 553


@pytest.mark.parametrize(
    "header",
    [
        f"From: {SENDER}\r\nFrom: {BOSS}",
        f"From: {BOSS}\r\nFrom: {SENDER}",
        f"From: {SENDER}\r\n From: {BOSS}\r\nFrom: {BOSS}",
        f"From : {BOSS}\r\nFrom: {SENDER}",
        f"From\r\n : {BOSS}\r\nFrom: {SENDER}",
        f"\x00From: {BOSS}\r\nFrom: {SENDER}",
        f"From:\x00 {SENDER}",
        f"From: {SENDER}\x00, {BOSS}",
        f"From: {BOSS}, {SENDER}",
        f"From: {SENDER} {BOSS}",
        f"From: <{SENDER}> <{BOSS}>",
        f"From: <{SENDER}>{BOSS}",
        f"From: {BOSS} <{SENDER}>",
        f'From: "{BOSS}" <{SENDER}>',
        f"From: <@{BOSS}:{SENDER}>",
        f"From: <@a.example,@b.example:{SENDER}>",
        f"From: group: {SENDER};",
        f"From: (<{BOSS}>\r\n) {SENDER}",
        "From: =?utf-8?B?Ym9zc0BjbGluaWMuZXhhbXBsZQ==?=",
        f"From: =?utf-8?B?Ym9zc0BjbGluaWMuZXhhbXBsZQ==?= <{SENDER}>",
        "From: <nurse\\@clinic.example>",
        'From: "nurse\\@clinic.example"@clinic.example',
        f"From: {BOSS}",
        f"from: {SENDER}\r\nFROM: {BOSS}",
        f"Subject: x\r\n\r\nFrom: {SENDER}",
    ],
)
async def test_no_trick_makes_an_author_of_somebody_else(store: Store, header: str) -> None:
    """ID-05, ID-06: after espoofer (Chen, Paxson, Jiang, USENIX Security 2020): what two readers could read as two
    authors is refused, whatever the login may send as."""
    counter = Counter(store, AssertionError("not to be inspected"))
    answer = await counter.submit(header.encode() + b"\r\n\r\nHello\r\n")
    assert answer in {Verdict.BAD_FROM, Verdict.BAD_HEADER, Verdict.FROM_NOT_YOURS}
    assert REPLIES[answer].code in {550, 553}


@pytest.mark.parametrize(
    ("data", "verdict"),
    [
        (letter(b"From: boss@clinic.example"), Verdict.BAD_FROM),
        (letter(author=f"{SENDER}, boss@clinic.example"), Verdict.BAD_FROM),
        (letter(author=f'"{SENDER}" <boss@clinic.example>'), Verdict.BAD_FROM),
        (letter(b"From : boss@clinic.example"), Verdict.BAD_HEADER),
        (letter(*[b"Received: by x; now"] * 50), Verdict.TOO_MANY_HOPS),
        (letter(b"Received: from a by gw.clinic.example; now"), Verdict.TOO_MANY_HOPS),
        (b"", Verdict.BAD_HEADER),
    ],
    ids=["two From", "two authors", "an address as name", "blank before colon", "50 hops", "our own name", "nothing"],
)
async def test_headers_that_are_refused(store: Store, data: bytes, verdict: Verdict) -> None:
    """ID-05, ID-06, MP-07, SM-20: before anything is inspected or stored."""
    counter = Counter(store, AssertionError("not to be inspected"))
    assert await counter.submit(data) is verdict
    assert await counter.everything() == ()


# --- inspection and decision ---


async def test_without_an_inspector_the_client_keeps_the_message(store: Store) -> None:
    """Invariant 5: 451, never unread into the queue."""
    counter = Counter(store, NoInspector())
    assert await counter.submit(letter()) is Verdict.NO_INSPECTOR
    assert REPLIES[Verdict.NO_INSPECTOR].code == 451
    assert await counter.everything() == ()


@pytest.mark.parametrize(
    ("why", "verdict"), [(Infected("Eicar"), Verdict.INFECTED), (Unscannable("yEnc"), Verdict.UNSCANNABLE)]
)
async def test_what_the_scanner_stops_is_refused_and_on_record(why: Exception, verdict: Verdict, store: Store) -> None:
    """AB-10: for good; nothing of it is kept but that, and the client does not hear what was found."""
    counter = Counter(store, why)
    assert await counter.submit(letter()) is verdict
    assert REPLIES[verdict].code == 554
    assert str(why) not in str(REPLIES[verdict])
    assert await counter.everything() == ()
    async with store.read() as conn:
        (found,) = await search(conn, Query(kind="message.infected"))
    assert (found.event.data["found"], found.event.data["sender"]) == (str(why), SENDER)


async def test_what_killed_its_inspectors_is_protected(store: Store) -> None:
    """MP-15."""
    counter = Counter(store, UNREAD)
    (entry,) = await counter.entries(await counter.accept(letter()))
    assert entry.protected


async def test_a_clean_message_is_free(store: Store) -> None:
    counter = Counter(store, CLEAN)
    (entry,) = await counter.entries(await counter.accept(letter()))
    assert (entry.protected, entry.methods) == (False, (Method.TLS,))


async def test_requiretls_protects_and_stays_with_the_entry(store: Store) -> None:
    """RFC 8689, TL-27."""
    counter = Counter(store, CLEAN)
    (entry,) = await counter.entries(await counter.accept(letter(), requiretls=True))
    assert (entry.protected, entry.requiretls) == (True, True)


@pytest.mark.parametrize("sender", [SENDER, ""], ids=["sender", "null sender"])
async def test_held_mail_tells_its_sender_in_the_same_transaction(store: Store, sender: str) -> None:
    """Invariants 3 and 5: no method is left, so a person decides, and the sender is told at once."""
    counter = Counter(store, settings=settings(ONLY_OPENPGP))
    queue_id = await counter.accept(letter(), "a@b.example", "c@d.example", sender=sender)
    assert await counter.states(queue_id) == [EntryState.HELD, EntryState.HELD]
    assert len(await counter.events("message.held")) == 2
    notices = await counter.own(MessageKind.SENDER_NOTICE)
    assert [notice.recipient for notice in notices] == ([SENDER] if sender else [])
    assert counter.scheduler.in_hand == len(notices), "what is held is not delivered"
    if notices:
        body = await counter.kept(notices[0].queue_id)
        assert queue_id.encode() in body
        assert b"a@b.example" in body


async def test_recipients_of_one_message_get_decisions_of_their_own(store: Store) -> None:
    """CR-02: a key for one of three; nobody's copy leaves by another's ladder."""
    key = Certificate(fingerprint="A" * 40, address="b@b.example", certificate=b"x", imported_at=datetime.now(UTC))
    await certificates.add(store, key, events=())
    route = '[[delivery.route]]\ndomain = "d.example"\nmethods = ["tls"]\n'
    counter = Counter(store, settings=settings('[delivery]\nmethods = ["openpgp"]\n' + route))
    queue_id = await counter.accept(letter(), "a@b.example", "b@b.example", "c@d.example")
    entries = await counter.entries(queue_id)
    assert [entry.state for entry in entries] == [EntryState.HELD, EntryState.QUEUED, EntryState.QUEUED]
    assert [entry.methods for entry in entries] == [(), (Method.OPENPGP,), (Method.TLS,)]
    assert [event.recipient for event in await counter.events("message.held")] == ["a@b.example"]


async def test_keys_that_come_and_go_count_for_the_next_message(store: Store) -> None:
    """What is kept in memory is never older than the register (CR-01)."""
    counter = Counter(store, settings=settings(ONLY_OPENPGP))
    key = Certificate(fingerprint="A" * 40, address=RECIPIENT, certificate=b"x", imported_at=datetime.now(UTC))
    seen = [await counter.states(await counter.accept(letter()))]
    await certificates.add(store, key, events=())
    seen.append(await counter.states(await counter.accept(letter())))
    await certificates.forget(store, key.fingerprint, events=())
    seen.append(await counter.states(await counter.accept(letter())))
    assert seen == [[EntryState.HELD], [EntryState.QUEUED], [EntryState.HELD]]
