"""Actions of rules on a running gateway, through SMTP: misaddressed mail, texts and masks, archives, two approvers."""

import re
import smtplib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, Final

import dkim
import httpx2
import pytest

from gateway.control.asker import asker_here
from tests.e2e.dkim_keys import dns_of
from tests.e2e.installation import USER, Installation
from tests.e2e.letters import new_marker, plain
from tests.e2e.submit import hand_in, submit
from tests.e2e.waiting import until
from tests.e2e.world import World

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

ADDRESS: Final = "Clinic A, 1 Main Street, Springfield, IL 62701"
RULES: Final = [
    {"name": "two", "when": "recipients.count == 2", "action": "hold", "approvers": 2},
    {
        "name": "mask",
        "when": 'purpose == "payment"',
        "action": "allow",
        "redact": ["ssn"],
        "disclaimer": "Confidential.",
    },
    {"name": "keep", "when": 'purpose == "operations"', "action": "allow", "journal": "all@archive.example"},
    {"name": "claims", "when": 'recipient.domain == "claims.example"', "action": "allow", "redact": ["ssn"]},
]
MERGED: Final = 1000
RIGHT: Final = 4
AT_ONCE: Final = 4
Person = tuple[str, str, str, str]  # number, name, birth date, address


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, world: World) -> Iterator[Installation]:
    """Its submission listener believes control fields; a system without a login may send as much as it likes."""
    made = Installation(tmp_path_factory.mktemp("actions") / "installation", world)
    listeners = made._document()["listener"]
    listeners[0]["control_headers"] = True
    is_anonymous = asker_here().is_shared  # a machine without a login session: there names are all that is known
    made.write_config(
        {
            "listener": listeners,
            "policy": {"packs": ["misaddressed"], "rule": RULES, "approvers_by_name": is_anonymous},
            "commercial": {"postal_address": ADDRESS},
            "brake": {f"relay_{what}_per_hour": 10**6 for what in ("messages", "recipients", "phi")},
        }
    )
    try:
        made.add_user()
        made.start()
        yield made
    finally:
        made.close()


def letter(marker: str, *, to: str, purpose: str, text: str = "") -> EmailMessage:
    message = plain(marker, to=to)
    message.set_content(f"{text}\n\n{marker}\n")
    message["X-Mailward-Purpose"] = purpose
    return message


def states(gateway: Installation, queue_id: str) -> list[tuple[str, str]]:
    rows: list[dict[str, Any]] = [row for row in gateway.queue() if row["queue_id"] == queue_id]
    return [(row["recipient"], row["queue_name"]) for row in rows]


def test_a_shifted_mail_merge_of_a_thousand_is_held(gateway: Installation, world: World, tmp_path: Path) -> None:
    """45 CFR 164.402: each letter names one patient and goes to the next one's address: all are held, none of the
    right ones is. From the null reverse path, as systems send that want no answers: a thousand notices are no test.
    """
    hop, patients = world.add_good("patients.example"), tmp_path / "patients.csv"
    people = [
        (f"MRN-77{n:05}", f"{_word(n)} {_word(n * 7 + 3)}", f"19{40 + n % 50}-03-1{n % 10}", f"p{n}@patients.example")
        for n in range(MERGED)
    ]
    patients.write_text("patient,name,birth_date,addresses\n" + "".join(f"{','.join(one)}\n" for one in people))
    done = gateway.run("patients", "bind", patients)
    assert done.returncode == 0, done.stderr
    with merging(gateway) as client:
        for one in people[:RIGHT]:
            hand_in(client, merged(one, to=one[-1]), to=[one[-1]], sender="")
    for number, *_, own in people[:RIGHT]:
        assert hop.wait_for(number[4:].encode()).recipients == (own,)

    def send(some: Sequence[tuple[Person, Person]]) -> None:
        with merging(gateway) as client:
            for one, (*_, to) in some:
                hand_in(client, merged(one, to=to), to=[to], sender="")

    shifted = list(zip(people, [*people[1:], people[0]], strict=True))
    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(send, [shifted[start::AT_ONCE] for start in range(AT_ONCE)]))
    held = gateway.run("queue", "list", "--domain", "patients.example", "--state", "held", "--json").stdout
    assert len(held.splitlines()) == MERGED
    assert len(hop.arrivals) == RIGHT
    events = gateway.events(kind="message.held")
    why = {event["data"]["why"] for event in events if event["recipient"].endswith("@patients.example")}
    assert why == {"rule misaddressed/other-patient"}


def merged(one: Person, *, to: str) -> bytes:
    """The letter about this patient."""
    number, name, born, _ = one
    text = f"Patient: {name}, DOB: {born}, MRN: {number[4:]}. Hemoglobin A1c 9.1, diabetes."
    return f"From: recall@clinic.example\r\nTo: {to}\r\nSubject: Your result\r\n\r\n{text}\r\n".encode()


@contextmanager
def merging(gateway: Installation) -> Iterator[smtplib.SMTP]:
    """A session of the system that merges."""
    with smtplib.SMTP("127.0.0.1", gateway.ports.relay, timeout=60) as client:
        client.ehlo()
        yield client


def _word(number: int) -> str:
    """A name made of syllables, another one for each number below 1,000."""
    syllables = ("ba", "de", "fi", "go", "ku", "la", "me", "ni", "po", "ru")
    return "".join(syllables[int(digit)] for digit in f"{number % 1000:03}").capitalize()


def test_what_is_masked_and_put_below_is_signed(gateway: Installation, world: World) -> None:
    """The recipient reads neither the number nor an unsigned word; treatment mail goes as it was written."""
    hop, masked, whole = world.add_good("payer.example"), new_marker(), new_marker()
    text = "Claim of SSN: 219-09-9987 was paid."
    submit(gateway, letter(masked, to="a@payer.example", purpose="payment", text=text), to=["a@payer.example"])
    found = hop.wait_for(masked.encode()).content
    assert b"219-09-9987" not in found
    assert b"[ssn removed]" in found
    assert b"Confidential." in found
    assert b"DKIM-Signature" in found
    assert dkim.verify(found, dnsfunc=dns_of(gateway))
    submit(gateway, letter(whole, to="a@payer.example", purpose="treatment", text=text), to=["a@payer.example"])
    assert b"219-09-9987" in hop.wait_for(whole.encode()).content
    until(lambda: any(one.recipients == (USER,) and b"Something was removed" in one.content
                      for one in world.home.arrivals))  # fmt: skip


def test_each_gets_the_form_that_is_meant_for_them(gateway: Installation, world: World) -> None:
    """45 CFR 164.502(b): the payer reads no number, who treats reads all; after `kill -9` behind the 250 both forms are
    there, each signed, and no header tells of the blind copy (CR-02)."""
    doctor, claims, marker = world.add_good("treats.example"), world.add_good("claims.example"), new_marker()
    to = ["doc@treats.example", "a@claims.example", "blind@claims.example"]
    text = "Claim of SSN: 219-09-9987 was paid."
    message = letter(marker, to=", ".join(to[:2]), purpose="oversight", text=text)
    submit(gateway, message, to=to)
    gateway.kill()
    gateway.start()
    whole, masked = doctor.wait_for(marker.encode()), claims.wait_for(marker.encode())
    assert (b"219-09-9987" in whole.content, b"219-09-9987" in masked.content) == (True, False)
    assert b"[ssn removed]" in masked.content
    for one in (whole, masked):
        assert dkim.verify(one.content, dnsfunc=dns_of(gateway))
        assert b"blind@" not in one.content
    until(
        lambda: (
            {who for one in claims.arrivals if marker.encode() in one.content for who in one.recipients} == {*to[1:]}
        )
    )


def test_the_archive_gets_its_copy_over_tls_or_not_at_all(gateway: Installation, world: World) -> None:
    """Its server offers no TLS: the copy waits for another way, the letter itself goes."""
    archive, hop = world.add("archive.example"), world.add_good("ops.example")
    marker = new_marker()
    queue_id = submit(gateway, letter(marker, to="a@ops.example", purpose="operations"), to=["a@ops.example"])
    assert hop.wait_for(marker.encode()).recipients == ("a@ops.example",)
    until(lambda: ("all@archive.example", "held") in states(gateway, queue_id))  # a PIN nobody could be told
    assert archive.find(marker.encode()) is None


def test_two_persons_release_it(gateway: Installation, world: World) -> None:
    hop, marker = world.add_good("two.example"), new_marker()
    to = ["a@two.example", "b@two.example"]
    queue_id = submit(gateway, plain(marker, to=", ".join(to)), to=to)
    assert {state for _, state in states(gateway, queue_id)} == {"held"}
    first = gateway.run("queue", "release", queue_id, "--why", "seen", "--by", "anna")
    assert first.returncode == 1
    assert "a second person must, too" in first.stderr
    second = gateway.run("queue", "release", queue_id, "--why", "seen", "--by", "berta")
    if not asker_here().is_shared:  # one login, whatever names it gives
        assert "under another name" in second.stderr
        return
    assert second.returncode == 0, second.stderr
    assert hop.wait_for(marker.encode()).recipients == tuple(to)


def test_one_click_ends_advertising_and_nothing_else(gateway: Installation, world: World) -> None:
    """RFC 8058: the link in the mail that left, taken as a mail program takes it; care still comes."""
    hop, pat = world.add_good("pats.example"), "pat@pats.example"
    offer, again, care = new_marker(), new_marker(), new_marker()
    submit(gateway, letter(offer, to=pat, purpose="marketing", text="Our new soap."), to=[pat])
    mail = message_from_bytes(hop.wait_for(offer.encode()).content, policy=default)
    url = str(mail["List-Unsubscribe"]).replace(" ", "").strip("<>")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert ADDRESS in mail.get_content().replace("\n", " ")
    signed = re.sub(r"\s", "", str(mail["DKIM-Signature"]))
    assert "list-unsubscribe:list-unsubscribe-post" in signed.lower()
    path = url[url.index("/unsubscribe/") :]
    posted = httpx2.post(
        f"https://127.0.0.1:{gateway.ports.portal}{path}", content=b"List-Unsubscribe=One-Click",
        verify=no_name(gateway),
    )  # fmt: skip
    assert posted.status_code == 200
    refused = submit(gateway, letter(again, to=pat, purpose="marketing", text="More soap."), to=[pat])
    assert [state for _, state in states(gateway, refused)] in ([], ["bounced"])
    submit(gateway, letter(care, to=pat, purpose="treatment", text="See you on Monday."), to=[pat])
    hop.wait_for(care.encode())
    assert hop.find(again.encode()) is None


def no_name(gateway: Installation) -> Any:
    context = gateway.client_tls()
    context.check_hostname = False
    return context
