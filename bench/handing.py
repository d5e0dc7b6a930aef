"""`python -m bench.handing --config F --messages N`: our client alone, with messages that lie ready in memory.

No store, no signature, no record: look-ups, policy, pool, TLS and SMTP as they are in service. What remains of the
whole gateway's time is not delivery.
"""

import argparse
import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import uvloop

from bench.letters import RECIPIENT, SENDER, letters
from gateway.config import load
from gateway.daemon.outbound import build_outbound
from gateway.delivery.job import SendJob
from gateway.delivery.outcome import Seen
from gateway.delivery.pool import PoolLimits
from gateway.delivery.shaping import build_shaping
from gateway.delivery.transport import Transport
from gateway.message.address import domain_of
from gateway.message.envelope import Recipient
from tls.levels import TlsLevel
from tls.mta_sts.cache import MemoryCache
from tls.requirement import Needs

AT_ONCE: Final = 20  # as many as the gateway has under way for one domain
NEEDS: Final = Needs(level=TlsLevel.VERIFIED, is_onward=True)


async def run(config: Path, messages: int) -> None:
    """Raises: RuntimeError when one does not arrive."""
    settings = load(config)

    async def told(_: object) -> None:
        return None

    outbound = build_outbound(settings, MemoryCache(), told=told)
    transport = Transport(
        outbound.router, outbound.dialer, outbound.publications,
        limits=PoolLimits(), clock=lambda: datetime.now(UTC), shaping=build_shaping(settings.delivery),
    )  # fmt: skip
    waiting = letters(messages)
    try:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(AT_ONCE):
                tasks.create_task(_work(transport, waiting))
    finally:
        await transport.close()


async def _work(transport: Transport, waiting: Iterator[bytes]) -> None:
    recipient = Recipient(address=RECIPIENT)
    for data in waiting:
        job = SendJob(
            domain=domain_of(RECIPIENT), mail_from=SENDER, recipients=(recipient,), data=data, needs=NEEDS
        )  # fmt: skip
        (outcome,) = await transport.send(job)
        if outcome.seen is not Seen.DELIVERED:
            raise RuntimeError(outcome.why)


def main() -> None:
    parser = argparse.ArgumentParser(description="Hand messages to a next hop, with our client alone.")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--messages", type=int, required=True)
    options = parser.parse_args()
    uvloop.run(run(options.config, options.messages))


if __name__ == "__main__":
    main()
