"""Proof by removal: for each case of `cases.txt` the defence in the code, and the tests that fail without it.

`make defences` takes each defence out of a copy of the tree and demands that its tests fail. `test_table.py` keeps the
table true to the code in every run of the suite.
"""
