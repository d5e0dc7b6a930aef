"""The vocabulary tables: how they are built, and that a missing one is an error (MP-15)."""

import bz2
import gzip
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

from policy.phi.classify import classify_message
from policy.phi.data import build, load
from policy.phi.data.build import spoken_forms
from policy.phi.data.load import VocabularyMissing, vocabulary
from policy.phi.health import find_health
from policy.phi.look import look
from policy.phi.report import Kind
from tests.policy.phi.messages import mail


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the data folder that the loader reads instead."""
    for file in (Path(load.__file__).parent).iterdir():
        if file.suffix in {".gz", ".txt"}:
            (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(load, "files", lambda package: tmp_path)
    vocabulary.cache_clear()
    yield tmp_path
    vocabulary.cache_clear()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["drugs.tsv.gz", "diagnoses.tsv.gz", "lay_terms.txt", "topics.txt"])
def test_a_missing_table_protects_everything(tables: Path, name: str) -> None:
    """MP-15: without a table there is an error that says what to do, and never a clean verdict."""
    (tables / name).unlink()
    with pytest.raises(VocabularyMissing, match=name.partition(".")[0]):
        vocabulary()
    report = classify_message(mail("hello"))
    assert report.protected
    assert "missing" in report.uninspectable[0].reason


@pytest.mark.parametrize(
    "content",
    [b"", b"not gzip", gzip.compress(b""), gzip.compress(b"no tab\n")],
    ids=["empty", "text", "nothing in it", "no tab"],
)
def test_a_broken_table_is_as_bad_as_a_missing_one(tables: Path, content: bytes) -> None:
    """MP-15: half a vocabulary would call mail clean."""
    (tables / "drugs.tsv.gz").write_bytes(content)
    with pytest.raises(VocabularyMissing, match=r"policy\.phi\.data\.build"):
        vocabulary()


@pytest.mark.parametrize(
    ("wording", "forms"),
    [
        ("Type 2 diabetes mellitus without complications", set()),
        ("Acute appendicitis, unspecified", {"acute appendicitis", "appendicitis"}),
        ("Other specified anemias", set()),
        ("Pneumonia due to Streptococcus pneumoniae", {"pneumonia"}),
        ("Contact with hot drinks", set()),
    ],
)
def test_wordings_become_what_people_write(wording: str, forms: set[str]) -> None:
    """The classification's phrases are reduced to searchable terms; ordinary English does not become one."""
    assert forms <= set(spoken_forms(wording))
    assert not {"contact", "drinks", "other", "hot drinks"} & set(spoken_forms(wording))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("she has lupus", Kind.DIAGNOSIS),
        ("dx E11.9", Kind.DIAGNOSIS),
        ("started on clonazepam", Kind.DRUG),
        ("take 500 mg daily", Kind.DRUG),
        ("her colonoscopy", Kind.PROCEDURE),
        ("down for ERCP", Kind.PROCEDURE),
        ("A1c 9.4%", Kind.LAB),
        ("a 47-year-old", Kind.CLINICAL),
        ("prior authorization", Kind.INSURANCE),
        ("kidney stones", Kind.DIAGNOSIS),
        ("chemo", Kind.DRUG),
    ],
)
def test_health_is_found(text: str, kind: Kind) -> None:
    """Vocabulary, codes, doses, ages, laboratory values, lay words."""
    assert kind in {mention.kind for mention in find_health(look(text), vocabulary())}


@pytest.mark.parametrize(
    "text",
    [
        "visual aids",
        "a version bump",
        "use std::sort",
        "curly braces",
        "Mr. Walker",
        "odd lines",
        "a lump sum",
        "cmp",
        "cutting costs",
        "first impression",
        "the Mets won",
        "buffers",
        "Armin",
        "we bid on it",
        "Ana Alt",
        "see section A4.1x",
        "the sob story",
        "a mass mailing? no, bid again",
    ],
)
def test_plain_words_are_not_health(text: str) -> None:
    """Abbreviations that are words count only in capitals; codes need a known category."""
    assert all(mention.strength < 0.5 for mention in find_health(look(text), vocabulary()))


def test_terms_are_whole_words() -> None:
    """ "cat scan" is not in "scat scanner", "flu" not in "influence"."""
    assert not find_health(look("scat scanner influences"), vocabulary())


def test_the_builder_unpickles_plain_containers_only(tmp_path: Path) -> None:
    """A dictionary that smuggles a class in is refused before anything of it runs."""
    names = {"drug_variant_to_canonical": {"metformin": ["metformin"], "water": ["water"], "2-x": ["x"]}}
    file = tmp_path / "drug_ner_dictionary.pkl.bz2"
    file.write_bytes(bz2.compress(pickle.dumps(names)))
    assert list(build.drug_terms(tmp_path)) == ["metformin"]
    file.write_bytes(bz2.compress(pickle.dumps({"drug_variant_to_canonical": Path("x")})))
    with pytest.raises(pickle.UnpicklingError, match="holds a class"):
        list(build.drug_terms(tmp_path))


def test_the_builder_says_which_package_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No half-built table is left when a package is not there."""
    monkeypatch.setattr(build, "_ICD_PACKAGE", "no_such_package")
    assert build.main([str(tmp_path)]) == 1
    assert "no_such_package" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "is_in_general"),
    [
        ("the diabetes association", True),
        ("the HIV prevention seminar", True),
        ("infusion pumps", True),
        ("wound care certification", True),
        ("her infusion pump", False),
        ("her diabetes medication", False),
        ("hypertension, awareness", False),
    ],
)
def test_health_in_the_name_of_something_is_weak(text: str, is_in_general: bool) -> None:
    """Such a word alone never makes PHI of a message that names somebody."""
    assert (max(mention.strength for mention in find_health(look(text), vocabulary())) <= 0.35) == is_in_general
