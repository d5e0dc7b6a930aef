"""Load the vocabulary tables once; a missing or broken table is an error here, never an empty vocabulary (MP-15)."""

import functools
import gzip
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Final, NamedTuple

from policy.phi.report import Kind

_BUILD: Final = "python -m policy.phi.data.build"


_COMMON: Final = 1.0  # weight of names that are common


class VocabularyMissing(Exception):
    """A vocabulary table is missing or broken: build it with `python -m policy.phi.data.build`."""


class Term(NamedTuple):
    """One entry of the vocabulary: what it is, and how much it alone says about somebody's health (0 to 1)."""

    kind: Kind
    weight: float
    text: str


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All tables, ready to search.

    terms: by their text, lower case.
    categories: ICD-10-CM categories, lower case ("e11").
    given_names, surnames: lower case; a surname may hold a hyphen or an apostrophe. rare_surnames: those that are one
    only beside a given name.
    topics: (topic, certainty, beginnings of words), lower case; "$" is a word's end, "^" the term's beginning.
    """

    terms: Mapping[str, Term]
    categories: frozenset[str]
    given_names: frozenset[str]
    surnames: frozenset[str]
    rare_surnames: frozenset[str]
    topics: tuple[tuple[Kind, float, tuple[str, ...]], ...]


@functools.cache
def vocabulary() -> Vocabulary:
    """Return the vocabulary, loading it the first time (about 0.2 s; inspectors call this before their limits close).

    Raises: VocabularyMissing, naming the table and the command that builds it.
    """
    topics = tuple(_topics())
    terms = {}
    categories: set[str] = set()
    for kind, table in ((Kind.DRUG, "drugs"), (Kind.DIAGNOSIS, "diagnoses")):
        for weight, texts in built_table(table).items():
            if weight:
                terms.update({text: Term(kind, weight, text) for text in texts})
            else:
                categories.update(texts)
    terms |= {term.text: term for term in _lay_terms()}  # our own words overrule the built tables
    given, family = built_table("given"), built_table("family")
    surnames = frozenset(own_list("surnames").split()).union(family.get(_COMMON, ()))
    return Vocabulary(
        terms=terms,
        categories=frozenset(categories),
        given_names=frozenset(own_list("given_names").split()).union(*given.values()),
        surnames=surnames,
        rare_surnames=frozenset[str]().union(*family.values()) - surnames,
        topics=topics,
    )


def built_table(table: str, *, command: str = _BUILD) -> Mapping[float, Sequence[str]]:
    """Return the terms of a built table by their weight."""
    groups: dict[str, list[str]] = {}
    try:
        packed = (files("policy.phi.data") / f"{table}.tsv.gz").read_bytes()
        for line in gzip.decompress(packed).decode().splitlines():
            weight, _, text = line.partition("\t")
            if weight in groups:
                groups[weight].append(text)
            else:
                groups[weight] = [text]
        built = {float(weight): texts for weight, texts in groups.items() if all(texts) or _fail(table)}
    except (OSError, EOFError, ValueError) as broken:
        raise VocabularyMissing(f"vocabulary table {table}.tsv.gz is missing or broken; run: {command}") from broken
    if not built:
        raise VocabularyMissing(f"vocabulary table {table}.tsv.gz is empty; run: {command}")
    return built


def _fail(table: str) -> bool:
    raise ValueError(f"a row of {table} holds no term")


def _lay_terms() -> Iterator[Term]:
    kind, weight = Kind.CLINICAL, 0.0
    for line in own_list("lay_terms").splitlines():
        if line.startswith("["):
            word, number = line.strip("[]").split()
            kind, weight = Kind(word), float(number)
        else:
            yield from (Term(kind, weight, text) for text in map(str.strip, line.split(",")) if text)


def _topics() -> Iterator[tuple[Kind, float, tuple[str, ...]]]:
    for group in own_list("topics").split("[")[1:]:
        head, _, stems = group.partition("]")
        word, certainty = head.split()
        pieces = tuple(stem for stem in map(str.strip, stems.replace("\n", ",").split(",")) if stem)
        yield Kind(word), float(certainty), pieces


def own_list(name: str) -> str:
    """Return one of our own committed lists without its comment lines, lower case."""
    try:
        text = (files("policy.phi.data") / f"{name}.txt").read_text(encoding="utf-8")
    except OSError as missing:
        raise VocabularyMissing(f"vocabulary list {name}.txt is missing: the installation is incomplete") from missing
    return "\n".join(line for line in text.lower().splitlines() if not line.startswith("#"))
