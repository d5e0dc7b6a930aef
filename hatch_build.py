"""Hatchling's build hook: a wheel never leaves without the vocabulary and the model that the classifier reads.

The tables are compacted from three packages of `[build-system] requires`, the model is trained on the labelled mail of
the repository, and neither is kept in git. A failing build of them fails the build of the wheel: a gateway without its
vocabulary would find no health terms and call mail harmless.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

DATA = Path("policy", "phi", "data")
TABLES = ("diagnoses.tsv.gz", "drugs.tsv.gz", "given.tsv.gz", "family.tsv.gz")
MODEL = "model.tsv.gz"


class VocabularyHook(BuildHookInterface[BuilderConfig]):
    """Runs `python -m policy.phi.data.build` when a table is missing, and `….learn` when there is no model."""

    PLUGIN_NAME = "vocabulary"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build what is missing in the source tree, before hatchling collects its files."""
        data = Path(self.root, DATA)
        if not all((data / table).exists() for table in TABLES):
            self._run("build")
        if not (data / MODEL).exists():
            self._run("learn")

    def _run(self, name: str) -> None:
        module = ".".join((*DATA.parts, name))
        subprocess.run([sys.executable, "-m", module], cwd=self.root, check=True)  # noqa: S603  # no outside input
