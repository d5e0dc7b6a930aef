"""What pydantic found, in the operator's words."""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError

from gateway.config.model import Settings
from gateway.config.problems import Key

WRONG_TYPE: Final = {  # pydantic's error type: what would be right
    "bool_type": "must be true or false, without quotes",
    "int_type": "must be a whole number, without quotes",
    "string_type": "must be text in quotes",
    "tuple_type": "must be a list in brackets: [ … ]",
    "model_type": "must be a table of keys",
    "too_short": "must not be empty",
}
MISSING: Final = {  # what to add, where a key alone would not do
    "server": 'is missing; add [server] with hostname = "gw.clinic.example"',
    "listener": 'is missing; add one [[listener]] with bind = "0.0.0.0:587" and mode = "submission"',
    "domain": 'is missing; add one [[domain]] with name = "clinic.example"',
}


def explain(error: ValidationError) -> Iterator[tuple[Key, str]]:
    """Yield (key, what is wrong and what would be right) for every error."""
    for item in error.errors(include_url=False):
        yield item["loc"], _text(item["type"], item["loc"], item["input"], item.get("ctx", {}))


def _text(kind: str, key: Key, value: object, context: dict[str, Any]) -> str:
    match kind:
        case "value_error":
            return str(context["error"])
        case "missing":
            return _missing(key)
        case "extra_forbidden":
            return _unknown(key)
        case "enum":
            return _not_one_of(value, context["expected"])
        case "greater_than":
            return f"must be above {_plain(context['gt'])}"
        case "greater_than_equal":
            return f"must be {context['ge']} or more"
        case "less_than_equal":
            return f"must be {context['le']} or less"
        case _:
            return WRONG_TYPE[kind]


def _plain(bound: object) -> str:
    return "0" if not bound else str(bound)


def _not_one_of(value: object, expected: str) -> str:
    words = expected.replace(" or ", ", ").replace("'", "").split(", ")
    near = get_close_matches(value, words, n=1) if isinstance(value, str) else []
    offer = f'"{near[0]}"' if near else ", ".join(f'"{word}"' for word in words)
    shown = f'"{value}"' if isinstance(value, str) else str(value)
    return f"{shown} is not known; write {offer}"


def _missing(key: Key) -> str:
    name = str(key[-1])
    if key[0] in MISSING and len(key) == 1:
        return MISSING[name]
    field = _model_at(key[:-1]).model_fields[name]
    example = (field.examples or [""])[0]
    return f'is missing; add {name} = "{example}"'


def _unknown(key: Key) -> str:
    """RFC-less but kind: the nearest key of the same table, else the table where that key lives."""
    name = str(key[-1])
    known = list(_model_at(key[:-1]).model_fields)
    near = get_close_matches(name, known, n=1)
    if near:
        return f"is not a known key; did you mean {near[0]}?"
    return f"is not a known key; remove it (known here: {', '.join(known)})"


def _model_at(key: Key) -> type[BaseModel]:
    """The model that a table of the file is read into."""
    model: type[BaseModel] = Settings
    for part in key:
        if isinstance(part, str):
            model = _inner_model(model.model_fields[part].annotation)
    return model


def _inner_model(annotation: object) -> type[BaseModel]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(_inner_model(argument) for argument in get_args(annotation) if argument is not Ellipsis)
