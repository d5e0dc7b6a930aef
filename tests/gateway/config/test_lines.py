"""Keys are found on their lines in whatever TOML tomllib accepts."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.lines import find_lines
from gateway.config.problems import Key, Origin
from gateway.config.render import example


@pytest.mark.parametrize(
    ("text", "key", "line"),
    [
        ("a = 1\nb = 2\n", ("b",), 2),
        ("[a]\n\n[a.b]\nc = 1", ("a", "b", "c"), 4),
        ("[a]\nb.c = 1", ("a", "b", "c"), 2),
        ("[[a]]\nb = 1\n[[a]]\nb = 2\n", ("a", 1, "b"), 4),
        ("[[a]]\n[[a.b]]\n[[a.b]]\nc = 1", ("a", 0, "b", 1, "c"), 4),
        ("[[a]]\n[a.b]\nc = 1", ("a", 0, "b", "c"), 3),
        ("[[a]]\n", ("a",), 1),
        ('x = """\n[no]\ny = 1\n"""\nz = 1', ("z",), 5),
        ("x = '''\n\"\n'''\nz = 1", ("z",), 4),
        ('x = """a""""\nz = 1', ("z",), 2),
        ('x = "a\\"]#"\nz = 1', ("z",), 2),
        ("x = [\n  1, # ] =\n  2,\n]\nz = 1", ("z",), 5),
        ("x = { a = 1, b = [2] }\nz = 1", ("z",), 2),
        ("# a = 1\n\n  a = 1 # b", ("a",), 3),
        ("\"a=b\".'c]' = 1", ("a=b", "c]"), 1),
        ("[ a . b ] # c\nd = 1", ("a", "b", "d"), 2),
        ("a = 1\r\nb = 2\r\n", ("b",), 2),
    ],
)
def test_a_key_is_found(text: str, key: Key, line: int) -> None:
    tomllib.loads(text)
    assert find_lines(text)[key] == line


def test_every_line_of_the_example_is_found() -> None:
    text = example()
    lines = text.splitlines()
    found = find_lines(text)
    assert {key[-1] for key, line in found.items() if " = " in lines[line - 1]} >= {"hostname", "bind", "mode", "name"}
    for key, line in found.items():
        if " = " in lines[line - 1]:
            assert lines[line - 1].startswith(f"{key[-1]} = ")


def test_a_missing_key_gets_the_line_of_its_table() -> None:
    origin = Origin(lines=find_lines("\n[a]\nb = 1\n"))
    assert [origin.problem(key, "").line for key in (("a", "x", "y"), ("a", "b", 3), ("x",))] == [2, 3, 0]


LINES = st.sampled_from(
    [
        "[a]",
        "[[b]]",
        "[b.c]",
        "x = 1",
        'y.z = "="',
        "'q' = [\n1]",
        '"""',
        "'''",
        "]",
        "# [",
        's = """',
        "t = {}",
        "",
        "\\",
    ]
)


@given(st.lists(LINES, max_size=12).map("\n".join))
def test_whatever_tomllib_accepts_is_read(text: str) -> None:
    """Invariant: no accepted document makes the scanner raise, and each top-level key is found."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    assert {key[0] for key in find_lines(text)} == set(document)
