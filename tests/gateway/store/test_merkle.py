"""The tree of RFC 9162, against its definition and against itself."""

from collections.abc import Sequence
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.store.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_spans,
    inclusion_spans,
    leaf_hash,
    node_hash,
    prove,
    root_of,
    verify_consistency,
    verify_inclusion,
)

# Well-known inputs of the Certificate Transparency test suites, with the roots that they publish.
INPUTS = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def defined_root(leaves: Sequence[bytes]) -> bytes:
    """RFC 9162 section 2.1.1, word for word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(defined_root(leaves[:split]), defined_root(leaves[split:]))


def some_leaves(size: int) -> list[bytes]:
    return [leaf_hash(bytes([number % 256, number // 256])) for number in range(size)]


@pytest.mark.parametrize(("size", "root"), list(enumerate(ROOTS, 1)))
def test_published_roots(size: int, root: str) -> None:
    """RFC 9162 section 2.1.1, on the inputs that Certificate Transparency implementations share."""
    assert root_of(leaf_hash(data) for data in INPUTS[:size]).hex() == root


def test_the_empty_tree() -> None:
    assert Frontier().root() == EMPTY_ROOT == sha256(b"").digest()


@settings(deadline=None)
@given(st.integers(0, 300))
def test_appending_builds_the_defined_tree(size: int) -> None:
    """Invariant: the frontier's root is the root that the RFC defines, also after a trip through the database."""
    leaves = some_leaves(size)
    half = Frontier()
    for leaf in leaves[: size // 2]:
        half = half.append(leaf)
    frontier = Frontier.from_bytes(half.size, half.to_bytes())
    for leaf in leaves[size // 2 :]:
        frontier = frontier.append(leaf)
    assert frontier.root() == defined_root(leaves)
    assert len(frontier.nodes) == size.bit_count()


def test_a_frontier_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        Frontier.from_bytes(3, bytes(32))


@settings(deadline=None)
@given(st.integers(1, 130).flatmap(lambda size: st.tuples(st.integers(0, size - 1), st.just(size))))
def test_inclusion_proofs(place: tuple[int, int]) -> None:
    """Invariant (AU-12): a logarithmic proof verifies for its leaf, index, size and root, and nothing else."""
    index, size = place
    leaves = some_leaves(size)
    root = defined_root(leaves)
    proof = prove(inclusion_spans(index, size), lambda start, end: defined_root(leaves[start:end]))
    assert len(proof) <= size.bit_length()
    assert verify_inclusion(leaves[index], index, size, proof, root)
    assert not verify_inclusion(leaf_hash(b"other"), index, size, proof, root)
    assert not verify_inclusion(leaves[index], index, size, proof, leaf_hash(b"other"))
    assert not verify_inclusion(leaves[index], index, size, (*proof, bytes(32)), root)
    if size > 1:
        assert not verify_inclusion(leaves[index], (index + 1) % size, size, proof, root)
        assert not verify_inclusion(leaves[index], index, size, proof[:-1], root)


@settings(deadline=None)
@given(st.integers(1, 130).flatmap(lambda new: st.tuples(st.integers(1, new), st.just(new))))
def test_consistency_proofs(sizes: tuple[int, int]) -> None:
    """Invariant: the proof verifies for a tree and its prefix, and not for a prefix that was rewritten."""
    old, new = sizes
    leaves = some_leaves(new)
    proof = prove(consistency_spans(old, new), lambda start, end: defined_root(leaves[start:end]))
    old_root, new_root = defined_root(leaves[:old]), defined_root(leaves)
    assert verify_consistency(old, old_root, new, new_root, proof)
    rewritten = defined_root([leaf_hash(b"other"), *leaves[1:old]])
    assert not verify_consistency(old, rewritten, new, new_root, proof)
    assert not verify_consistency(old, old_root, new, rewritten if old < new else bytes(32), proof)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (3, 3), (-1, 3)])
def test_a_leaf_outside_of_the_tree_has_no_proof(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="not in the tree"):
        inclusion_spans(index, size)
    assert not verify_inclusion(bytes(32), index, size, (), bytes(32))
