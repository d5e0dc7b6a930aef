"""SM-06: with Mailward behind a lax mail server, or in front of one, nobody can smuggle a message."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

import pytest

from tests.e2e.exim import Sections, running_exim
from tests.e2e.installation import Installation
from tests.e2e.nexthop import Behaviour, NextHop
from tests.e2e.postfix import Postfix, running_postfix
from tests.e2e.smuggling import (
    BARE,
    EXIM_SAYS,
    FALSE_ENDS,
    LAXEST_END,
    ONLY_REPAIRED,
    POSTFIX_SAYS,
    STUFFED,
    Attack,
    Front,
)
from tests.e2e.waiting import until
from tests.e2e.world import World
from tests.tools import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

BOSS: Final = "boss@clinic.example"
LINE_ENDS: Final = (
    "strict",
    "repair",
)  # of the listener, and the domain that the fronts send through it: strict.example
LAX: Final = {  # as Postfix was before 2024
    "smtpd_forbid_bare_newline": "no",
    "smtpd_forbid_unauth_pipelining": "no",
    "cleanup_replace_stray_cr_lf": "no",
}
BACKS: Final = {
    "lax": LAX,
    "excluding": {  # as it is today towards a neighbour like us, whose address it trusts
        "smtpd_forbid_bare_newline": "yes",
        "smtpd_forbid_bare_newline_exclusions": "$mynetworks",
        "cleanup_replace_stray_cr_lf": "no",
    },
}


@dataclass(frozen=True, slots=True)
class Between:
    """A gateway with a listener of each kind, and the next hop of the domain that goes with it."""

    gateway: Installation
    ports: dict[str, int]
    hops: dict[str, NextHop]

    def count(self, attacks: dict[str, list[Attack]]) -> int:
        """Messages of these attacks that have arrived, honest or smuggled."""
        senders = {address for of_kind in attacks.values() for one in of_kind for address in (one.outer, one.inner)}
        return sum(arrival.mail_from in senders for hop in self.hops.values() for arrival in hop.arrivals)


@pytest.fixture(scope="module")
def between(tmp_path_factory: pytest.TempPathFactory, world: World) -> Iterator[Between]:
    ports = {kind: free_port() for kind in LINE_ENDS}
    gateway = Installation(tmp_path_factory.mktemp("between") / "installation", world)
    relay = {"mode": "relay", "require_tls": False, "trusted_networks": ["127.0.0.1/32"]}
    listeners = [{"bind": f"127.0.0.1:{port}", "line_endings": kind, **relay} for kind, port in ports.items()]
    gateway.write_config({"listener": listeners})
    try:
        gateway.start()
        yield Between(gateway, ports, {kind: world.add(f"{kind}.example") for kind in LINE_ENDS})
    finally:
        gateway.close()


# --- behind a lax front ---


@pytest.fixture(scope="module", params=["postfix", "exim"])
def attacked(request: pytest.FixtureRequest, between: Between) -> Iterator[tuple[Front, dict[str, list[Attack]]]]:
    """A front that every attack went through, by the kind of listener behind it; it is done with all of them."""
    attacks = {
        kind: [Attack.make(100 * n + number, end, f"{kind}.example") for number, end in enumerate(FALSE_ENDS)]
        for n, kind in enumerate(LINE_ENDS, 1 if request.param == "postfix" else 3)
    }
    with ExitStack() as stack:
        front = (_postfix if request.param == "postfix" else _exim)(stack, between)
        for attack in (one for of_kind in attacks.values() for one in of_kind):
            attack.send(front.address, front.port)
        until(front.is_idle, timeout_s=60, state=front.log)
        until(lambda: between.count(attacks) >= len(front.find(front.queued)), timeout_s=60)
        yield front, attacks


def _postfix(stack: ExitStack, between: Between) -> Front:
    ways = ", ".join(f"{{ {kind}.example = smtp:[127.0.0.1]:{port} }}" for kind, port in between.ports.items())
    settings = {
        **LAX,
        "transport_maps": f"inline:{{ {ways}, {{ clinic.example = discard: }} }}",  # bounces to the clerks
        "virtual_mailbox_domains": "",
    }
    port = free_port()
    postfix = stack.enter_context(running_postfix(address="127.0.0.1", port=port, settings=settings))
    return Front("postfix", "127.0.0.1", port, lambda: postfix.log, **POSTFIX_SAYS)


def _exim(stack: ExitStack, between: Between) -> Front:
    ways = " ; ".join(f"{kind}.example 127.0.0.1::{port}" for kind, port in between.ports.items())
    routers = (
        "bounces:\n  driver = redirect\n  domains = clinic.example\n  data = :blackhole:\n"
        f"gateway:\n  driver = manualroute\n  transport = gateway\n  route_list = {ways}\n  self = send\n"
    )
    main = {"smtp_enforce_sync": "false", "primary_hostname": "exim.clinic.example"}
    port = free_port()
    sections = Sections(routers, "gateway:\n  driver = smtp")
    exim = stack.enter_context(running_exim(sections, port=port, main=main))
    return Front("exim", "127.0.0.1", port, lambda: exim.log, **EXIM_SAYS)


@pytest.mark.parametrize("kind", LINE_ENDS)
def test_what_a_lax_front_passes_on_stays_what_it_was(
    between: Between, attacked: tuple[Front, dict[str, list[Attack]]], kind: str
) -> None:
    """SM-06: the next hop gets no message that the front did not take from a client as one."""
    front, attacks = attacked
    hop = between.hops[kind]
    took, arrived = Counter(front.find(front.took)), Counter(arrival.mail_from for arrival in hop.arrivals)
    for end, attack in zip(FALSE_ENDS, attacks[kind], strict=True):
        assert arrived[attack.outer] <= 1, end
        assert arrived[attack.inner] <= took[attack.inner], f"{end!r} smuggled a message through {front.name}"
    assert not BARE.search(bytes(hop.clear))
    assert len(LAXEST_END.findall(bytes(hop.clear))) == len(hop.arrivals)


def test_no_message_comes_from_nowhere(between: Between, attacked: tuple[Front, dict[str, list[Attack]]]) -> None:
    """SM-06: each message that we took is one whose 250 the front read as the answer to its own message."""
    front, attacks = attacked
    senders = {address for one in attacks.values() for attack in one for address in (attack.outer, attack.inner)}
    ours = [
        event["queue_id"]
        for event in between.gateway.events(kind="message.accepted")
        if event["data"]["sender"] in senders
    ]
    assert sorted(ours) == sorted(front.find(front.queued))


def test_the_attacks_reach_us(attacked: tuple[Front, dict[str, list[Attack]]]) -> None:
    """SM-06: what the tests above rest on: Postfix is as lax as it was and passes bare CRs and NULs on; Exim makes line
    ends of the CRs, which is what normalising means, and passes the NULs on.
    """
    front, attacks = attacked
    took, refused = front.find(front.took), len(front.find(front.refused))
    if front.name == "postfix":
        assert refused > 4
        assert any(attack.inner in took for attack in attacks["strict"])
    else:
        assert refused == 4  # two with NUL, to each listener
        assert not any(attack.inner in took for attack in attacks["strict"])


# --- in front of a lax back ---


@pytest.fixture(scope="module", params=BACKS)
def back(request: pytest.FixtureRequest, world: World) -> Iterator[tuple[str, Postfix]]:
    """A Postfix, and the domain whose mail host it is."""
    domain = f"{request.param}.example"
    host, address = world.name(domain)
    with running_postfix(
        address=address, port=world.port, settings={**BACKS[request.param], "myhostname": host}
    ) as postfix:
        yield domain, postfix


def send_everything(between: Between, domain: str, first: int) -> set[str]:
    """All that a client can try to get through us, at both listeners. Returns: the senders of what we took."""
    tries = [(kind, body) for kind in LINE_ENDS for body in (*FALSE_ENDS, *STUFFED, *ONLY_REPAIRED)]
    taken = set()
    for number, (kind, body) in enumerate(tries, first):
        attack = Attack.make(number, body, domain)
        said = attack.send("127.0.0.1", between.ports[kind])
        is_taken = body in STUFFED or (body in ONLY_REPAIRED and kind == "repair")
        assert said.count(b"250 2.0.0 Queued as") == is_taken, (kind, body, said)
        taken |= {attack.outer} if is_taken else set()
    return taken


def test_a_lax_back_sees_only_what_we_took(between: Between, back: tuple[str, Postfix]) -> None:
    """SM-06, SM-05: a real server that would end a message at a bare LF gets none, and no message too many."""
    domain, postfix = back
    taken = send_everything(between, domain, first=1000)
    until(lambda: len(postfix.messages()) >= len(taken), timeout_s=60, state=lambda: postfix.log)
    until(
        lambda: (
            set(re.findall(POSTFIX_SAYS["arrived"], postfix.log)) == set(re.findall(POSTFIX_SAYS["gone"], postfix.log))
        )
    )
    assert sorted(re.findall(POSTFIX_SAYS["took"], postfix.log)) == sorted(taken)
    assert len(postfix.messages()) == len(taken)
    assert all(b"\r" not in message for message in postfix.messages())


def test_the_laxest_back_sees_only_what_we_took(between: Between, world: World) -> None:
    """SM-06, SM-05: the bytes themselves: CRLF only, and one end of data for each message, however it is looked for."""
    hop = world.add("wire.example")
    taken = send_everything(between, "wire.example", first=2000)
    until(lambda: len(hop.arrivals) >= len(taken), timeout_s=60)
    wire = bytes(hop.clear)
    assert not BARE.search(wire)
    assert len(LAXEST_END.findall(wire)) == len(taken)
    assert {arrival.mail_from for arrival in hop.arrivals} == taken


def test_a_hostile_refusal_smuggles_nothing_home(between: Between, world: World) -> None:
    """SM-06, SM-05: a next hop's words go into the bounce; their bare CRs and lone dots do not become ours."""
    refusal = f"550-5.1.1 no\r.\rMAIL FROM:<{BOSS}>\r\n550-.\r\n550 5.1.1 \rDATA"
    world.add("refusing.example", behaviour=lambda _: Behaviour(replies={"RCPT": refusal}))
    attack = Attack.make(3000, STUFFED[0], "refusing.example")
    before = len(world.home.arrivals)
    assert b"250 2.0.0 Queued as" in attack.send("127.0.0.1", between.ports["strict"])
    bounce = world.home.wait_for(attack.recipient.encode())
    until(lambda: not between.gateway.queue())
    assert len(world.home.arrivals) == before + 1
    assert bounce.recipients == (attack.outer,)
    assert f"MAIL FROM:<{BOSS}>".encode() in bounce.content
    assert not BARE.search(bounce.content)
