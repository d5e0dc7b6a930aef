"""`mailward audit`: verify, search, export, checkpoint, proof. All only read the database, while a gateway runs too."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TypeVar

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.audit import checkpoint as checkpoints
from gateway.audit.export import export as export_lines
from gateway.audit.note import Checkpoint, NoteError, read_public_key, write_public_key
from gateway.audit.note import verify as verify_note
from gateway.audit.proof import prove
from gateway.audit.search import Found, Query
from gateway.audit.search import search as search_events
from gateway.audit.verify import BadLogError, Verified, Verifier, describe
from gateway.cli.context import Status, config_option, fail, print_json, print_table, settings_option
from gateway.config import Settings
from gateway.control.owner import owners_files
from gateway.store.errors import StoreError
from gateway.store.key_command import open_vault_of
from gateway.store.opening import reading

T = TypeVar("T")

JSON_OPTION = click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")
TIME = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])
FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.group()
@config_option
def audit() -> None:
    """The audit log: what happened to every recipient, and that nobody rewrote it."""


@audit.command()
@JSON_OPTION
@click.option("--public-key", type=FILE, help="PEM file kept elsewhere, instead of the key of this installation.")
@click.option("--checkpoint", "kept", type=FILE, multiple=True, help="A checkpoint kept elsewhere; may be repeated.")
@settings_option
def verify(settings: Settings, *, as_json: bool, public_key: Path | None, kept: tuple[Path, ...]) -> int:
    """Check every event against its hash, and the log against its signed checkpoints."""

    given = None if public_key is None else public_key.read_bytes()

    async def work(conn: AsyncConnection) -> Verified:
        key = await _public_key(conn, settings) if given is None else read_public_key(given)
        verifier = Verifier(key, [await checkpoints.head(conn), *(_read_kept(path, key) for path in kept)])
        async for line in export_lines(conn):
            verifier.feed(line)
        return verifier.finish()

    try:
        result = _read(settings, work)
    except BadLogError as error:
        if as_json:
            print_json({"ok": False, "first_bad": error.seq, "why": str(error)})
            return Status.PROBLEM
        fail(f"audit log is BAD: {error}")
    if as_json:
        print_json(
            {
                "ok": True,
                "events": result.events,
                "signed": result.signed,
                "checkpoints": result.checkpoints,
                "root": result.root.hex(),
            }
        )
    else:
        click.echo(describe(result))
    return Status.DONE


@audit.command()
@JSON_OPTION
@click.option("--id", "queue_id", default="", metavar="ID", help="Queue id of a message.")
@click.option("--recipient", default="", metavar="ADDRESS")
@click.option("--kind", default="", help="Such as delivery.delivered; a family ends with a dot: portal.")
@click.option("--since", type=TIME, help="UTC.")
@click.option("--until", type=TIME, help="UTC, excluded.")
@click.option("--limit", default=1000, show_default=True, type=click.IntRange(min=1), help="The newest so many.")
@settings_option
def search(
    settings: Settings, *, as_json: bool, queue_id: str, recipient: str, kind: str, since: datetime | None,
    until: datetime | None, limit: int,
) -> None:  # fmt: skip
    """List events, oldest first."""
    query = Query(
        queue_id=queue_id.upper(),
        recipient=recipient,
        kind=kind,
        since=since and since.replace(tzinfo=UTC),
        until=until and until.replace(tzinfo=UTC),
        limit=limit,
    )
    found = _read(settings, lambda conn: search_events(conn, query))
    if as_json:
        for one in found:
            print_json({"seq": one.seq, **_plain(one)})
        return
    print_table([_row(one) for one in found], ["seq", "time", "kind", "message", "recipient", "facts"])


@audit.command()
@click.option("--output", type=click.File("xb"), default="-", help="A new file instead of standard output.")
@settings_option
def export(settings: Settings, *, output: IO[bytes]) -> None:
    """Write the whole log as JSON lines, for `python -m gateway.audit.verify`."""

    async def work(conn: AsyncConnection) -> None:
        async for line in export_lines(conn):
            output.write(line)

    _read(settings, work)


@audit.command()
@click.option("--public-key", "wants_key", is_flag=True, help="Print the key that checkpoints are verified with (PEM).")
@settings_option
def checkpoint(settings: Settings, *, wants_key: bool) -> None:
    """Print the newest signed checkpoint; keep copies where nobody here can change them."""

    async def work(conn: AsyncConnection) -> str:
        if wants_key:
            return write_public_key(await _public_key(conn, settings))
        note = await checkpoints.newest(conn)
        if note is None:
            fail("there is no checkpoint yet; a running gateway makes them", Status.TRY_LATER)
        return note

    click.echo(_read(settings, work), nl=False)


@audit.command()
@click.argument("queue_id", metavar="ID")
@settings_option
def proof(settings: Settings, *, queue_id: str) -> int:
    """Prove to someone who has a checkpoint that the events of a message are in the log; one JSON object a line."""
    proofs = _read(settings, lambda conn: prove(conn, queue_id.upper()))
    for one in proofs:
        print_json(one)
    if not proofs:
        fail(f"{queue_id}: no event of this message is covered by a checkpoint yet", Status.PROBLEM)
    return Status.DONE


def _read(settings: Settings, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
    """Run work on a read-only connection; what is wrong with files ends the command in one line."""

    async def run() -> T:
        async with _connection(settings) as conn:
            return await work(conn)

    try:
        return asyncio.run(run())
    except (StoreError, NoteError, OSError) as error:
        fail(str(error))


@asynccontextmanager
async def _connection(settings: Settings) -> AsyncIterator[AsyncConnection]:
    with owners_files(settings.server.data_dir):  # reading SQLite in WAL mode may make files beside the database
        async with reading(settings) as conn:
            yield conn


async def _public_key(conn: AsyncConnection, settings: Settings) -> Ed25519PublicKey:
    return await checkpoints.public_key(conn, await asyncio.to_thread(open_vault_of, settings.seal, may_create=False))


def _read_kept(path: Path, key: Ed25519PublicKey) -> Checkpoint:
    try:
        return verify_note(path.read_text(encoding="utf-8"), key)
    except NoteError as error:
        raise NoteError(f"{path}: {error}") from None


def _plain(found: Found) -> dict[str, object]:
    event = found.event
    return {
        "at": event.at,
        "kind": event.kind,
        "queue_id": event.queue_id,
        "recipient": event.recipient,
        "data": event.data,
    }


def _row(found: Found) -> tuple[object, ...]:
    event = found.event
    facts = " ".join(f"{name}={value}" for name, value in event.data.items() if value not in ("", None, []))
    return found.seq, f"{event.at:%Y-%m-%dT%H:%M:%SZ}", event.kind, event.queue_id, event.recipient, facts
