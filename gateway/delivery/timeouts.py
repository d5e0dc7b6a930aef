"""How long each phase of a delivery may take."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from gateway.delivery.dialogue import Phase

PHASE_LIMITS_S: Final[Mapping[Phase, float]] = MappingProxyType(
    {
        Phase.BANNER: 300,  # RFC 5321 section 4.5.3.2.1
        Phase.EHLO: 300,  # as for the greeting, which it belongs to
        Phase.STARTTLS: 60,  # ours: a handshake that works takes less than a second
        Phase.HANDSHAKE: 60,
        Phase.AUTH: 300,
        Phase.RSET: 300,
        Phase.MAIL: 300,  # 4.5.3.2.2
        Phase.RCPT: 300,  # 4.5.3.2.3
        Phase.DATA: 120,  # 4.5.3.2.4
        Phase.CONTENT: 180,  # 4.5.3.2.5, for each block written
        Phase.DOT: 600,  # 4.5.3.2.6
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLimits:
    """connect_s: for each address (TCP only). phase_s: for one reply, or one block of the message."""

    connect_s: float = 30
    phase_s: Mapping[Phase, float] = field(default_factory=lambda: PHASE_LIMITS_S)

    def of(self, phase: Phase) -> float:
        """The limit of a phase in seconds."""
        return self.phase_s.get(phase, self.phase_s[Phase.MAIL])
