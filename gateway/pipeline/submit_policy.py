"""What of the configuration the path needs by itself."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitPolicy:
    """hostname: ours. subject_tags: what a sender writes to raise the level. expire_after: life of a queue entry."""

    hostname: str
    domains: frozenset[str]
    subject_tags: tuple[str, ...]
    expire_after: timedelta
