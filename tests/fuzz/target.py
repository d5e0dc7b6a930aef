"""What a fuzz target is: a function that takes any bytes and raises when its invariant does not hold."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One parser under test.

    run: takes any bytes; its docstring states the invariant; AssertionError, or what the parser may not raise, is a
    finding. seeds: inputs that reach the parser's depths. words: what a fuzzer may splice in.
    """

    run: Callable[[bytes], None]
    seeds: tuple[bytes, ...]
    words: tuple[bytes, ...] = ()


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    """Cut as TCP might: all in one when size is 0, else so many octets at a time."""
    step = size or max(len(data), 1)
    return (data[at : at + step] for at in range(0, len(data), step))


def split_choice(data: bytes) -> tuple[int, bytes]:
    """The first octet chooses among settings, the rest is the input."""
    return (data[0], data[1:]) if data else (0, b"")
