"""The arithmetic of the delivery benchmark."""

from bench.delivering import Result, ratio, table


def result(name: str, *rounds: float) -> Result:
    return Result(name=name, per_s=sorted(rounds)[len(rounds) // 2], cpu_ms=1.0, sessions=20, rounds=list(rounds))


def test_rounds_are_compared_with_each_other() -> None:
    """A machine that was slow for one round was slow for both contenders of it."""
    assert ratio(result("Mailward", 100, 10, 80), result("Postfix", 200, 20, 40)) == 0.5


def test_the_table_compares_with_postfix_only_where_it_ran() -> None:
    ours, theirs = result("Mailward", 100, 100), result("Postfix", 50, 50)
    assert "2.00" in table([ours, theirs], 10)
    assert "1.00" not in table([ours], 10)
