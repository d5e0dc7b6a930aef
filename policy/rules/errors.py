"""RuleError: all that can be wrong with the text of a condition."""


class RuleError(ValueError):
    """A condition cannot be used: mend what stands at the column, which counts characters from 1."""

    def __init__(self, column: int, text: str) -> None:
        self.column = column
        self.text = text
        super().__init__(f"column {column}: {text}")
