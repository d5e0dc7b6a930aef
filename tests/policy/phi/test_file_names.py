"""Names of files that say whose they are."""

import pytest

from policy.phi.classify import classify_message
from policy.phi.data.load import vocabulary
from policy.phi.file_names import find_dated_names, readable
from tests.policy.phi.messages import attachment, multipart, text_part


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Roe_Jane.pdf", "Roe Jane"),
        ("Crohn_s_disease.jpg", "Crohn's disease"),
        ("Roe.Jane_Parkinson_s.jpg", "Roe Jane Parkinson's"),
        ("plan_s2_sales.pdf", "plan s2 sales"),
        (".bashrc", "bashrc"),
    ],
)
def test_the_words_of_a_name(name: str, words: str) -> None:
    assert readable(name).strip() == words


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Judge Jeffrey 19660507 report", ["Judge Jeffrey"]),
        ("Baker-Anna-1980-02-28", ["Baker-Anna"]),
        ("Anna Baker K 19800228", ["Anna Baker"]),
        ("flu summer 20240601 clinic", []),
        ("Judge Jeffrey report", []),
        ("Judge Jeffrey 19661507", []),
        ("Price List 20240601", []),
    ],
)
def test_a_date_makes_a_name(name: str, found: list[str]) -> None:
    assert [mention.value for mention in find_dated_names(name, vocabulary())] == found


def test_a_file_named_after_somebody_is_phi() -> None:
    """AB-03: the picture cannot be read, its name can."""
    for name in ("Judge_Jeffrey_19660507_herpes_simplex.jpg", "Dunn_Sonny_20050218_Parkinson_s_disease.jpg"):
        assert classify_message(
            multipart([text_part("scan"), attachment(b"\xff\xd8\xff", kind="image/jpeg", name=name)])
        ).phi
    price = attachment(b"\xff\xd8\xff", kind="image/jpeg", name="Price_List_20240601_flu_vaccines.jpg")
    assert not classify_message(multipart([text_part("scan"), price])).phi
