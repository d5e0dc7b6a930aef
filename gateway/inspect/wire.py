"""How a request and a report travel between the gateway and an inspector: msgpack, typed when it is read.

An inspector may have been taken over by the message it read; what it says is checked for shape like a stranger's words.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import TypeVar

import msgspec

from policy.phi.custom.detect import Custom
from policy.phi.report import Report

_REPORTS = msgspec.msgpack.Decoder(Report)
_TAGS = msgspec.msgpack.Decoder(tuple[str, ...])
_CUSTOM = msgspec.msgpack.Decoder(Custom)
_ENCODER = msgspec.msgpack.Encoder()

T = TypeVar("T")


def _decode(decoder: msgspec.msgpack.Decoder[T], data: bytes) -> T:
    """Read a stranger's bytes. Raises: msgspec.DecodeError, also for what msgspec itself reports by other errors."""
    try:
        return decoder.decode(data)
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(type(error).__name__) from None


def pack_tags(subject_tags: Sequence[str]) -> bytes:
    """The header of a job."""
    return _ENCODER.encode(tuple(subject_tags))


def unpack_tags(header: bytes) -> tuple[str, ...]:
    """Read what `pack_tags` wrote. Raises: msgspec.DecodeError."""
    return _decode(_TAGS, header)


def pack_custom(custom: Custom) -> bytes:
    """What every inspector of a pool begins with; empty when the organisation added nothing."""
    return _ENCODER.encode(custom) if custom != Custom() else b""


def unpack_custom(setup: bytes) -> Custom:
    """Read what `pack_custom` wrote. Raises: msgspec.DecodeError."""
    return _decode(_CUSTOM, setup) if setup else Custom()


def pack_report(report: Report) -> bytes:
    """The answer to a job."""
    return _ENCODER.encode(report)


@lru_cache(maxsize=4)
def unpack_report(answer: bytes) -> Report:
    """Read an answer. Raises: msgspec.DecodeError (ValidationError is one) when it is no report, or its measures none.

    The pool checks an answer and the inspector reads it a moment later: the last few are kept, so that it costs once.
    """
    report = _decode(_REPORTS, answer)
    if not all(0 <= measure <= 1 for measure in (report.score, *(found.certainty for found in report.findings))):
        raise msgspec.DecodeError("a measure is not from 0 to 1")  # NaN is neither
    return report


def is_report(answer: bytes) -> bool:
    """Whether an answer is well-formed."""
    try:
        unpack_report(answer)
    except msgspec.DecodeError:
        return False
    return True
