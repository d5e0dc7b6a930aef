"""The servers whose intake is compared, each with the same duty: take mail on loopback, keep the message, answer 250.

`python -m bench.accepting ours|stock|stock-uvloop --folder F` prints its port when it is ready and serves until it is
killed. `ours` is the gateway's intake as it is in service, with nothing behind it: no content check, no store. `stock`
is aiosmtpd's own Controller and SMTP, on asyncio's loop as it comes, and on uvloop as its best case.
"""

import argparse
import asyncio
import gc
import signal
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import uvloop
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP
from aiosmtpd.smtp import Envelope as StockEnvelope
from aiosmtpd.smtp import Session as StockSession

from gateway.config.model import Limits, Listener, ServerTls
from gateway.config.modes import TlsVersion
from gateway.daemon.memory import give_back_large_blocks
from gateway.daemon.observer import IntakeMetrics
from gateway.demo.authority import Authority
from gateway.intake.door import Services
from gateway.intake.listeners import Intake
from gateway.log import configure
from gateway.message.account import Account
from gateway.message.envelope import Envelope
from gateway.message.queue_id import new_queue_id
from gateway.message.verdict import Accepted
from gateway.metrics import Metrics
from tests.tools import free_port

HOSTNAME: Final = "gw.clinic.example"
KEPT: Final = 8  # messages: more of 25 MB would measure the machine's memory
SIZE_LIMIT: Final = 50 * 1024 * 1024  # octets, for both


class Keeper:
    """Keeps the last messages; what lies behind `submit`, and aiosmtpd's handler."""

    def __init__(self) -> None:
        self.kept: deque[bytes] = deque(maxlen=KEPT)

    async def submit(self, envelope: Envelope, message: bytes) -> Accepted:
        self.kept.append(message)
        return Accepted(new_queue_id())

    async def handle_DATA(self, server: SMTP, session: StockSession, envelope: StockEnvelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        self.kept.append(envelope.content)
        return "250 2.0.0 Taken"

    async def verify(self, user: str, password: str, *, ip: str) -> Account | None:
        return None

    async def account(self, login: str) -> Account | None:
        return None


async def ours(folder: Path) -> None:
    """One relay listener with the settings of a new installation, but for how many connections one address may have."""
    identity = Authority.create(folder).issue(HOSTNAME)
    keeper = Keeper()
    listener = Listener.model_validate(
        {"bind": "127.0.0.1:0", "mode": "relay", "require_tls": False, "trusted_networks": ["127.0.0.0/8"]}
    )
    limits = Limits.model_validate({"connections_per_address": 1000, "message_size": f"{SIZE_LIMIT}B"})
    intake = Intake(
        [listener.model_copy(update={"limits": limits})],
        ServerTls(
            certificate=identity.certificate, private_key=identity.private_key, minimum_version=TlsVersion.TLS_1_2
        ),
        Services(
            submit=keeper.submit,
            may_accept=lambda: None,
            verifier=keeper,
            account=keeper.account,
            note_use=lambda _: None,
            observer=IntakeMetrics(Metrics()),
        ),
        hostname=HOSTNAME,
        domains={"clinic.example"},
        data_dir=folder,
    )
    await intake.start()
    _ready(intake.addresses[0].port)
    await asyncio.Event().wait()


def stock(loop: asyncio.AbstractEventLoop) -> None:
    """aiosmtpd. The name is given, so that it does not look its own up for each connection."""
    port = free_port()  # it asks its own port whether it has started
    controller = Controller(
        Keeper(), hostname="127.0.0.1", port=port, loop=loop, server_hostname=HOSTNAME, data_size_limit=SIZE_LIMIT
    )
    controller.start()
    _ready(port)
    signal.pause()


def _ready(port: int) -> None:
    gc.collect()
    gc.freeze()  # as the gateway does after its start, for all
    print(port, flush=True)


def _run_ours(folder: Path) -> None:
    give_back_large_blocks()  # as the gateway does
    uvloop.run(ours(folder))


SERVERS: Final[Mapping[str, Callable[[Path], None]]] = {
    "ours": _run_ours,
    "stock": lambda _: stock(asyncio.new_event_loop()),
    "stock-uvloop": lambda _: stock(uvloop.new_event_loop()),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("server", choices=SERVERS)
    parser.add_argument("--folder", type=Path, required=True, help="for certificates and spooled messages")
    given = parser.parse_args()
    configure(level="info")
    SERVERS[given.server](given.folder)


if __name__ == "__main__":
    main()
