"""The tables of docs/policy.md, written from the code: `python -m policy.rules.document` prints facts and packs."""

from collections.abc import Iterator

from policy.phi.report import Kind
from policy.rules.facts import FACTS
from policy.rules.packs import Pack, load_pack

_ONE: str = next(iter(Kind)).value  # the rows of one kind stand for those of all


def facts_table() -> Iterator[str]:
    """One line a fact; the facts of each kind of finding once, with KIND for its name."""
    yield "| fact | type | value |"
    yield "|---|---|---|"
    for name, fact in FACTS.items():
        parts = name.split(".")
        is_of_kind = parts[0] == "findings" and len(parts) == 3
        if is_of_kind and parts[1] != _ONE:
            continue
        if is_of_kind:
            name, meaning = f"findings.KIND.{parts[2]}", fact.meaning.replace(f" of the kind {_ONE}", " of this kind")
        else:
            meaning = fact.meaning
        yield f"| `{name}` | {fact.type} | {meaning} |"


def packs_table() -> Iterator[str]:
    """One line a rule of a pack."""
    yield "| rule | action | why |"
    yield "|---|---|---|"
    for pack in Pack:
        for one in load_pack(pack):
            yield f"| `{one.rule.name}` | {one.rule.action} | {one.why} |"


def kinds() -> str:
    """What KIND can be."""
    return ", ".join(f"`{kind}`" for kind in Kind)


if __name__ == "__main__":
    print("\n".join([*facts_table(), "", kinds(), "", *packs_table()]))  # noqa: T201
