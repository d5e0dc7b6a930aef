"""Code, example and reference say the same."""

import re
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.config import parse
from gateway.config.load import validate
from gateway.config.problems import Origin
from gateway.config.render import ELEMENTS, Table, example, reference, tables, toml
from tests.gateway.config.samples import settings

ROOT: Final = Path(__file__).parents[3]


@pytest.mark.parametrize(("path", "text"), [("config.example.toml", example()), ("docs/configuration.md", reference())])
def test_the_committed_file_is_what_the_code_says(path: str, text: str) -> None:
    """After a change of the model: python -m gateway.config.render."""
    assert (ROOT / path).read_text(encoding="utf-8") == text


def test_the_example_is_a_configuration() -> None:
    found = parse(example(), ROOT / "config.example.toml")
    assert [str(listener.bind) for listener in found.listener] == ["0.0.0.0:587", "0.0.0.0:465", "10.0.0.5:25"]


def _uncommented() -> dict[str, Any]:
    return tomllib.loads(re.sub(r"^#(?=[\[a-z])", "", example(), flags=re.MULTILINE))


def test_what_the_example_shows_in_comments_is_right_too() -> None:
    document = _uncommented()
    del document["listener"][0]["trusted_networks"]  # shown there, right in a relay
    document["listener"][0]["proxy_protocol"] = True  # what trusted_proxies goes with
    _, faults = validate(document, Origin())
    not_yet: list[str] = []
    assert [key[-1] for key, _ in faults] == not_yet


@pytest.mark.parametrize("table", list(tables()), ids=lambda table: table.name)
def test_every_key_stands_in_example_and_reference(table: Table) -> None:
    section = reference().partition(f"## `{table.header}`")[2].partition("\n## ")[0]
    node: Any = _uncommented()
    for part in table.name.split("."):
        node = node[part]
    shown = node[0] if isinstance(node, list) else node
    assert set(shown) == set(table.model.model_fields)
    inner = {other.name.rpartition(".")[2] for other in tables() if other.name.startswith(f"{table.name}.")}
    assert [name for name in set(shown) - inner if f"`{name}`" not in section] == []


def test_defaults_shown_are_the_defaults() -> None:
    """The commented lines change nothing, where they are not an example of a key without a default."""
    plain = settings().model_dump()
    for table in tables():
        if table.is_array or table.name == "server":  # the smallest configuration has these already
            continue
        for name, field in table.model.model_fields.items():
            if field.description and not field.examples and not field.is_required():
                found = (
                    settings(f"[{table.name}]\n{name} = {toml(field.default)}\n") if table.name != "server" else None
                )
                assert found is None or found.model_dump() == plain, f"{table.name}.{name}"


def test_only_tables_that_exist_have_examples() -> None:
    assert set(ELEMENTS) <= {table.name for table in tables()}


def test_text_is_quoted() -> None:
    text = 'a "b" \\'
    assert tomllib.loads(f"a = {toml(text)}") == {"a": text}
