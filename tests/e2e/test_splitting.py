"""One message to recipients on every rung: each gets his own copy, and none tells of a Bcc (CR-02)."""

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from typing import Any, Final, cast

import pytest
from pgpy import PGPMessage

from tests.e2e.installation import Installation, running
from tests.e2e.letters import clinical, new_marker
from tests.e2e.nexthop import Arrival, NextHop
from tests.e2e.submit import submit
from tests.e2e.test_smime import DOMAIN, MIDDLE, ROOT, Holder, holder
from tests.e2e.waiting import until
from tests.e2e.world import World
from tests.gateway.protect.keys import certificate_of, make_key
from tests.gateway.protect.smime.authority import pem

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SAFE: Final = "safe.example"  # takes verified TLS; the other offers none
OPEN: Final = f"to@{SAFE}"
HIDDEN_SAFE: Final = f"hiddensafe@{SAFE}"
KEYED: Final = f"keyed@{DOMAIN}"
HIDDEN_KEYED: Final = f"hiddenkeyed@{DOMAIN}"
BARE: Final = f"bare@{DOMAIN}"
HIDDEN_BARE: Final = f"hiddenbare@{DOMAIN}"  # both: neither TLS nor a key: the portal
HIDDEN: Final = (HIDDEN_SAFE, HIDDEN_KEYED, HIDDEN_BARE)


@dataclass(frozen=True)
class Sent:
    """copies: by envelope recipient, everything that came for him."""

    marker: str
    queue_id: str
    certified: Holder
    copies: dict[str, list[Arrival]]


@pytest.fixture(scope="module")
def hops(world: World) -> tuple[NextHop, NextHop]:
    return world.add_good(SAFE), world.add(DOMAIN)


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, world: World, hops: tuple[NextHop, NextHop]
) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("split")
    (folder / "root.pem").write_bytes(pem(ROOT.der))
    settings: dict[str, Any] = {"smime": {"ca_file": folder / "root.pem"}, "portal": {"code_channel": "encrypted"}}
    with running(folder / "installation", world, settings) as installation:
        yield installation


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory, gateway: Installation, hops: tuple[NextHop, NextHop]) -> Sent:
    folder, marker = tmp_path_factory.mktemp("keys"), new_marker()
    certified = holder("certified", "p256")
    (folder / "s.pem").write_bytes(pem(certified.certificate) + pem(MIDDLE.der))
    files = [("smime", folder / "s.pem")]
    for address in (KEYED, HIDDEN_KEYED):
        (folder / address).write_bytes(certificate_of(make_key(address=address)))
        files.append(("openpgp", folder / address))
    for kind, file in files:
        done = gateway.run("key", kind, "import", file)
        assert done.returncode == 0, done.stderr
    message = clinical(marker, to=f"{OPEN}, {KEYED}", subject=f"Result {marker}")
    message["Cc"] = f"{certified.address}, {BARE}"
    message["Bcc"] = ", ".join(HIDDEN)
    message["Resent-Bcc"] = ", ".join(HIDDEN)
    everybody = (OPEN, KEYED, certified.address, BARE, *HIDDEN)
    queue_id = submit(gateway, message, to=everybody)

    def copies() -> dict[str, list[Arrival]]:
        found: dict[str, list[Arrival]] = {}
        for arrival in [one for hop in hops for one in list(hop.arrivals)]:
            for recipient in arrival.recipients:
                found.setdefault(recipient, []).append(arrival)
        return found

    until(lambda: set(everybody) <= set(copies()), timeout_s=40, state=lambda: gateway.log[-3000:])
    return Sent(marker, queue_id, certified, copies())


def opened(copy: Arrival, key: Any) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return bytes(key.decrypt(_pgp(copy)).message)


def _pgp(copy: Arrival) -> PGPMessage:
    payload = cast("EmailMessage", list(message_from_bytes(copy.content).walk())[2]).get_payload()
    return PGPMessage.from_blob(payload)


def test_each_gets_one_copy_by_his_own_way(sent: Sent) -> None:
    """CR-02: seven recipients, four rungs, one message each; clear text passed nowhere but under TLS."""
    assert {to: len(copies) for to, copies in sent.copies.items()} == dict.fromkeys(sent.copies, 1)
    for to, (copy,) in sent.copies.items():
        is_clear = sent.marker.encode() in copy.content
        assert is_clear == to.endswith(SAFE), to
        assert bool(copy.tls) == to.endswith(SAFE), to
    for key in (KEYED, HIDDEN_KEYED):
        assert sent.marker.encode() in opened(sent.copies[key][0], make_key(address=key))
    for to in (BARE, HIDDEN_BARE):
        assert b"multipart/encrypted" not in sent.copies[to][0].content
        assert b"diabetes" not in sent.copies[to][0].content


def test_a_copy_of_ciphertext_is_of_one_reader(sent: Sent) -> None:
    """CR-02: nobody shares an envelope with another, and the key ids are of his own key alone."""
    for to in (KEYED, HIDDEN_KEYED):
        (copy,) = sent.copies[to]
        assert copy.recipients == (to,)
        assert _pgp(copy).encrypters == set(make_key(address=to).subkeys)
    assert sent.copies[sent.certified.address][0].recipients == (sent.certified.address,)


def test_no_copy_tells_of_a_bcc(sent: Sent) -> None:
    """CR-02, the attack: look for each hidden address in every copy of the others, outside and inside."""
    for to, (copy,) in sent.copies.items():
        texts = [copy.content]
        if to in (KEYED, HIDDEN_KEYED):
            texts.append(opened(copy, make_key(address=to)))
        for text in texts:
            assert not re.search(rb"^(resent-)?bcc:", text, re.IGNORECASE | re.MULTILINE), to
            for hidden in HIDDEN:
                is_own_notice = to == hidden == HIDDEN_BARE  # a notice is to its reader, and has nothing else in it
                assert is_own_notice or hidden.encode() not in text, (to, hidden)


def test_the_audit_says_what_went_to_whom(gateway: Installation, sent: Sent) -> None:
    """Invariant 3: way and keys of every recipient, the hidden ones too."""
    until(lambda: len(gateway.events(kind="delivery.delivered", queue_id=sent.queue_id)) >= 5)
    events = gateway.events(kind="delivery.delivered", queue_id=sent.queue_id)
    delivered = {one["recipient"]: one["data"] for one in events}
    ways = {to: data["tried"] for to, data in delivered.items()}
    assert ways == {
        OPEN: "tls", HIDDEN_SAFE: "tls", KEYED: "openpgp", HIDDEN_KEYED: "openpgp", sent.certified.address: "smime",
    }  # fmt: skip
    for to in (KEYED, HIDDEN_KEYED):
        assert delivered[to]["openpgp_keys"] == [str(make_key(address=to).fingerprint).replace(" ", "")]
    published = {one["recipient"] for one in gateway.events(kind="portal.published", queue_id=sent.queue_id)}
    assert published == {BARE, HIDDEN_BARE}
