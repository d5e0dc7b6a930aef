"""On which line of a TOML file each key stands.

`tomllib` reads values and forgets places. This finds the places again, for text that tomllib has accepted. Keys inside
inline tables and arrays are not looked for: their problem shows the line of the key that holds them.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Final

from gateway.config.problems import Key

TOKEN: Final = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}'  # the strings of TOML 1.0, longest delimiters first
    r"|'''.*?'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
    r"|\#[^\n]*"
    r"|[\[\]{}=\n]"
    r"|[^\[\]{}=\n\"'#]+",
    re.DOTALL,
)
CLOSES: Final = {"[": 1, "{": 1, "]": -1, "}": -1}


def find_lines(text: str) -> Mapping[Key, int]:
    """Map each table and key of the file to its line, counted from 1.

    text: a whole TOML document that tomllib accepts.
    Source: TOML 1.0, "Table", "Array of Tables", "Keys".
    """
    found: dict[Key, int] = {}
    counts: dict[Key, int] = {}
    table: Key = ()
    for line, statement in _statements(text):
        if statement.startswith("[["):
            table = _enter(_key(statement[2:].rpartition("]]")[0]), counts, is_array=True)
            found.setdefault(table[:-1], line)
        elif statement.startswith("["):
            table = _enter(_key(statement[1:].rpartition("]")[0]), counts, is_array=False)
        else:
            found.setdefault(table + _key(statement), line)
            continue
        found.setdefault(table, line)
    return found


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Yield (line, header or key) of each statement: what stands before its "=", or the whole header."""
    line, depth, start, parts, in_value = 1, 0, 1, "", False
    for match in TOKEN.finditer(text.replace("\r\n", "\n") + "\n"):
        piece = match[0]
        if piece == "\n" and depth == 0:
            if parts.strip():
                yield start, parts.strip()
            parts, in_value = "", False
        elif piece == "=" and depth == 0:
            in_value = True
        elif not piece.startswith("#"):
            depth += CLOSES.get(piece, 0)
            if not in_value:
                start = line if not parts.strip() else start
                parts += piece
        line += piece.count("\n")


def _enter(path: tuple[str, ...], counts: dict[Key, int], *, is_array: bool) -> Key:
    """The full key of a table header, with the number of the newest element behind each array on its way."""
    key: Key = ()
    for part in path[:-1]:
        key += (part,)
        key += (counts[key] - 1,) if key in counts else ()
    key += (path[-1],)
    if not is_array:
        return key
    counts[key] = counts.get(key, 0) + 1
    return (*key, counts[key] - 1)


def _key(text: str) -> tuple[str, ...]:
    """Split a dotted key, quoted parts included."""
    parts: list[str] = []
    node: object = tomllib.loads(f"{text} = 0")
    while isinstance(node, dict):
        ((part, node),) = node.items()
        parts.append(part)
    return tuple(parts)
