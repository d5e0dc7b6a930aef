"""Pictures shall be read: only where there is something to read them."""

from pathlib import Path

import pytest

from gateway.config import ocr
from gateway.config.classification import Classification
from gateway.config.custom import CustomError, read_custom


def test_the_model_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first folder that has it; the inspectors are told which."""
    (tmp_path / "eng.traineddata").touch()
    monkeypatch.setattr(ocr, "_FOLDERS", (str(tmp_path / "nowhere"), str(tmp_path)))
    assert read_custom(Classification(ocr=True)).ocr == str(tmp_path)
    assert not read_custom(Classification()).ocr


@pytest.mark.parametrize(
    ("hidden", "text"),
    [("tesserocr", "needs the extra [ocr]"), ("PIL", "needs the extra [ocr]"), ("", "tesseract-ocr-eng")],
)
def test_what_is_missing_is_said_at_start(hidden: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting without effect would leave every picture unread, in silence."""
    monkeypatch.setattr(ocr, "_FOLDERS", ())
    monkeypatch.setattr(ocr, "find_spec", lambda name: None if name == hidden else object())
    with pytest.raises(CustomError, match="ocr = false") as refused:
        read_custom(Classification(ocr=True))
    assert refused.value.fault[0] == ("classification", "ocr")
    assert text in refused.value.fault[1]
