"""What pydantic found, in the operator's words."""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, Final, get_args

from pydantic import ValidationError

from gateway.config.fields import Section
from gateway.config.model import Settings
from gateway.config.problems import Fault, Key, dotted, is_inside

WRONG_TYPE: Final = {  # pydantic's error type: what would be right
    "bool_type": "must be true or false, without quotes",
    "int_type": "must be a whole number, without quotes",
    "string_type": "must be text in quotes",
    "model_type": "must be a table of keys",
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
    "greater_than": "must be above 0",  # no key has another bound of this kind
}
TABLES: Final[dict[str, tuple[object, str]]] = {  # tables that must be there: an example, and how it is written
    "server": ({"hostname": "gw.clinic.example"}, '[server] with hostname = "gw.clinic.example"'),
    "listener": ([{}], 'one [[listener]] with bind = "0.0.0.0:587" and mode = "submission"'),
    "domain": ([{"name": "clinic.example"}], 'one [[domain]] with name = "clinic.example"'),
}


def explain(error: ValidationError) -> Iterator[Fault]:
    """Yield (key, what is wrong and what would be right) for every error."""
    items = error.errors(include_url=False)
    for item in items:
        key = item["loc"]
        has_cause = any(is_inside(other["loc"], key) for other in items)  # a list is also short of its wrong elements
        if not (item["type"] == "too_short" and has_cause):
            yield key, _text(item["type"], key, item["input"], item.get("ctx", {}))


def _text(kind: str, key: Key, value: object, context: dict[str, Any]) -> str:
    match kind:
        case "value_error":
            return str(context["error"])
        case "missing":
            return f"is missing; add {_written(key)}"
        case "extra_forbidden":
            return _unknown(key)
        case "enum":
            return _not_one_of(value, context["expected"])
        case "tuple_type":
            return _not_a_list(key)
        case "greater_than_equal":
            return f"must be {context['ge']} or more"
        case "less_than_equal":
            return f"must be {context['le']} or less"
        case _:
            return WRONG_TYPE[kind]


def _not_one_of(value: object, expected: str) -> str:
    shown = f'"{value}"' if isinstance(value, str) else str(value)
    return f"{shown} is not known; write {expected}".replace("'", '"')


def _not_a_list(key: Key) -> str:
    return f"must be [[{dotted(key)}]] tables" if _holds_tables(key) else "must be a list in brackets: [ … ]"


def _holds_tables(key: Key) -> bool:
    annotation = _model_at(key[:-1]).model_fields[str(key[-1])].annotation
    return any(isinstance(argument, type) and issubclass(argument, Section) for argument in get_args(annotation))


def example_of(key: Key) -> object:
    """A value that a missing key could have."""
    if len(key) == 1:
        return TABLES[str(key[0])][0]
    return (_model_at(key[:-1]).model_fields[str(key[-1])].examples or [None])[0]


def _written(key: Key) -> str:
    return TABLES[str(key[0])][1] if len(key) == 1 else f'{key[-1]} = "{example_of(key)}"'


def _unknown(key: Key) -> str:
    """Offer the nearest key of the same table, else all of them."""
    name = str(key[-1])
    known = list(_model_at(key[:-1]).model_fields)
    near = get_close_matches(name, known, n=1)
    if near:
        return f"is not a known key; did you mean {near[0]}?"
    return f"is not a known key; remove it (known here: {', '.join(known)})"


def _model_at(key: Key) -> type[Section]:
    """The model that a table of the file is read into."""
    model: type[Section] = Settings
    for part in key:
        if isinstance(part, str):
            model = model_of(model.model_fields[part].annotation)
    return model


def model_of(annotation: object) -> type[Section]:
    """The model in an annotation: itself, or that of the elements of a tuple."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    return next(model_of(argument) for argument in get_args(annotation) if argument is not Ellipsis)
