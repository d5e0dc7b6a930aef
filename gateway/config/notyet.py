"""Keys whose feature this version does not have.

Their names are fixed by the interface, so a file may hold them with a value that asks for nothing. Any other value is
refused: nobody shall believe to be protected by a setting that has no effect. A feature that is built deletes its row.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from gateway.config.problems import Fault, Key

HONOURED: Final[Mapping[str, tuple[object, ...]]] = {  # key: the values that this version acts on
    "console.bind": ("127.0.0.1:8444",),
    "retention.content": ("0d", "0s"),
}
INSTEAD: Final[Mapping[str, str]] = {  # what to do about it, where "leave it out" would not be the whole story
    "console.bind": "there is no console in this version; remove it",
    "retention.content": 'content is destroyed at once in this version; write "0d"',
}


def find_unbuilt(document: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield the keys set to what this version cannot do, and what to write instead.

    document: the file as tomllib read it, whatever shape it has.
    """
    for name, honoured in HONOURED.items():
        for key, value in _walk(document, tuple(name.split("."))):
            if value not in honoured:
                yield key, INSTEAD.get(name, "has no effect in this version; remove it")


def _walk(node: object, path: tuple[str, ...], key: Key = ()) -> Iterator[tuple[Key, object]]:
    """Every value at a path, through arrays of tables; nothing where the document has another shape."""
    if not path:
        yield key, node
    elif isinstance(node, list):
        for number, element in enumerate(node):
            yield from _walk(element, path, (*key, number))
    elif isinstance(node, Mapping) and path[0] in node:
        yield from _walk(node[path[0]], path[1:], (*key, path[0]))
