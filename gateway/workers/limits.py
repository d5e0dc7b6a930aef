"""What one child may use. The parent decides; the child reads it from its command line and obeys for life."""

import json
from dataclasses import asdict, dataclass
from typing import Final

MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one child and of the queue before it.

    wall_s: one job, from the first byte sent to the last one answered; then SIGKILL.
    start_s: from exec to the first sign of life; imports happen here.
    jobs: a child is replaced after this many.
    waiting: calls that may wait for a free child; one more is refused at once.
    answer_bytes: the longest answer that is believed.
    memory_bytes: RLIMIT_AS. cpu_s: processor time of one job (RLIMIT_CPU). open_files: RLIMIT_NOFILE.
    """

    wall_s: float = 20.0
    start_s: float = 30.0
    jobs: int = 1000
    waiting: int = 2000
    answer_bytes: int = 4 * MIB
    memory_bytes: int = 1536 * MIB
    cpu_s: int = 20
    open_files: int = 32

    def to_argument(self) -> str:
        """The limits as one word of a command line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_argument(cls, word: str) -> "Limits":
        """Read what `to_argument` wrote. Raises: ValueError or TypeError when it did not."""
        return cls(**json.loads(word))
