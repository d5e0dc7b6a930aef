"""Taking turns: who measures is alone, and is not kept waiting by others for ever."""

from pathlib import Path
from threading import Event, Thread

import pytest

from tests import turns
from tests.turns import in_turn

PATIENCE_S = 30
A_WHILE_S = 0.1


class Guest:
    """Somebody who comes in, and stays until he is let go; the locks are of open files, so a thread is a worker."""

    def __init__(self, *, alone: bool) -> None:
        self.inside = Event()
        self.leave = Event()
        Thread(target=self._come_in, args=(alone,), daemon=True).start()

    def _come_in(self, alone: bool) -> None:
        with in_turn(alone=alone):
            self.inside.set()
            self.leave.wait(PATIENCE_S)


@pytest.mark.slow
def test_who_measures_is_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others share; one that waits for the room lets nobody pass him; a new one comes in after he has left."""
    for name in ("GATE", "ROOM"):
        (tmp_path / name).touch()
        monkeypatch.setattr(turns, name, tmp_path / name)
    first, second = Guest(alone=False), Guest(alone=False)
    assert first.inside.wait(PATIENCE_S)
    assert second.inside.wait(PATIENCE_S)
    measuring = Guest(alone=True)
    first.leave.set()
    assert not measuring.inside.wait(A_WHILE_S)
    late = Guest(alone=False)
    assert not late.inside.wait(A_WHILE_S)
    second.leave.set()
    assert measuring.inside.wait(PATIENCE_S)
    assert not late.inside.wait(A_WHILE_S)
    measuring.leave.set()
    assert late.inside.wait(PATIENCE_S)
    late.leave.set()
