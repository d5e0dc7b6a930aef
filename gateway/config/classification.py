"""Settings of what the organisation adds to the classifier."""

from collections.abc import Callable
from typing import Annotated, Final

from pydantic import AfterValidator

from gateway.config.fields import DerivedFile, Flag, Kind, OptionalFile, Section, required, setting
from policy.phi.custom import shapes
from policy.phi.custom import terms as own_terms
from policy.phi.custom.detect import bare
from policy.phi.report import Kind as FindingKind

MOST_DICTIONARIES: Final = 20


def _at_most(count: int) -> AfterValidator:
    def check(items: tuple[object, ...]) -> tuple[object, ...]:
        if len(items) > count:
            raise ValueError(f"has {len(items):,} entries; at most {count:,}")
        return items

    return AfterValidator(check)


def _quoting(parse: Callable[[str], object]) -> AfterValidator:
    """Keep the text as it was written, when it can be read; else say which one it is."""

    def check(text: str) -> str:
        try:
            parse(text)
        except ValueError as error:
            raise ValueError(f'"{text[:40]}" {error}') from None
        return text

    return AfterValidator(check)


def parse_shape(text: str) -> str:
    """Raises: ValueError with the column."""
    shapes.parse_shape(text)
    return text


def parse_exception(text: str) -> str:
    """Raises: ValueError for what would leave out too much, and for more than a value."""
    if len(bare(text)) < own_terms.SHORTEST or len(text) > own_terms.LONGEST:
        raise ValueError(
            f"must have {own_terms.SHORTEST} letters or digits or more, and at most {own_terms.LONGEST} characters"
        )
    return text


def parse_meaning(kind: FindingKind) -> FindingKind:
    """Raises: ValueError for a kind that no word of a dictionary can be."""
    if kind not in own_terms.MEANT:
        raise ValueError(f'"{kind}" is nothing that words say; write {_words()}')
    return kind


def _words() -> str:
    *most, last = (f'"{kind}"' for kind in own_terms.MEANT)
    return f"{', '.join(most)} or {last}"


Shape = Annotated[str, AfterValidator(parse_shape), Kind("shape")]
Term = Annotated[str, _quoting(own_terms.parse_term), Kind("text")]
Exempt = Annotated[str, _quoting(parse_exception), Kind("text")]
Meaning = Annotated[
    FindingKind, AfterValidator(parse_meaning), Kind(", ".join(f'`"{kind}"`' for kind in own_terms.MEANT))
]


class Dictionary(Section):
    """Words that speak of health and that the vocabulary does not know: local drugs, tests, abbreviations, slang."""

    kind: Meaning = required("What they are found as.", example="drug")
    terms: Annotated[tuple[Term, ...], _at_most(own_terms.MOST)] = required(
        "The words, whole ones, in any case.", example=["zorvexil"]
    )


class Classification(Section):
    """What the organisation adds to what is found in mail; see docs/classification.md. Read when the gateway starts."""

    mrn_shapes: Annotated[tuple[Shape, ...], _at_most(shapes.MOST)] = setting(
        [],
        "Shapes of your record numbers: characters, \\d, classes such as [A-Z], and ?, {7} or {6,8} behind them.",
        example=["LK-\\d{7}"],
    )
    programmes: Annotated[tuple[Term, ...], _at_most(own_terms.MOST)] = setting(
        [], "Names of programmes: that somebody is in one says something about health.", example=["Blue Door"]
    )
    allow: Annotated[tuple[Exempt, ...], _at_most(own_terms.MOST)] = setting(
        [],
        "Values that are nobody's, such as your own telephone: never found, in any case and with any signs.",
        example=["(312) 555-0100"],
    )
    patients_file: OptionalFile = setting(
        "",
        "List of patients, as keyed hashes: `mailward patients build` writes it.",
        example="/var/lib/mailward/patients.list",
    )
    patients_key: DerivedFile = setting(
        "", "The key of the list, made with it, mode 0600; who has both can test guesses.",
        derived="data_dir/patients.key",
    )  # fmt: skip
    ocr: Flag = setting(
        False, "Read pictures and scanned pages with tesseract; needs the extra [ocr] and tesseract-ocr-eng."
    )
    dictionary: Annotated[tuple[Dictionary, ...], _at_most(MOST_DICTIONARIES)] = setting([], "")
