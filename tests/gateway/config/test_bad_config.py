"""Each folder of tests/bad_config is a broken file and every line that the operator must see, in order (OP-03)."""

from pathlib import Path
from typing import Final

import pytest

from gateway.config import ConfigError, parse
from gateway.config.examine import examine_text
from gateway.config.notyet import HONOURED
from gateway.config.problems import Problem, in_order
from gateway.config.render import toml
from tests.gateway.config.samples import MINIMAL

FOLDER: Final = Path(__file__).parents[2] / "bad_config"
FILE: Final = Path("config.toml")


def _examine(text: str) -> tuple[Problem, ...]:
    try:
        return in_order(examine_text(text, FILE)[0])
    except ConfigError as error:
        return error.problems


@pytest.mark.parametrize("case", sorted(FOLDER.iterdir()), ids=lambda case: case.name)
def test_every_problem_is_shown(case: Path) -> None:
    text = (case / "config.toml").read_text(encoding="utf-8")
    expected = (case / "expected.txt").read_text(encoding="utf-8").splitlines()
    assert [str(problem) for problem in _examine(text)] == expected
    with pytest.raises(ConfigError):
        parse(text, FILE)


def test_every_key_without_a_feature_is_refused() -> None:
    """Nobody may believe to be protected by a setting without effect: each row of the table has its line."""
    expected = (FOLDER / "10-not-in-this-version" / "expected.txt").read_text(encoding="utf-8")
    shown = expected.replace("[1]", "").replace("[2]", "")
    assert [key for key in HONOURED if f" {key}: " not in shown] == []


@pytest.mark.parametrize("key", HONOURED)
def test_the_values_that_ask_for_nothing_pass(key: str) -> None:
    """The interface shows these keys with their defaults; a file that copies them is right."""
    *section, name = key.split(".")
    where = ".".join(section)
    table = {
        "listener": '[[listener]]\nbind = "127.0.0.1:465"',
        "delivery.route": '[[delivery.route]]\ndomain = "a.example"',
        "policy.rule": '[[policy.rule]]\nname = "a"\nwhen = "phi"\naction = "hold"',
    }.get(where, f"[{where}]")
    assert parse(f"{MINIMAL}{table}\n{name} = {toml(HONOURED[key][0])}\n", FILE).server.hostname
