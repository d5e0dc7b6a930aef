"""The weights of the model: a table that `python -m policy.phi.data.learn` trains when the package is built."""

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from policy.phi.data.load import built_table
from policy.phi.learned.features import RULES
from policy.phi.learned.senses import senses

BIAS: Final = "bias"
_LEARN: Final = "python -m policy.phi.data.learn"
RULES_SHARE: Final = 0.1  # how much what the rules found counts beside the words, whose length is 1


@dataclass(frozen=True, slots=True)
class Model:
    """weights: of each feature that matters."""

    weights: Mapping[str, float]

    def shares(self, found: Mapping[str, float]) -> Mapping[str, float]:
        """Return what each feature adds to the margin."""
        unit, known = word_value(found), self.weights
        return {
            name: known[name] * (value * RULES_SHARE if name.startswith(RULES) else unit)
            for name, value in found.items()
            if name in known
        }


def word_value(found: Mapping[str, float]) -> float:
    """Return what one word counts: long messages say no more than short ones."""
    words = sum(not name.startswith(RULES) for name in found)
    return 1 / math.sqrt(words) if words else 0.0


@functools.cache
def model() -> Model:
    """Return the model, loading it and the table of classes the first time. Raises: VocabularyMissing."""
    senses()
    table = built_table("model", command=_LEARN)
    return Model({name: weight for weight, names in table.items() for name in names})
