"""The metric table: names that monitoring relies on, and labels that cannot grow without bound (OP-02)."""

from pathlib import Path

import pytest

from gateway.metrics import METRICS, Metrics, Spec

UNBOUNDED = {"address", "recipient", "sender", "subject", "domain", "message_id", "queue_id", "id"}


@pytest.mark.parametrize("spec", METRICS, ids=lambda spec: spec.name)
def test_labels_are_bounded_and_names_are_base_units(spec: Spec) -> None:
    assert not UNBOUNDED & set(spec.labels)
    assert not spec.name.endswith(("_ms", "_kb", "_total"))


def test_counters_get_their_suffix_and_no_created_series() -> None:
    metrics = Metrics()
    metrics.counter("smtp_auth", "plain", "ok").inc()
    page = metrics.page().decode()
    assert 'mailward_smtp_auth_total{mechanism="plain",result="ok"} 1.0' in page
    assert "_created" not in page


def test_a_metric_that_is_not_in_the_table_is_a_bug() -> None:
    with pytest.raises(KeyError):
        Metrics().counter("messages_with_subject")


@pytest.mark.parametrize("spec", METRICS, ids=lambda spec: spec.name)
def test_every_metric_is_set_somewhere(spec: Spec) -> None:
    """A metric that nothing sets reads as zero, and an alert on it never fires."""
    code = Path(__file__).parents[2] / "gateway"
    users = [path for path in code.rglob("*.py") if path.name != "metrics.py" and f'"{spec.name}"' in path.read_text()]
    assert users != []
