"""Counters of a server, and their text for Prometheus."""

import threading
from collections import Counter
from collections.abc import Mapping

BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # s


class Metrics:
    """Requests by route and status, and their durations. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._within: Counter[tuple[str, float]] = Counter()  # route, upper end of a bucket
        self._seconds: Counter[str] = Counter()

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Add a request."""
        with self._lock:
            self._requests[method, route, status] += 1
            self._seconds[route] += seconds  # type: ignore[assignment]  # a Counter adds floats
            for end in BUCKETS:
                if seconds <= end:
                    self._within[route, end] += 1

    def text(self, gauges: Mapping[str, float]) -> str:
        """Return all counters and some gauges in the text format of Prometheus, version 0.0.4."""
        with self._lock:
            requests, within = dict(self._requests), dict(self._within)
            seconds = dict(self._seconds)
        lines = ["# TYPE mien_requests_total counter"]
        for (method, route, status), count in sorted(requests.items()):
            labels = f'method="{method}",route="{route}",status="{status}"'
            lines.append(f"mien_requests_total{{{labels}}} {count}")
        lines.append("# TYPE mien_request_seconds histogram")
        for route in sorted(seconds):
            total = sum(n for (_, one, _), n in requests.items() if one == route)
            for end in BUCKETS:
                count = within.get((route, end), 0)
                lines.append(f'mien_request_seconds_bucket{{route="{route}",le="{end}"}} {count}')
            lines.append(f'mien_request_seconds_bucket{{route="{route}",le="+Inf"}} {total}')
            lines.append(f'mien_request_seconds_sum{{route="{route}"}} {seconds[route]:.6f}')
            lines.append(f'mien_request_seconds_count{{route="{route}"}} {total}')
        for name, value in gauges.items():
            lines += [f"# TYPE mien_{name} gauge", f"mien_{name} {value:g}"]
        return "\n".join(lines) + "\n"
