"""A broken rule file never replaces a working one, and the alarm about it lasts until it is mended (issue 6)."""

from pathlib import Path

import pytest

from gateway.config.problems import Problem
from gateway.daemon.config_alarm import WAITING, WARNING, ConfigAlarm
from gateway.message.event import Event
from gateway.metrics import Metrics
from gateway.store.errors import StoreSick

RULE = Problem(Path("mailward.toml"), 40, "policy.rule[2].when", "column 5: secret-word is not a known fact")
OTHER = Problem(Path("mailward.toml"), 3, "log.level", "is not a level")


class Log:
    """The audit log, which may be out of order."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.is_broken = False

    async def __call__(self, event: Event) -> None:
        if self.is_broken:
            raise StoreSick("disk")
        self.events.append(event)

    @property
    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def alarm(metrics: Metrics, log: Log) -> ConfigAlarm:
    return ConfigAlarm(metrics, log)


def gauge(metrics: Metrics) -> float | None:
    return metrics.registry.get_sample_value("mailward_config_refused")


async def test_it_is_raised_and_ends(alarm: ConfigAlarm, metrics: Metrics, log: Log) -> None:
    """Gauge, event and warning come with the refusal and go with the next good reload."""
    assert (gauge(metrics), alarm.warnings) == (0, ())
    await alarm.refused([RULE, OTHER, OTHER])
    assert (gauge(metrics), alarm.warnings) == (1, (WARNING,))
    assert log.events[0].data == {"keys": ["policy.rule[2].when", "log.level"]}
    assert "secret-word" not in str(log.events[0]), "keys, and no values"
    await alarm.taken()
    assert (gauge(metrics), alarm.warnings) == (0, ())
    assert log.kinds == ["config.refused", "config.accepted"]


async def test_one_event_for_one_fault(alarm: ConfigAlarm, log: Log) -> None:
    """However often it is read again; another fault is another event, and a good file without an alarm is none."""
    await alarm.taken()
    for problem in (RULE, RULE, OTHER):
        await alarm.refused([problem])
    assert log.kinds == ["config.refused", "config.refused"]


async def test_a_file_that_is_no_toml_has_no_key(alarm: ConfigAlarm, log: Log) -> None:
    await alarm.refused([Problem(Path("mailward.toml"), 1, "", "is not TOML")])
    assert log.events[0].data == {"keys": ["file"]}


async def test_a_store_that_is_out_of_order_is_told_later(alarm: ConfigAlarm, metrics: Metrics, log: Log) -> None:
    """The alarm does not wait for it, and a reload does not end the gateway."""
    log.is_broken = True
    await alarm.refused([RULE])
    assert (gauge(metrics), alarm.warnings, log.events) == (1, (WARNING,), [])
    log.is_broken = False
    await alarm.refused([RULE])
    assert log.kinds == ["config.refused"]


async def test_what_waits_for_a_restart_is_a_warning(alarm: ConfigAlarm) -> None:
    """By its keys, beside the alarm, until it is gone."""
    alarm.waiting(("log.level", "listener"))
    said, seen = f"{WAITING}: log.level, listener", [alarm.warnings]
    await alarm.refused([RULE])
    seen.append(alarm.warnings)  # a broken file changes nothing of it
    await alarm.taken()
    alarm.waiting(())
    assert [*seen, alarm.warnings] == [(said,), (WARNING, said), ()]
