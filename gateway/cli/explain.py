"""`mailward explain`: what would happen to these messages, and why. Sends nothing, and asks no server.

Files are hostile mail, so they are read by inspectors, as the gateway does it, several at a time.
"""

import asyncio
import contextlib
import os
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import getaddresses
from pathlib import Path
from typing import Final

import click

from gateway.cli.context import Status, config_option, fail, find_settings, print_json, printable
from gateway.cli.explain_registers import Consulted, consult
from gateway.cli.explain_stored import QUEUE_ID, explain_stored
from gateway.cli.explain_words import as_json, as_lines
from gateway.config import Settings
from gateway.config.custom import CustomError, read_custom
from gateway.config.model import Domain
from gateway.config.policies import Policy
from gateway.config.rules import label_book, rule_book
from gateway.config.sending import Delivery
from gateway.config.ways import default_for, recipient_facts, states_of
from gateway.inspect.inspector import Inspector, NoInspector, inspector_pool
from gateway.message.address import AddressError, parse_address
from gateway.message.fields import HeaderError, split_message
from gateway.message.visible import count_visible
from gateway.pipeline.facts import settled
from policy.decide import Facts, decide
from policy.facts import Sent
from policy.phi.custom.detect import Custom
from policy.phi.report import Report
from policy.rules import NO_RULES, RuleBook
from policy.rules.labels import NO_LABELS, LabelBook

READ_AHEAD: Final = 8  # messages per inspector that may be under way, so that a slow one does not stop the others
RECIPIENT_FIELDS: Final = ("to", "cc", "bcc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What the command line asks: the envelope where it is given, and the policy it is asked under."""

    sender: str
    recipients: tuple[str, ...]
    policy: Policy
    delivery: Delivery
    domains: tuple[Domain, ...]
    rules: RuleBook = NO_RULES
    labels: LabelBook = NO_LABELS
    custom: Custom | None = None
    store: Settings | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was found in one file, and what would happen."""

    path: Path
    sender: str
    facts: Facts
    seconds: float
    asked: tuple[str, ...] = ()


def find_files(paths: Iterable[Path]) -> Iterator[Path]:
    """The files themselves, and every file below the directories, in the order of their names."""
    for path in paths:
        if path.is_dir():
            yield from sorted(found for found in path.rglob("*") if found.is_file())
        else:
            yield path


def as_received(data: bytes) -> bytes:
    """A message as SMTP would have brought it: a file that was saved with bare line feeds gets its CRLF back."""
    return data if b"\r\n" in data else data.replace(b"\n", b"\r\n")


def header_addresses(data: bytes, names: Iterable[str]) -> tuple[str, ...]:
    """Well-formed addresses in these header fields, each once; none when the header cannot be read."""
    try:
        parsed = split_message(data)
    except HeaderError:
        return ()
    values = [field.value.decode("utf-8", "replace") for name in names for field in parsed.all(name)]
    found: dict[str, None] = {}
    for _name, address in getaddresses(values):
        with contextlib.suppress(AddressError):
            found[parse_address(address, allows_utf8=True)] = None
    return tuple(found)


async def explain_one(
    path: Path, question: Question, inspector: Inspector, turn: asyncio.Semaphore, consulted: Consulted | None = None
) -> Answer:
    """Read, classify and decide one file. Raises: OSError, NoInspector."""
    data = as_received(await asyncio.to_thread(path.read_bytes))
    async with turn:
        began = time.perf_counter()
        report = await inspector.inspect(data, subject_tags=question.policy.subject_tags)
        seconds = time.perf_counter() - began
    sender = question.sender or next(iter(header_addresses(data, ("from",))), "")
    recipients = question.recipients or header_addresses(data, RECIPIENT_FIELDS)
    facts = Facts(
        report=report,
        default=default_for(question.policy, question.domains, sender=sender),
        sent=as_sent(data, report, sender=sender, question=question),
        recipients=tuple(
            recipient_facts(
                question.delivery,
                question.domains,
                sender=sender,
                address=address,
                has_openpgp_key=None,
                has_smime_certificate=None,
            )
            for address in recipients
        ),
    )
    states = states_of(question.domains, sender=sender)
    facts = replace(facts, sent=settled(question.labels, facts, states=states))
    asked: tuple[str, ...] = ()
    if consulted:
        facts, asked = await consulted.ask(facts)
    return Answer(path=path, sender=sender, facts=facts, seconds=seconds, asked=asked)


async def explain_all(paths: Iterable[Path], question: Question, *, size: int, is_json: bool) -> int:
    """Print an answer for each file, in their order. Returns: the exit status; 1 when a file could not be read."""
    async with consult(question.store, question.rules) as consulted:
        key = consulted.key if consulted else b""
        pool = inspector_pool(size, custom=replace(question.custom or Custom(), persons_key=key))
        await pool.start()
        try:
            return await _explain_all(paths, question, Inspector(pool), consulted, size=size, is_json=is_json)
        finally:
            await pool.stop()


async def _explain_all(
    paths: Iterable[Path],
    question: Question,
    inspector: Inspector,
    consulted: Consulted | None,
    *,
    size: int,
    is_json: bool,
) -> int:
    turn, status = asyncio.Semaphore(size), Status.DONE
    under_way: deque[tuple[Path, asyncio.Task[Answer]]] = deque()
    left = iter(paths)
    try:
        while True:
            while len(under_way) < size * READ_AHEAD and (path := next(left, None)) is not None:
                one = explain_one(path, question, inspector, turn, consulted)
                under_way.append((path, asyncio.create_task(one)))
            if not under_way:
                return status
            path, task = under_way[0]
            try:
                show(await task, question.rules, is_json=is_json)
            except OSError as error:
                click.echo(f"mailward: {printable(str(path))}: {error.strerror}", err=True)
                status = Status.PROBLEM
            under_way.popleft()
    finally:
        for _path, task in under_way:
            task.cancel()
        await asyncio.gather(*(task for _path, task in under_way), return_exceptions=True)


def as_sent(data: bytes, report: Report, *, sender: str, question: Question) -> Sent:
    """What rules ask of a message besides, as if it came now: nobody signed in, and no control header is believed."""
    try:
        visible = count_visible(split_message(data))
    except HeaderError:
        visible = 0
    return Sent(
        sender=sender,
        size=len(data),
        visible=visible,
        at=datetime.now(UTC).astimezone(),
        urgent=report.urgent,
        our_domains=frozenset(domain.name for domain in question.domains),
    )


def show(answer: Answer, rules: RuleBook, *, is_json: bool) -> None:
    """Print one answer."""
    decisions, verdicts = decide(answer.facts, rules), rules.verdicts(answer.facts)
    if is_json:
        print_json(
            as_json(str(answer.path), answer.facts, decisions, answer.seconds, verdicts=verdicts, asked=answer.asked)
        )
        return
    for line in as_lines(
        str(answer.path), answer.sender, answer.facts, decisions, verdicts=verdicts, asked=answer.asked
    ):
        click.echo(printable(line))


def _address(_context: click.Context, _option: click.Parameter, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
    try:
        if isinstance(value, tuple):
            return tuple(parse_address(one, allows_utf8=True) for one in value)
        return value and parse_address(value, allows_utf8=True)
    except AddressError as error:
        raise click.BadParameter(str(error)) from None


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option("--from", "sender", default="", metavar="A", callback=_address, help="Envelope sender.")
@click.option("--to", "recipients", multiple=True, metavar="B", callback=_address, help="A recipient; may be repeated.")
@click.option("--json", "is_json", is_flag=True, help="One object a line.")
@config_option
def explain(files: tuple[Path, ...], sender: str, recipients: tuple[str, ...], *, is_json: bool) -> int:
    """Show what is found in messages and how each recipient would get them. Sends nothing.

    FILE is a message or a directory of messages. Without --from and --to, the headers name the envelope. The ID of a
    message in its place shows the decisions that were made on it, from their records.
    """
    settings = find_settings()
    names = [str(path) for path in files if not path.exists()]
    for name in names:
        if settings is None or not QUEUE_ID.fullmatch(name):
            fail(f"{name}: no such file" + ("" if settings else ", and no configuration names a store"), Status.USAGE)
        explain_stored(settings, name, is_json=is_json)
    files = tuple(path for path in files if path.exists())
    if not files:
        return Status.DONE
    try:
        custom = read_custom(settings.classification) if settings else None
    except CustomError as error:
        fail(str(error), Status.BAD_CONFIG)
    question = Question(
        sender=sender,
        recipients=recipients,
        policy=settings.policy if settings else Policy(),
        delivery=settings.delivery if settings else Delivery(),
        domains=settings.domain if settings else (),
        rules=rule_book(settings.policy) if settings else NO_RULES,
        labels=label_book(settings.policy) if settings else NO_LABELS,
        custom=custom,
        store=settings,
    )
    size = (settings.server.inspectors if settings else 0) or len(os.sched_getaffinity(0))
    try:
        return asyncio.run(explain_all(find_files(files), question, size=size, is_json=is_json))
    except NoInspector as error:
        fail(f"{error}; run `python -m gateway.inspect.child` to see what it lacks", Status.TRY_LATER)
