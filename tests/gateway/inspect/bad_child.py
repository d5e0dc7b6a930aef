"""An inspector that does what the message says, to prove that nothing of it is ever taken for clean."""

import os
import time
from typing import Final

from gateway.inspect.wire import pack_report, unpack_tags
from gateway.workers.child import serve
from policy.phi.report import Report

CLEAN: Final = Report(phi=False, score=0.0, reasons=("Nothing was found.",))
_state = {"jobs": 0}


def handle(header: bytes, blob: memoryview) -> bytes:
    """Crash, stall, eat memory, talk nonsense; or only when this process has worked before ("worn")."""
    _state["jobs"] += 1
    match bytes(blob):
        case b"crash":
            os._exit(9)
        case b"stall":
            time.sleep(3600)
        case b"memory":
            return bytes(10 * 1024**3)
        case b"nonsense":
            return b"\x81\xa3phi\xa2no"
        case b"raise":
            raise RecursionError
        case b"worn" if _state["jobs"] > 1:
            os._exit(9)
    return pack_report(Report(phi=False, score=0.0, tagged="[secure]" in unpack_tags(header)))


if __name__ == "__main__":
    serve(handle)
