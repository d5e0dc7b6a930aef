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


def commands(rows: Iterable[Row]) -> Iterator[str]:
    """Commands to try in another terminal, with MAILWARD_CONFIG set."""
    program = _program()
    yield f"{program} explain {_near(files('gateway.demo') / 'messages')}"
    yield f"{program} queue list --all"
    for row in [row for row in rows if row.link][:1]:
        yield f"{program} queue show {row.sent.queue_id}"
        yield f"{program} audit search --id {row.sent.queue_id}"
    yield f"{program} audit verify"
    yield f"{program} key openpgp list"
    yield f"{program} key smime list"


def _program() -> str:
    """The command as this person can type it."""
    if shutil.which("mailward"):
        return "mailward"
    beside = Path(sys.executable).with_name("mailward")
    return _near(beside) if beside.exists() else f"{_near(sys.executable)} -m gateway"


def _near(path: object) -> str:
    """A path as it is shortest from here."""
    whole, here = Path(str(path)), Path.cwd()
    return str(whole.relative_to(here)) if whole.is_relative_to(here) else str(whole)


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
