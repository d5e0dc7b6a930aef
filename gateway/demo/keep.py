"""`mailward demo --keep`: what runs, where, and what may be tried with it; and every mail that arrives meanwhile."""

import asyncio
import shutil
import sys
from collections.abc import Iterable, Iterator
from importlib.resources import files
from pathlib import Path

from gateway.demo import mailbox
from gateway.demo.destination import Arrival, Destination
from gateway.demo.installation import LOCAL
from gateway.demo.rows import Row
from gateway.demo.run import Clinic, Tell


def addresses(clinic: Clinic) -> dict[str, str]:
    """Where everything listens and lies. One user is enough: all have the same password."""
    ports, folder = clinic.installation.ports, clinic.installation.folder
    return {
        "portal": clinic.installation.portal_url,
        "submission": f"{LOCAL}:{ports.submission} (STARTTLS)",
        "submissions": f"{LOCAL}:{ports.submissions} (TLS from the start)",
        "relay": f"{LOCAL}:{ports.relay} (no password from 127.0.0.1)",
        "user": "weber@clinic.example",
        "password": clinic.password,
        "metrics": f"http://127.0.0.1:{ports.metrics}/metrics",
        "resolver": f"127.0.0.1:{clinic.world.resolver_port} (UDP)",
        "mail servers": f"127.0.0.10 to 127.0.0.15, port {clinic.world.port}",
        "authority": str(clinic.world.authority.file),
        "config": str(clinic.installation.config),
        "log": str(folder / "gateway.log"),
        "arrived mail": str(_folder(clinic)),
    }


def openings(rows: Iterable[Row]) -> Iterator[tuple[str, str, str]]:
    """Recipient, link, and what the portal asks for."""
    for row in rows:
        if row.link:
            yield row.recipient, row.link, f"PIN {row.pin}" if row.pin else "a code, shown below when it is mailed"


def commands(clinic: Clinic, rows: Iterable[Row]) -> Iterator[str]:
    """Commands to try in another terminal."""
    program = "mailward" if shutil.which("mailward") else f"{sys.executable} -m gateway"
    config = f"--config {clinic.installation.config}"
    climbed = next((row for row in rows if row.link), None)
    yield f"{program} explain {config} {files('gateway.demo') / 'messages'}"
    yield f"{program} queue list {config} --all"
    if climbed is not None:
        yield f"{program} queue show {config} {climbed.sent.queue_id}"
        yield f"{program} audit search {config} --id {climbed.sent.queue_id}"
    yield f"{program} audit verify {config}"
    yield f"{program} key openpgp list {config}"


async def watch(clinic: Clinic, tell: Tell) -> None:
    """Keep what has arrived as files, and tell of everything that arrives, until cancelled."""
    _folder(clinic).mkdir()
    async with asyncio.TaskGroup() as tasks:
        for domain, destination in clinic.world.destinations.items():
            for number, arrival in enumerate(destination.arrivals, start=1):
                _save(clinic, domain, number, arrival)
            tasks.create_task(_follow(clinic, domain, destination, tell))


async def _follow(clinic: Clinic, domain: str, destination: Destination, tell: Tell) -> None:
    number = len(destination.arrivals)
    async for arrival in destination.arriving():
        number += 1
        path = _save(clinic, domain, number, arrival)
        code = mailbox.code_in(arrival)
        over = arrival.tls or "no TLS"
        what = f"code {code}" if code else mailbox.subject(arrival.content)
        tell(f"mail for {', '.join(arrival.recipients)} over {over}: {what} ({path.name})")


def _save(clinic: Clinic, domain: str, number: int, arrival: Arrival) -> Path:
    path = _folder(clinic) / f"{domain}-{number}.eml"
    path.write_bytes(arrival.content)
    return path


def _folder(clinic: Clinic) -> Path:
    return clinic.installation.folder / "arrived"
