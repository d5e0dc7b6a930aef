"""An inspector that shows each message to a virus scanner first: what is not known to be clean is not accepted."""

from collections.abc import Sequence

from gateway.inspect.clamd import Clamd, Outcome
from gateway.inspect.inspector import Inspector, NoInspector
from gateway.log import get_logger
from gateway.workers.pool import ChildPool
from policy.phi.report import Report
from policy.phi.scannable import may_hide_a_file

log = get_logger("scanner")


class Infected(Exception):
    """The scanner found malware, which the text names: refuse the message for good."""


class Unscannable(Exception):
    """A mail program may see a file in it that no scanner does: refuse the message for good."""


class ScreenedInspector(Inspector):
    """Asks the scanner, then the pool."""

    def __init__(self, pool: ChildPool, scanner: Clamd) -> None:
        super().__init__(pool)
        self._scanner = scanner

    async def inspect(self, data: bytes, *, subject_tags: Sequence[str]) -> Report:
        """As `Inspector.inspect`. Raises: NoInspector also when the scanner knows nothing; Infected, Unscannable."""
        scan = await self._scanner.scan(data)
        if scan.outcome is Outcome.FOUND:
            raise Infected(scan.words)
        if scan.outcome is not Outcome.CLEAN:
            log.warning("not scanned", why=scan.words)
            raise NoInspector(scan.words)
        report = await super().inspect(data, subject_tags=subject_tags)
        if why := may_hide_a_file(report):
            raise Unscannable(why)
        return report
