"""`config.example.toml` and `docs/configuration.md`, written from the model: `python -m gateway.config.render`.

In the example a line such as `#port = 25` shows a default; prose comments have a blank after the sign.
"""

import textwrap
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple, get_args, get_origin

from pydantic.fields import FieldInfo

from gateway.config.fields import Kind, Section
from gateway.config.model import Settings
from gateway.config.notyet import HONOURED
from gateway.config.values import SIZES, UNITS
from gateway.config.words import model_of

ELEMENTS: Final[dict[str, list[dict[str, object]]]] = {  # tables that the example sets; the first shows every key
    "listener": [
        {"bind": "0.0.0.0:587", "mode": "submission"},
        {"bind": "0.0.0.0:465", "mode": "submissions"},
        {"bind": "10.0.0.5:25", "mode": "relay", "trusted_networks": ["10.0.0.0/8"]},
    ],
    "domain": [{"name": "clinic.example"}],
}

PREAMBLE: Final = """\
# Mailward, example configuration: /etc/mailward/mailward.toml
#
# Every key is here. "#key = value" shows a default (or an example, where the default is none): take the "#" away to
# change it. Written by "python -m gateway.config.render"; docs/configuration.md says the same as tables.
# "mailward check-config" shows every problem at once.
"""

INTRODUCTION: Final = f"""\
# Configuration

One TOML file: `--config FILE` before or after a command's name, else `MAILWARD_CONFIG`, else
`/etc/mailward/mailward.toml`. `server.hostname`, one `[[listener]]` and one `[[domain]]` are required; everything else
has the default shown. [config.example.toml](../config.example.toml) holds every key. This page is written from the code
by `python -m gateway.config.render`.

`mailward check-config` shows every problem at once, with file, line, key and what would be right, and exits with 78.
`mailward serve` starts on no file that `check-config` would refuse. Unknown keys are errors.

- A duration is a number and a unit in quotes, such as `"4h"`; units: {", ".join(f"`{unit}`" for unit in UNITS)}
  (a year counts 366 days, so that nothing is deleted early).
- A size is a number and a unit in quotes, such as `"50MiB"`; units: {", ".join(f"`{unit}`" for unit in SIZES)}.
- An address is `"host:port"`, with IPv6 in brackets: `"[::1]:25"`.
- A file is an absolute path. Secrets are files, never text in this one; private keys that other users can read are
  refused.
- *Not yet* marks a key whose feature this version does not have: any value but those shown is refused, so that nobody
  relies on a setting without effect.
"""


class Table(NamedTuple):
    """One table of the file."""

    name: str
    model: type[Section]
    is_array: bool

    @property
    def header(self) -> str:
        return f"[[{self.name}]]" if self.is_array else f"[{self.name}]"


def example() -> str:
    """The text of `config.example.toml`."""
    return PREAMBLE + "".join(_example_table(table) for table in tables())


def reference() -> str:
    """The text of `docs/configuration.md`."""
    return INTRODUCTION + "".join(_reference_table(table) for table in tables())


def tables(model: type[Section] = Settings, prefix: str = "") -> Iterator[Table]:
    """Every table of the file, in order; those inside another one follow it."""
    for name, field in model.model_fields.items():
        if _is_table(field):
            inner = model_of(field.annotation)
            table = Table(prefix + name, inner, get_origin(field.annotation) is tuple)
            yield table
            yield from tables(inner, f"{table.name}.")


def _is_table(field: FieldInfo) -> bool:
    """Whether a field is a table of its own; one with an example is written inline instead."""
    return not field.description


def _keys(table: Table) -> Iterator[tuple[str, FieldInfo]]:
    return ((name, field) for name, field in table.model.model_fields.items() if not _is_table(field))


def _example_table(table: Table) -> str:
    elements = ELEMENTS.get(table.name, [{}])
    is_shown_only = table.is_array and table.name not in ELEMENTS
    sign = "#" if is_shown_only else ""
    not_yet = " Not yet: this version refuses such tables." if table.name in HONOURED else ""
    lines = ["", *_comment(f"{table.model.__doc__}{not_yet}"), sign + table.header]
    for name, field in _keys(table):
        lines += _comment(" ".join([str(field.description), *_remarks(table, name, field)]))
        is_set = name in elements[0] or (field.is_required() and not is_shown_only)
        value = elements[0].get(name, _shown(field))
        lines.append(f"{'' if is_set else '#'}{name} = {toml(value)}")
    for element in elements[1:]:
        lines += ["", table.header, *(f"{name} = {toml(value)}" for name, value in element.items())]
    return "\n".join(lines) + "\n"


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, 118, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)


def _remarks(table: Table, name: str, field: FieldInfo) -> Iterator[str]:
    if derived := _derived(field):
        yield f"Default: {derived}."
    elif field.examples and not field.is_required():
        yield "Default: none."
    if honoured := HONOURED.get(f"{table.name}.{name}"):
        yield f"Not yet: this version takes only {' and '.join(toml(value) for value in honoured)}."


def _reference_table(table: Table) -> str:
    lines = ["", f"## `{table.header}`", "", str(table.model.__doc__)]
    if table.name in HONOURED:
        lines.append("*Not yet*: this version refuses such tables.")
    lines += ["", "| key | value | default | meaning |", "|---|---|---|---|"]
    for name, field in _keys(table):
        honoured = HONOURED.get(f"{table.name}.{name}", ())
        mark = f" *Not yet*: only {', '.join(f'`{toml(value)}`' for value in honoured)}." if honoured else ""
        cells = [f"`{name}`", kind_of(field.annotation, field.metadata), _default(field), f"{field.description}{mark}"]
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return f"required, such as `{toml(_shown(field))}`"
    if derived := _derived(field):
        return derived
    if field.examples:
        return f"none; such as `{toml(_shown(field))}`"
    return f"`{toml(field.default)}`"


def _derived(field: FieldInfo) -> str:
    extra = field.json_schema_extra
    return str(extra["derived"]) if isinstance(extra, dict) else ""


def _shown(field: FieldInfo) -> object:
    return field.examples[0] if field.examples else field.default


def kind_of(annotation: Any, metadata: list[Any]) -> str:
    """What a value looks like, in words."""
    if words := [mark.words for mark in metadata if isinstance(mark, Kind)]:
        return words[0]
    if get_origin(annotation) is Annotated:
        return kind_of(get_args(annotation)[0], list(annotation.__metadata__))
    if get_origin(annotation) is tuple:
        return f"list: {kind_of(get_args(annotation)[0], [])}"
    if issubclass(annotation, Enum):
        return ", ".join(f'`"{member.value}"`' for member in annotation)
    return f"table: {', '.join(f'`{name}`' for name in annotation.model_fields)}"


def toml(value: object) -> str:
    """A value as TOML writes it. Source: TOML 1.0; texts here need no escape but those of quotes and backslashes."""
    match value:
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case str():
            escaped = value.replace("\\", "\\\\").replace('"', '\\"')
            return f'"{escaped}"'
        case list():
            return f"[{', '.join(toml(item) for item in value)}]"
        case dict():
            return f"{{ {', '.join(f'{key} = {toml(item)}' for key, item in value.items())} }}"
        case _:
            raise TypeError(type(value).__name__)


if __name__ == "__main__":
    Path("config.example.toml").write_text(example(), encoding="utf-8")
    Path("docs/configuration.md").write_text(reference(), encoding="utf-8")
