"""What a row of the tables is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """old: text that stands in the file exactly once. new: what takes its place."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """One defence, taken out.

    cases: ids that it stands for. edits: all of them together; a defence of two layers needs two. tests: pytest node
    ids, each of which must fail then; `[text]` behind a name asks for a failing instance whose own id holds the text.
    """

    cases: tuple[str, ...]
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]

    @property
    def title(self) -> str:
        """For people: which cases, and where."""
        first = self.edits[0]
        line = next((line.strip() for line in first.old.splitlines() if line.strip()), "")
        return f"{' '.join(self.cases)}  {first.file}: {line[:60]}"


def removal(cases: str, file: str, old: str, new: str, *tests: str, also: tuple[Edit, ...] = ()) -> Removal:
    """A row. cases: ids with blanks between them. also: further edits."""
    edits = (Edit(file=file, old=old, new=new), *also)
    return Removal(cases=tuple(cases.split()), edits=edits, tests=tests)
