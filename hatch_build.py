"""Hatchling's build hook: a wheel never leaves without the health vocabulary that the classifier reads.

The tables are compacted from three packages of `[build-system] requires` and are not kept in git. A failing build of
the tables fails the build of the wheel: a gateway without its vocabulary would find no health terms and call mail
harmless.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

DATA = Path("policy", "phi", "data")
TABLES = ("diagnoses.tsv.gz", "drugs.tsv.gz", "given.tsv.gz", "family.tsv.gz")


class VocabularyHook(BuildHookInterface[BuilderConfig]):
    """Runs `python -m policy.phi.data.build` when a table is missing."""

    PLUGIN_NAME = "vocabulary"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the missing tables in the source tree, before hatchling collects its files."""
        if all(Path(self.root, DATA, table).exists() for table in TABLES):
            return
        module = ".".join((*DATA.parts, "build"))
        subprocess.run([sys.executable, "-m", module], cwd=self.root, check=True)  # noqa: S603  # no outside input
