"""One file a migration, `r<number>_<what>.py`; a migration that was released is never edited."""
