"""Tesseract as a library: it reads pictures inside an inspector, which can start no program (docs/decisions/0011).

Its model is loaded before the doors close. It gets pixels and never a file, so its own decoders see nothing hostile.
"""

import os
import time
from typing import Any, Final

from policy.phi.files import picture
from policy.phi.files.sight import Sight

LANGUAGE: Final = "eng"
_DPI: Final = 200  # assumed; without it tesseract guesses, and tells its guess to the error output


class Tesseract:
    """An engine with its model in memory; reads one picture after the other."""

    def __init__(self, folder: str) -> None:
        """Load the libraries and the model, and read once. Raises: ImportError, RuntimeError when one is not there.

        folder: where the model lies.
        """
        os.environ["OMP_THREAD_LIMIT"] = "1"  # before the library is loaded: an inspector can start no thread either
        import tesserocr

        picture.prepare()
        self._engine: Any = tesserocr.PyTessBaseAPI(path=folder, lang=LANGUAGE)
        self.read(bytes(100 * 100), width=100, height=100, timeout_ms=1_000)

    def read(self, pixels: bytes, *, width: int, height: int, timeout_ms: int) -> Sight:
        """Read one picture, see `policy.phi.files.sight`."""
        began = time.monotonic()
        text, certainties, is_whole = "", (), True
        engine = self._engine
        try:
            engine.SetImageBytes(pixels, width, height, 1, width)
            engine.SetSourceResolution(_DPI)
            is_whole = engine.Recognize(timeout_ms)
            if is_whole:
                text = engine.GetUTF8Text()
                words = zip(engine.AllWords(), engine.AllWordConfidences(), strict=True)
                certainties = tuple(sure for word, sure in words if any(map(str.isalnum, word)))  # it is sure of blanks
        except RuntimeError:  # of a picture that it does not take, which then says nothing
            text, certainties = "", ()
        finally:
            engine.Clear()
            engine.ClearAdaptiveClassifier()  # it learns letters: nothing of one message may reach the next
        return Sight(text, certainties, is_whole=is_whole, spent_ms=int((time.monotonic() - began) * 1000))
