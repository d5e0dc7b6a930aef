"""The table of targets: every parser of bytes from outside, with what a fuzzer begins with.

`test_targets.py` drives it by hypothesis and by the seeds, `drive.py` by a coverage-guided fuzzer.
"""

from collections.abc import Mapping
from typing import Final

from tests.fuzz import delivery, files, inbox, inside, intake, keys, message, phi, rules, tls
from tests.fuzz.target import Target

TARGETS: Final[Mapping[str, Target]] = {
    name: target
    for room in (intake, inbox, message, delivery, inside, tls, keys, phi, rules, files)
    for name, target in room.TARGETS.items()
}
