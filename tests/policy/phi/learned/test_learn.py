"""Training: the same mail gives the same weights; and the form of the labelled mail."""

from pathlib import Path

import pytest

from policy.phi.data import learn
from policy.phi.data.learn import Example, train
from policy.phi.data.load import VocabularyMissing
from policy.phi.data.mail import LabelledMailBroken, labelled_mail
from policy.phi.learned.opinion import weigh
from policy.phi.learned.weights import Model, model

EXAMPLES = [
    Example({"word cough": 1.0, "who he": 1.0}, is_phi=True),
    Example({"word cough": 1.0, "who nobody": 1.0}, is_phi=False),
    Example({"word lease": 1.0, "who he": 1.0}, is_phi=False),
    Example({"word cough": 1.0, "who he": 1.0, "word today": 1.0}, is_phi=True),
    Example({"word lease": 1.0, "who nobody": 1.0}, is_phi=False),
]


def test_examples_are_told_apart() -> None:
    fitted = train(EXAMPLES)
    assert [weigh(item.features, fitted).margin > 0 for item in EXAMPLES] == [item.is_phi for item in EXAMPLES]
    assert "word today" not in fitted.weights, "one message says nothing of a word"


def test_the_same_examples_give_the_same_weights() -> None:
    assert train(EXAMPLES) == train(EXAMPLES)


def test_all_parts_of_a_margin_are_told() -> None:
    """The explanation adds up: what each feature adds, and the bias, is the margin."""
    small = Model({"bias": -1.0, "word cough": 2.0, "rules score": 4.0})
    said = weigh({"word cough": 1.0, "rules score": 0.5}, small)
    assert said.shares == {"word cough": 2.0, "rules score": pytest.approx(0.2)}
    assert said.margin == pytest.approx(1.2)


@pytest.mark.slow
def test_the_same_mail_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the table is small: it is in every inspector."""
    some = list(labelled_mail())[:150]
    monkeypatch.setattr(learn, "labelled_mail", lambda: some)
    tables = []
    for _ in range(2):
        learn.main([str(tmp_path)])
        tables.append((tmp_path / "model.tsv.gz").read_bytes())
    assert tables[0] == tables[1]
    assert Path(learn.__file__).with_name("model.tsv.gz").stat().st_size < 1_000_000


def test_a_missing_model_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """MP-15: without its weights the classifier would let pass what it found before."""
    monkeypatch.setattr("policy.phi.data.load.files", lambda package: Path("/nonexistent"))
    model.cache_clear()
    try:
        with pytest.raises(VocabularyMissing, match="missing"):
            model()
    finally:
        model.cache_clear()


def test_labelled_mail_has_its_form(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(
        '=== phi | call\nSubject: a\nFrom: "B" <b@b.example>\n\nc\n\n=== not_phi | hard_x\nd\n', encoding="utf-8"
    )
    one, two = labelled_mail(tmp_path)
    assert (one.name, one.subject, one.body, one.group) == ("a-01", "a", "c", "phi")
    assert (two.body, two.group, two.is_phi) == ("d", "hard", False)
    assert one.data.endswith(
        b"Subject: a\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: 8bit\r\n\r\nc\r\n"
    )
    for broken in ("=== maybe | x\nd\n", "=== phi | x\n\n"):
        path.write_text(broken, encoding="utf-8")
        with pytest.raises(LabelledMailBroken, match="a: message 1"):
            list(labelled_mail(path))


def test_half_of_the_mail_is_phi() -> None:
    groups = [mail.group for mail in labelled_mail()]
    assert 0.4 < groups.count("phi") / len(groups) < 0.6
    assert groups.count("hard") > 300
