"""Every row, and every case that needs one."""

from pathlib import Path
from typing import Final

from tests.defences.identity import IDENTITY
from tests.defences.removal import Removal
from tests.defences.resources import RESOURCES
from tests.defences.session import SESSION_RULES
from tests.defences.wire_format import WIRE_FORMAT

REMOVALS: Final[tuple[Removal, ...]] = (*WIRE_FORMAT, *SESSION_RULES, *IDENTITY, *RESOURCES)
CASES: Final = tuple((Path(__file__).parent / "cases.txt").read_text(encoding="ascii").split())
