"""Merkle tree mathematics of RFC 9162 section 2.1: pure, standard library only.

It lives below `gateway.audit`, which builds on it, because the writer appends leaves inside its own transaction; the
stand-alone verifier imports nothing of the store but this file.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()  # RFC 9162 section 2.1.1: the hash of an empty list


def leaf_hash(body: bytes) -> bytes:
    """RFC 9162 section 2.1.1: SHA-256(0x00 || body)."""
    return sha256(b"\x00" + body).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 9162 section 2.1.1: SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """A tree reduced to what appending needs.

    size: number of leaves; nodes: roots of its complete subtrees, largest first, one for each bit set in size.
    """

    size: int = 0
    nodes: tuple[bytes, ...] = ()

    def append(self, leaf: bytes) -> "Frontier":
        """The tree with one leaf more; amortised two hashes."""
        nodes = list(self.nodes)
        size = self.size
        while size & 1:  # merge subtrees of equal size
            leaf = node_hash(nodes.pop(), leaf)
            size >>= 1
        return Frontier(self.size + 1, (*nodes, leaf))

    def root(self) -> bytes:
        """RFC 9162 section 2.1.1: the tree head of all leaves so far."""
        if not self.nodes:
            return EMPTY_ROOT
        root = self.nodes[-1]
        for node in reversed(self.nodes[:-1]):
            root = node_hash(node, root)
        return root

    def to_bytes(self) -> bytes:
        return b"".join(self.nodes)

    @classmethod
    def from_bytes(cls, size: int, data: bytes) -> "Frontier":
        """Raises: ValueError when the number of nodes does not fit the size."""
        if len(data) != HASH_BYTES * size.bit_count():
            raise ValueError("frontier does not fit the tree size")
        return cls(size, tuple(data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)))


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The tree head of these leaf hashes, in constant memory."""
    frontier = Frontier()
    for leaf in leaves:
        frontier = frontier.append(leaf)
    return frontier.root()


Span = tuple[int, int]  # leaves start (included) to end (excluded)
HashOf = Callable[[int, int], bytes]  # the root of a span


def inclusion_spans(index: int, size: int) -> tuple[Span, ...]:
    """The subtrees whose roots prove leaf `index` in a tree of `size`, from the leaf up (RFC 9162 section 2.1.3.1)."""
    if not 0 <= index < size:
        raise ValueError("the leaf is not in the tree")
    spans: list[Span] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start = middle
    return tuple(reversed(spans))


def consistency_spans(old: int, new: int) -> tuple[Span, ...]:
    """The subtrees whose roots prove that the tree of `old` is a prefix of that of `new` (RFC 9162 section 2.1.4.1)."""
    if not 0 < old <= new:
        raise ValueError("sizes must be 0 < old <= new")
    spans: list[Span] = []
    start, end, left_edge = 0, new, True
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start, left_edge = middle, False
    if not left_edge:
        spans.append((start, end))
    return tuple(reversed(spans))


def prove(spans: Iterable[Span], hash_of: HashOf) -> tuple[bytes, ...]:
    """A proof: the roots of its spans."""
    return tuple(hash_of(start, end) for start, end in spans)


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """RFC 9162 section 2.1.3.2, step by step."""
    if not 0 <= index < size:
        return False
    place, last, result = index, size - 1, leaf
    for node in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            result = node_hash(node, result)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            result = node_hash(result, node)
        place, last = place >> 1, last >> 1
    return last == 0 and result == root


def verify_consistency(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """RFC 9162 section 2.1.4.2, step by step."""
    if not 0 < old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)  # an old size of 2**k proves itself
    if not path:
        return False
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    first = second = path[0]
    for node in path[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            first, second = node_hash(node, first), node_hash(node, second)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            second = node_hash(second, node)
        place, last = place >> 1, last >> 1
    return last == 0 and first == old_root and second == new_root


def _split(size: int) -> int:
    """The largest power of two smaller than size (RFC 9162 section 2.1.1)."""
    return 1 << ((size - 1).bit_length() - 1)
