"""A key that nobody has on file is looked for when it is needed, and counts by who said it (CR-03)."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.config.discovery import Discovery
from gateway.delivery.courier import Courier
from gateway.delivery.discovery import AT_ONCE, KeyFinder
from gateway.delivery.needs import NeedsPolicy
from gateway.delivery.outcome import Seen
from gateway.metrics import Metrics
from gateway.protect import found
from gateway.protect.dkim import Signer
from gateway.protect.dns_keys import ALL_OF_A_DOMAINS_OWN, openpgp_name, smime_name
from gateway.protect.found import Found
from gateway.protect.wkd import places
from gateway.store import certificates, smime_certificates
from gateway.store.certificates import Source, Trust
from gateway.store.store import Store
from gateway.workers.errors import ChildTimeout
from policy.decision import Method
from tests.gateway.delivery.office import FakeSealer, Office
from tests.gateway.delivery.test_courier import attempt, batch
from tests.gateway.protect.keys import NOW, certificate_of, make_key
from tests.gateway.protect.smime.authority import ADDRESS as SMIME_ADDRESS
from tests.gateway.protect.smime.authority import YEAR, Authority
from tests.gateway.protect.smime.authority import make_key as make_smime_key
from tests.tls.fake_dns import FakeDns
from tls.errors import FetchError, NotThere
from tls.mta_sts.trouble import Trouble

ADDRESS = "b@example.org"


class FakeWeb:
    """pages: host to what it has, or the error. asked: hosts, in order. gate: waited for first."""

    def __init__(self, pages: dict[str, bytes | Exception] | None = None) -> None:
        self.pages = pages or {}
        self.asked: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.came = asyncio.Event()

    async def exists(self, host: str) -> bool:
        return host in self.pages

    async def get(self, host: str, target: str, *, limit: int, kind: str = "") -> bytes:
        self.asked.append(host)
        self.came.set()
        await self.gate.wait()
        page = self.pages.get(host, NotThere("no page", Trouble.FETCH))
        if isinstance(page, Exception):
            raise page
        return page


class Dns(FakeDns):
    async def openpgpkey(self, name: str) -> Any:
        return self._ask(name, "OPENPGPKEY")

    async def smimea(self, name: str) -> Any:
        return self._ask(name, "SMIMEA")


class Sealer(FakeSealer):
    """The child's part, done here. fault: raised instead."""

    fault: Exception | None = None
    now = NOW

    async def openpgp_in(
        self, answer: bytes, *, address: str, on_file: Mapping[str, bytes] | None = None
    ) -> tuple[Found, ...]:
        if self.fault:
            raise self.fault
        return found.openpgp_in(answer, address=address, now=self.now, on_file=on_file)

    async def smime_in(self, answer: bytes, *, address: str) -> tuple[Found, ...]:
        return found.smime_in(answer, address=address, now=datetime.now(UTC))


class Room:
    def __init__(
        self,
        store: Store,
        *,
        web: FakeWeb | None = None,
        dns: Dns | None = None,
        deadline: timedelta = timedelta(seconds=9),
        **settings: Any,
    ) -> None:
        self.web = web or FakeWeb()
        self.dns = dns or Dns()
        self.now = NOW
        self.sealer = Sealer()
        self.metrics = Metrics()
        self.store = store
        self.finder = KeyFinder(
            Discovery(**settings).model_copy(update={"deadline": deadline}),
            web=self.web, dns=self.dns, sealer=self.sealer, store=store,
            metrics=self.metrics, clock=lambda: self.now,
        )  # fmt: skip

    async def on_file(self) -> Sequence[tuple[str, Trust, Source]]:
        async with self.store.read() as conn:
            return [(one.fingerprint, one.trust, one.source) for one in await certificates.everything(conn)]


ADVANCED = places(ADDRESS)[0].host
MADE = make_key(address=ADDRESS)
OCTETS = certificate_of(MADE)
PRINT = str(MADE.fingerprint)


def signed(records: dict[str, list[bytes]], *, is_signed: bool = True) -> Dns:
    zone = ["example.org"]
    return Dns(records, signed=zone if is_signed else (), unsigned=() if is_signed else zone)


async def test_the_first_source_that_has_one_ends_it(store: Store) -> None:
    """The order is the configuration's: nobody further down hears who is written to."""
    dns = signed({f"{openpgp_name(ADDRESS)} OPENPGPKEY": [OCTETS]})
    room = Room(store, web=FakeWeb({"keys.openpgp.org": OCTETS}), dns=dns, openpgp=["wkd", "dns", "vks"])
    assert await room.finder.openpgp(ADDRESS)
    assert await room.on_file() == [(PRINT, Trust.DOMAIN, Source.DNS)]
    assert room.web.asked == ["example.org"]
    assert 'key_lookups_total{result="nothing",source="wkd"} 1.0' in room.metrics.page().decode()


@pytest.mark.parametrize(("is_signed", "is_taken"), [(True, True), (False, False)])
async def test_dns_counts_with_dnssec_alone(store: Store, is_signed: bool, is_taken: bool) -> None:
    """CR-03, RFC 7929 section 5: whoever forges an unsigned answer would read the mail."""
    dns = signed({f"{openpgp_name(ADDRESS)} OPENPGPKEY": [OCTETS]}, is_signed=is_signed)
    room = Room(store, dns=dns, openpgp=["dns"])
    assert await room.finder.openpgp(ADDRESS) is is_taken
    assert bool(await room.on_file()) is is_taken


async def test_a_keyserver_is_not_believed(store: Store) -> None:
    """CR-03: what it has is on file, and nothing is encrypted to it before a person trusts it."""
    room = Room(store, web=FakeWeb({"keys.example": OCTETS}), openpgp=["vks"], keyserver="keys.example")
    assert await room.finder.openpgp(ADDRESS)
    assert await room.on_file() == [(PRINT, Trust.NONE, Source.VKS)]
    async with store.read() as conn:
        assert await certificates.for_address(conn, ADDRESS) == ()


@pytest.mark.parametrize(
    "page",
    [
        b"<html>",
        certificate_of(make_key(address="c@example.org")),
        certificate_of(make_key(address=ADDRESS, expires=timedelta(days=1))),
        certificate_of(make_key(address=ADDRESS, is_revoked=True)),
        certificate_of(make_key(address=ADDRESS, has_subkey=False)),
    ],
    ids=["no key", "of another address", "expired", "revoked", "for signatures alone"],
)
async def test_what_may_not_be_used_is_not_filed(store: Store, page: bytes) -> None:
    """CR-01, CR-03: a domain speaks for its own addresses, with keys that may be used."""
    room = Room(store, web=FakeWeb({ADVANCED: page}), openpgp=["wkd"])
    assert not await room.finder.openpgp(ADDRESS)
    assert await room.on_file() == []


@pytest.mark.parametrize(
    ("trouble", "minutes"),
    [(NotThere("404", Trouble.FETCH), 24 * 60), (FetchError("down", Trouble.FETCH), 10)],
    ids=["nothing there", "does not answer"],
)
async def test_a_miss_is_remembered(store: Store, trouble: Exception, minutes: int) -> None:
    """A message that comes again every minute asks once; a host that was down is asked sooner again."""
    room = Room(store, web=FakeWeb({ADVANCED: trouble}), openpgp=["wkd"], remember="1d")
    for late, asked in ((0, 1), (minutes - 1, 1), (minutes, 2)):
        room.now = NOW + timedelta(minutes=late)
        assert not await room.finder.openpgp(ADDRESS)
        assert len(room.web.asked) == asked


async def test_many_messages_make_one_look_up(store: Store) -> None:
    room = Room(store, web=FakeWeb({ADVANCED: OCTETS}), openpgp=["wkd"])
    room.web.gate.clear()
    waiting = [asyncio.create_task(room.finder.openpgp(ADDRESS)) for _ in range(5)]
    await room.web.came.wait()
    waiting.pop().cancel()  # one who no longer waits does not end it for the others
    room.web.gate.set()
    assert await asyncio.gather(*waiting) == [True] * 4
    assert len(room.web.asked) == 1


async def test_a_silent_host_takes_its_deadline_and_no_more(store: Store) -> None:
    """The message takes its next way; it does not hang on a stranger's web host."""
    room = Room(store, web=FakeWeb({ADVANCED: OCTETS}), openpgp=["wkd"], deadline=timedelta(milliseconds=20))
    room.web.gate.clear()
    assert not await room.finder.openpgp(ADDRESS)
    assert await room.on_file() == []


async def test_the_deadline_covers_the_wait_for_a_slot(store: Store) -> None:
    room = Room(store, web=FakeWeb({ADVANCED: OCTETS}), openpgp=["wkd"], deadline=timedelta(milliseconds=20))
    for _ in range(AT_ONCE):
        await room.finder._slots.acquire()
    async with asyncio.timeout(5):
        assert not await room.finder.openpgp(ADDRESS)


@pytest.mark.parametrize(("is_signed", "asked"), [(True, 1), (False, 2)])
async def test_an_absence_that_nobody_vouches_for_is_not_certain(store: Store, is_signed: bool, asked: int) -> None:
    room = Room(store, dns=signed({}, is_signed=is_signed), openpgp=["dns"], remember="1d")
    for late in (0, 10):
        room.now = NOW + timedelta(minutes=late)
        assert not await room.finder.openpgp(ADDRESS)
    assert len(room.dns.asked) == asked


async def test_a_child_that_dies_over_it_is_a_miss(store: Store) -> None:
    """An answer is a stranger's: what kills its reader kills nothing else."""
    room = Room(store, web=FakeWeb({ADVANCED: OCTETS}), openpgp=["wkd"])
    room.sealer.fault = ChildTimeout()
    assert not await room.finder.openpgp(ADDRESS)


@pytest.mark.parametrize(
    ("settings", "is_asked"),
    [
        ({"allow": ["example.org"]}, True),
        ({"allow": ["*.example.org"]}, False),
        ({"deny": ["example.org"]}, False),
        ({"allow": ["example.org"], "deny": ["example.org"]}, False),
        ({"deny": ["*.example.org"]}, True),
    ],
)
async def test_who_may_be_asked_about(store: Store, settings: dict[str, Any], is_asked: bool) -> None:
    room = Room(store, web=FakeWeb({ADVANCED: OCTETS}), openpgp=["wkd"], **settings)
    assert await room.finder.openpgp(ADDRESS) is is_asked
    assert bool(room.web.asked) is is_asked


async def test_nobody_is_asked_by_default(store: Store) -> None:
    """A look-up tells a stranger who is a patient."""
    room = Room(store, web=FakeWeb({ADVANCED: OCTETS}))
    assert not await room.finder.openpgp(ADDRESS)
    assert not await room.finder.smime(ADDRESS)
    assert (room.web.asked, room.dns.asked) == ([], [])


async def test_a_renewal_that_brings_another_key_waits(store: Store) -> None:
    """CR-03: the domain's word is enough for the first key, never for the second."""
    room = Room(store, web=FakeWeb({ADVANCED: OCTETS}), openpgp=["wkd"])
    await room.finder.openpgp(ADDRESS)
    other = make_key(address=ADDRESS, rsa_bits=2048)
    room.web.pages[ADVANCED] = certificate_of(other)
    await room.finder.renew(ADDRESS, room.finder._settings.openpgp[0])
    assert set(await room.on_file()) == {
        (PRINT, Trust.DOMAIN, Source.WKD),
        (str(other.fingerprint), Trust.PENDING, Source.WKD),
    }


def certificate() -> bytes:
    now = datetime.now(UTC)
    root = Authority(number=130, start=now - YEAR, end=now + YEAR)
    return root.issue(make_smime_key("p256", 131), start=now - YEAR, end=now + YEAR)


@pytest.mark.parametrize(
    ("head", "is_signed", "is_taken"),
    [
        (ALL_OF_A_DOMAINS_OWN, True, True),
        (ALL_OF_A_DOMAINS_OWN, False, False),
        (bytes((2, 0, 0)), True, False),
        (bytes((3, 1, 0)), True, False),
        (bytes((3, 0, 1)), True, False),
    ],
    ids=["its own", "unsigned", "an authority", "a key", "a hash"],
)
async def test_a_certificate_in_dns(store: Store, head: bytes, is_signed: bool, is_taken: bool) -> None:
    """CR-05, RFC 8162: by the domain's own word, with DNSSEC."""
    domain = SMIME_ADDRESS.partition("@")[2]
    records = {f"{smime_name(SMIME_ADDRESS)} SMIMEA": [head + certificate()]}
    dns = Dns(records, signed=[domain] if is_signed else (), unsigned=() if is_signed else [domain])
    room = Room(store, dns=dns, smime=["dns"])
    assert await room.finder.smime(SMIME_ADDRESS) is is_taken
    async with store.read() as conn:
        trusts = [one.trust for one in await smime_certificates.for_address(conn, SMIME_ADDRESS)]
    assert trusts == ([smime_certificates.Trust.DOMAIN] if is_taken else [])


def test_names() -> None:
    """RFC 7929 section 3, the example: hugh@example.com; RFC 8162 section 3 has the same hash."""
    hashed = "c93f1e400f26708f98cb19d936620da35eec8f72e57f9eec01c1afd6"
    assert openpgp_name("hugh@example.com") == f"{hashed}._openpgpkey.example.com"
    assert smime_name("hugh@Example.com") == f"{hashed}._smimecert.example.com"


async def test_the_courier_looks_before_it_gives_up(store: Store) -> None:
    """The message leaves with the key that was found; without one it takes the next way, and the sender hears why."""
    office = Office(store)
    one = batch(methods=(Method.OPENPGP,), recipient=ADDRESS)
    room = Room(store, web=FakeWeb(), openpgp=["wkd"])
    courier = Courier(
        store=store, transport=office.transport, signer=Signer(()), converter=office.converter, sealer=room.sealer,
        needs=NeedsPolicy(), inbound={}, metrics=office.metrics, finder=room.finder,
    )  # fmt: skip
    office.courier = courier
    assert (await attempt(office, one)).seen is Seen.DELIVERED  # the fake sealer asks for no key
    assert room.web.asked == ["example.org"]
    room.web.pages[ADVANCED] = OCTETS
    room.now += timedelta(days=2)
    await attempt(office, one)
    assert await room.on_file() == [(PRINT, Trust.DOMAIN, Source.WKD)]
    await attempt(office, one)
    assert len(room.web.asked) == 2  # the register comes first
