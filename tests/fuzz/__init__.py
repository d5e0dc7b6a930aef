"""Fuzzing: the same targets are driven by hypothesis, by a seed corpus, and by a coverage-guided fuzzer."""
