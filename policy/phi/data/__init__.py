"""The vocabularies: lists of our own beside tables that `build` makes from packages (see README.md)."""
