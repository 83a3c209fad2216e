"""What the service counts, in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from rag.answer import Answer

Throttle = Literal["rate", "queue"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """Counters of one service; another in the same process has its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "geobrief_http_requests",
            "Requests by route and status.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "geobrief_http_request_seconds",
            "Time until the last byte of a response.",
            ["route"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._stages = Histogram(
            "geobrief_stage_seconds",
            "Time that a stage of answering took, where it was needed.",
            ["stage"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._answers = Counter("geobrief_answers", "Questions that were answered.", registry=self.registry)
        self._refusals = Counter(
            "geobrief_refusals", "Questions that the briefs do not answer, as was said.", registry=self.registry
        )
        self._errors = Counter("geobrief_errors", "Failures of the service.", ["kind"], registry=self.registry)
        self._throttled = Counter(
            "geobrief_throttled",
            "Requests answered with 429, because the caller came too often or the queue was full.",
            ["reason"],
            registry=self.registry,
        )
        self._held = Gauge("geobrief_calls_held", "Calls that run or wait for a thread.", registry=self.registry)

    def watch(self, held: Callable[[], float]) -> None:
        """Read how many calls run or wait whenever the metrics are asked for."""
        self._held.set_function(held)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request; `route` is the template of its path."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def answer(self, answer: Answer) -> None:
        """Count an answer, or an abstention, and the time of the stages that it needed; the others took 0 ms."""
        (self._refusals if answer.abstained else self._answers).inc()
        for stage, took_ms in answer.timings_ms.items():
            if took_ms:
                self._stages.labels(stage).observe(took_ms / 1000)

    def error(self, kind: str) -> None:
        """Count a failure."""
        self._errors.labels(kind).inc()

    def throttle(self, reason: Throttle) -> None:
        """Count a request that was told to come again later."""
        self._throttled.labels(reason).inc()

    def text(self) -> bytes:
        """Return everything that is counted."""
        return generate_latest(self.registry)
