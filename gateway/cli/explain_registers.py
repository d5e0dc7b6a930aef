"""What the registers of an installation say of a message in a file: `mailward explain FILE` asks them as the pipeline
does.

Read-only. Where there is none, or one cannot be read, the facts stay as they are: what asks for the most.
"""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import click

from gateway.cli.context import printable
from gateway.config import Settings
from gateway.pipeline.again import answered
from gateway.pipeline.bindings import INDEX, Bindings, binding_of
from gateway.pipeline.registers import Registers
from gateway.store.bindings import persons_key
from gateway.store.errors import StoreError, StoreMissing
from gateway.store.opening import reading_sealed
from policy.facts import Facts
from policy.rules import RuleBook


@dataclass(frozen=True, slots=True)
class Consulted:
    """key: of the marks by which a message names patients, for who classifies it."""

    registers: Registers
    bindings: Bindings
    key: bytes = field(repr=False)

    async def ask(self, facts: Facts) -> tuple[Facts, tuple[str, ...]]:
        """The facts with the answers of now, and which registers were asked."""
        try:
            return await self._ask(facts)
        except StoreError as error:
            _complain(error)
            return facts, ()

    async def _ask(self, facts: Facts) -> tuple[Facts, tuple[str, ...]]:
        purpose, names = facts.sent.purpose, [to.address for to in facts.recipients]
        report = await self.registers.find_patient(facts.report, purpose=purpose)
        asked = self.registers.asks(purpose)
        answers = await self.registers.ask(
            names, patient=report.patient, perhaps=report.matched, purpose=purpose, at=datetime.now(UTC)
        )
        recipients = tuple(answered(to, answers, asked) for to in facts.recipients) if asked else facts.recipients
        if self.bindings.asks_anything:
            bound = await self.bindings.ask(names, report)
            recipients = tuple(replace(to, binding=binding_of(bound, to.address)) for to in recipients)
            asked += (INDEX,)
        return replace(facts, report=report, recipients=recipients), asked


@contextlib.asynccontextmanager
async def consult(settings: Settings | None, rules: RuleBook) -> AsyncIterator[Consulted | None]:
    """None where there is no installation, or it cannot be read."""
    async with contextlib.AsyncExitStack() as stack:
        consulted = None
        if settings is not None:
            try:
                store = await stack.enter_async_context(reading_sealed(settings))
                consulted = Consulted(
                    Registers(store, rules.facts), Bindings(store, rules.facts), persons_key(store.vault)
                )
            except StoreMissing:
                pass
            except (StoreError, OSError) as error:
                _complain(error)
        yield consulted


def _complain(error: Exception) -> None:
    click.echo(f"mailward: registers are not asked: {printable(str(error))}", err=True)
