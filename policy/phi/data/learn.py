"""Trains the model that joins the rules: `python -m policy.phi.data.learn [FOLDER]` writes `model.tsv.gz`.

Reads the labelled mail of `mail/` and what the rules find in it, so the vocabulary tables must be there. The model is
a linear one, a support vector machine with squared hinge loss, fitted one message after the other in its dual form
(Hsieh et al., "A dual coordinate descent method for large-scale linear SVM", ICML 2008, algorithm 1). Pure Python, a
few seconds; weights are rounded, so that the same mail gives the same bytes.
"""

import gzip
import math
import random
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from policy.phi.data.mail import LabelledMail, labelled_mail
from policy.phi.examine import examine
from policy.phi.learned.features import RULES, features
from policy.phi.learned.weights import BIAS, RULES_SHARE, Model, word_value
from policy.phi.normalise import normalise
from policy.phi.report import Place
from policy.phi.text import Source, Text

_ROUNDS: Final = 30
_COST: Final = 1.0  # of a message on the wrong side
_LEAST: Final = 2  # messages that must hold a feature
# How easily a feature gets weight: by its kind, and the more the rarer it is.
_EASE: Final = {"pair": 0.6, "both": 0.6, "word": 1.3, "next": 0.8}
_RARE: Final = 0.7
_STEP: Final = 100  # weights are kept in hundredths


@dataclass(frozen=True, slots=True)
class Example:
    """One message as the training sees it."""

    features: Mapping[str, float]
    is_phi: bool


def texts_of(mail: LabelledMail) -> tuple[list[Text], frozenset[str]]:
    """Return what the classifier reads of a message, without the parser of mail: texts and the sender's name."""
    sender = mail.sender.partition("<")[0].strip(' "').lower()
    texts = [
        Text(Place(part="subject"), Source.SUBJECT, normalise(mail.subject)),
        Text(Place(part="1", name="text/plain"), Source.BODY, normalise(f"{mail.body}\n")),
    ]
    return texts, frozenset({sender})


def train(examples: Sequence[Example]) -> Model:
    """Fit the weights. The same examples in the same order give the same weights."""
    counts = Counter(name for item in examples for name in item.features)
    names = [BIAS, *sorted(name for name, count in counts.items() if count >= _LEAST)]
    index = {name: (number, _ease(name, counts[name], len(examples))) for number, name in enumerate(names)}
    weights = [0.0] * len(names)
    rows = [_row(item, index) for item in examples]
    slack, alphas = 0.5 / _COST, [0.0] * len(rows)
    order, chance = list(range(len(rows))), random.Random(0)  # noqa: S311  # repeatable, not secret
    for _ in range(_ROUNDS):
        chance.shuffle(order)
        for number in order:
            side, square, cells = rows[number]
            score = sum([weights[cell] * value for cell, value in cells])
            alpha = alphas[number]
            alphas[number] = max(0.0, alpha - (side * score - 1 + slack * alpha) / (square + slack))
            step = (alphas[number] - alpha) * side
            if step:
                for cell, value in cells:
                    weights[cell] += step * value
    eased = {name: weight * index[name][1] for name, weight in zip(names, weights, strict=True)}
    kept = {name: round(weight * _STEP) / _STEP for name, weight in eased.items()}
    return Model({name: weight for name, weight in kept.items() if weight or name == BIAS})


def _ease(name: str, count: int, of: int) -> float:
    if name == BIAS or name.startswith(RULES):
        return 1.0
    rarity: float = (math.log(of / count) / 3) ** _RARE
    return _EASE.get(name.partition(" ")[0], 1.0) * rarity


def _row(item: Example, index: Mapping[str, tuple[int, float]]) -> tuple[int, float, list[tuple[int, float]]]:
    """Return (side, squared length, cells) of an example."""
    unit = word_value(item.features)
    cells = [(index[BIAS][0], 1.0)]
    for name, value in sorted(item.features.items()):  # sums depend on the order
        if name in index:
            number, ease = index[name]
            cells.append((number, value * RULES_SHARE if name.startswith(RULES) else unit * ease))
    return 1 if item.is_phi else -1, sum(value * value for _, value in cells), cells


def main(arguments: list[str]) -> int:
    """Write the table into the folder given, or beside this file."""
    folder = Path(arguments[0]) if arguments else Path(__file__).parent
    weights = train([Example(features(examine(*texts_of(mail))), mail.is_phi) for mail in labelled_mail()]).weights
    lines = "".join(f"{weights[name]:g}\t{name}\n" for name in sorted(weights))
    (folder / "model.tsv.gz").write_bytes(gzip.compress(lines.encode(), mtime=0))
    sys.stdout.write(f"model: {len(weights)} weights\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
