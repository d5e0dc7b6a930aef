"""The intake's observer: counts into the metric table. Labels are listeners, verbs and codes; no addresses."""

from gateway.intake.guard import Scope
from gateway.metrics import Metrics


class IntakeMetrics:
    """See `gateway.intake.observer.Observer`."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def connected(self, listener: str) -> None:
        self._metrics.gauge("smtp_sessions", listener).inc()

    def disconnected(self, listener: str) -> None:
        self._metrics.gauge("smtp_sessions", listener).dec()

    def turned_away(self, listener: str) -> None:
        self._metrics.counter("messages_rejected", "connect", "421").inc()
        self._metrics.counter("smtp_connections", listener, "none").inc()

    def secured(self, listener: str, version: str) -> None:
        self._metrics.counter("smtp_connections", listener, version).inc()

    def authenticated(self, listener: str, mechanism: str, *, is_success: bool) -> None:
        self._metrics.counter("smtp_auth", mechanism.lower(), "ok" if is_success else "failed").inc()

    def locked(self, scope: Scope) -> None:
        """Too many failed logins; for `gateway.intake.guard.Guard`."""
        self._metrics.counter("auth_locks", scope.value).inc()

    def received(self, listener: str, size: int) -> None:
        self._metrics.counter("messages_received", listener).inc()
        self._metrics.histogram("message_size_bytes", listener).observe(size)

    def refused(self, listener: str, stage: str, code: int) -> None:
        self._metrics.counter("messages_rejected", stage, str(code)).inc()
