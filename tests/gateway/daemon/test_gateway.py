"""The whole gateway in this process: all of it or nothing, one message through it, and why it is not ready."""

import asyncio
import smtplib
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from email.message import EmailMessage
from types import MethodType

import httpx2
import pytest

from gateway.config import Settings
from gateway.control.client import _perform
from gateway.control.operations import Operations
from gateway.control.wire import Refused, short_path
from gateway.daemon.gateway import Gateway
from gateway.daemon.held import HeldMail
from gateway.daemon.in_force import CurrentPipeline, CurrentRecheck
from gateway.store.errors import KeyMismatch
from policy.rules.packs import Pack
from tests.e2e.installation import PASSWORD, USER
from tests.e2e.letters import clinical, new_marker
from tests.e2e.world import World
from tests.gateway.delivery.trouble import BadDisk
from tests.gateway.waiting import until

pytestmark = pytest.mark.slow


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Gateway]:
    gateway = Gateway(settings)
    await gateway.start()
    try:
        yield gateway
    finally:
        async with asyncio.timeout(20):
            await gateway.stop()


def ports(settings: Settings) -> dict[str, int]:
    """Every TCP port of a gateway."""
    listeners = {listener.mode.value: listener.bind.port for listener in settings.listener}
    return {**listeners, "portal": settings.portal.bind.port, "metrics": settings.metrics.bind.port}


def is_open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@contextmanager
def occupied(port: int) -> Iterator[None]:
    with socket.create_server(("127.0.0.1", port)):
        yield


async def test_it_is_ready_while_it_runs(settings: Settings) -> None:
    """OP-04: /readyz says when mail can be accepted, and a stop gives everything back."""
    gateway = Gateway(settings)
    assert gateway.unready() == ("starting",)
    await gateway.start()
    assert gateway.unready() == ()
    assert all(is_open(port) for port in ports(settings).values())
    await gateway.stop()
    assert gateway.unready()[0] == "stopping"
    assert not any(is_open(port) for port in ports(settings).values())
    assert await _perform(settings, "queue.list", {}) == [], "the lock is free"


@pytest.mark.parametrize("name", ["metrics", "portal", "relay"])
async def test_a_start_is_all_or_nothing(settings: Settings, name: str) -> None:
    """OP-03: one port is taken, so none is opened, no task runs on, and the store's lock is free again."""
    before = asyncio.all_tasks()
    gateway = Gateway(settings)
    with occupied(ports(settings)[name]), pytest.raises(OSError, match="in use"):
        await gateway.start()
    assert not any(is_open(port) for port in ports(settings).values())
    assert gateway.unready(), "it never was"
    await until(lambda: asyncio.all_tasks() == before)
    assert await _perform(settings, "queue.list", {}) == []


async def test_a_missing_master_key_refuses_to_start(settings: Settings) -> None:
    """KY-05: never a new key over existing data."""
    await _perform(settings, "queue.list", {})
    settings.seal.master_key.unlink()
    with pytest.raises(KeyMismatch):
        await Gateway(settings).start()
    assert not settings.seal.master_key.exists()
    assert not any(is_open(port) for port in ports(settings).values())


async def test_why_it_is_not_ready(settings: Settings) -> None:
    """OP-04: each cause in words."""
    async with running(settings) as gateway:
        assert gateway._store is not None
        assert gateway._inspectors is not None
        disk = BadDisk(gateway._store)
        await disk.break_()
        assert gateway.unready() == ("store: StoreSick",)
        disk.mend()
        await until(lambda: gateway.unready() == ())
        await gateway._inspectors.stop()
        assert gateway.unready() == ("no inspector runs",)
        async with httpx2.AsyncClient() as client:
            answer = await client.get(f"http://127.0.0.1:{ports(settings)['metrics']}/readyz")
        assert answer.status_code == 503


async def test_a_bad_certificate_keeps_the_old_one(settings: Settings) -> None:
    """SA-12: a reload reads certificates for new sessions; a bad file changes nothing."""
    async with running(settings) as gateway:
        assert await gateway.reload()
        settings.portal.certificate.write_text("nonsense")
        assert not await gateway.reload()
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        async with httpx2.AsyncClient(verify=context) as client:
            assert (await client.get(f"https://127.0.0.1:{ports(settings)['portal']}/")).status_code < 500


async def test_a_reload_reaches_all_who_go_by_the_policy(settings: Settings) -> None:
    """Mail that comes, mail that waits, mail that is held, and what is asked for over the control socket."""
    asks = {"name": "list", "addresses": ["a@b.example"], "by": "admin"}
    policy = settings.policy.model_copy(update={"packs": (Pack.MISADDRESSED,)})
    async with running(settings) as gateway:
        with pytest.raises(Refused, match="no rule asks"):
            await _perform(settings, "segment.import", asks)
        assert await gateway.take_up(settings.model_copy(update={"policy": policy})) == ()
        assert (await _perform(settings, "segment.import", asks))["count"] == 1
        assert gateway._in_force is not None
        users = {type(user.__self__) for user in gateway._in_force._users if isinstance(user, MethodType)}
        assert users == {CurrentPipeline, CurrentRecheck, Operations, HeldMail}


async def send(settings: Settings, message: EmailMessage, *recipients: str) -> None:
    def submit() -> None:
        context = ssl.create_default_context(cafile=str(settings.delivery.ca_file))
        context.check_hostname = False
        with smtplib.SMTP("127.0.0.1", ports(settings)["submission"], timeout=10) as client:
            client.starttls(context=context)
            client.login(USER, PASSWORD)
            client.send_message(message, to_addrs=recipients)

    await asyncio.to_thread(submit)


async def test_one_message_takes_two_ways(settings: Settings, world: World) -> None:
    """Invariants 1 and 3: verified TLS to one, a portal notice to the other, a PIN to the sender, all in the log."""
    good, bare = world.add_good("good.example"), world.add("bare.example")
    marker = new_marker()
    await _perform(settings, "user.add", {"address": USER, "password": PASSWORD, "role": "sender"})
    async with running(settings):
        await send(settings, clinical(marker, to="a@good.example"), "a@good.example", "b@bare.example")
        arrival = await asyncio.to_thread(good.wait_for, marker.encode())
        assert arrival.tls
        assert arrival.content.startswith(b"DKIM-Signature:")
        notice = await asyncio.to_thread(bare.wait_for, b"private message")
        assert marker.encode() not in bytes(bare.clear)
        assert notice.mail_from == ""
        await asyncio.to_thread(world.home.wait_for, b"PIN")

        async def has_come_to_rest() -> bool:
            waiting = await _perform(settings, "queue.list", {})
            return [row["queue_name"] for row in waiting] == ["portal"]

        await until(has_come_to_rest)
        rows = await _perform(settings, "queue.list", {"everything": True})
        mail = [(row["recipient"], row["queue_name"]) for row in rows if row["kind"] == "mail"]
        assert mail == [("a@good.example", "delivered"), ("b@bare.example", "portal")]


async def test_it_stops_in_time_while_clients_hold_on(settings: Settings) -> None:
    """QD-18: half a command, half a request, half a handshake and a silent control client, within 20 s together."""
    gateway = Gateway(settings)
    await gateway.start()
    held = [socket.create_connection(("127.0.0.1", port)) for port in ports(settings).values()]
    for connection in held:
        connection.sendall(b"GET /metr")
    with short_path(settings.server.data_dir) as path:
        control = socket.socket(socket.AF_UNIX)
        control.connect(path)
    await _perform(settings, "queue.list", {})
    loop = asyncio.get_running_loop()
    began = loop.time()
    await gateway.stop()
    assert loop.time() - began < 20
    for connection in (*held, control):
        connection.close()
