"""What the gateway asks: what is in this message? The answer is always a report, and never a clean one by accident.

A message that kills its inspector, stalls it, or makes it talk nonsense is read once more by a fresh one; then it
counts as unread, hence protected (invariant 5).
"""

from collections.abc import Sequence
from typing import Final

from gateway.inspect.wire import is_report, pack_custom, pack_tags, unpack_report
from gateway.workers.errors import ChildCrashed, ChildTimeout, PoolUnavailable
from gateway.workers.limits import Limits
from gateway.workers.pool import ChildPool
from policy.phi.custom.detect import Custom
from policy.phi.report import Place, Report, Uninspectable

CHILD: Final = "gateway.inspect.child"
UNREAD: Final = Report(
    phi=False,
    score=0.0,
    reasons=("The content check failed twice, so nothing is known about the message.",),
    uninspectable=(Uninspectable(place=Place(part="message"), reason="content check failed"),),
)


class NoInspector(Exception):
    """No inspector can take the message now: answer 451, so that the client keeps it and tries later."""


def inspector_pool(
    size: int, *, module: str = CHILD, limits: Limits | None = None, custom: Custom | None = None
) -> ChildPool:
    """A pool of `size` inspectors, not started yet. custom: what the organisation added to the classifier."""
    setup = pack_custom(custom or Custom())
    return ChildPool(module, size, limits or Limits(), "inspector", accepts=is_report, setup=setup)


class Inspector:
    """Asks a started pool of inspectors."""

    def __init__(self, pool: ChildPool) -> None:
        self._pool = pool

    async def inspect(self, data: bytes, *, subject_tags: Sequence[str]) -> Report:
        """Classify one message.

        data: the whole message, as it came. subject_tags: what raises its level when it stands in the subject.
        Returns: the report; UNREAD when two inspectors failed. Raises: NoInspector.
        """
        header = pack_tags(subject_tags)
        for is_fresh in (False, True):
            try:
                return unpack_report(await self._pool.call(header, data, is_fresh=is_fresh))
            except (ChildCrashed, ChildTimeout):
                continue
            except PoolUnavailable as error:
                raise NoInspector(str(error)) from None
        return UNREAD
