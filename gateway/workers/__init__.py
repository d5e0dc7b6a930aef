"""Killable child processes: a pool that gives each job to a confined process and survives the death of any of them."""
