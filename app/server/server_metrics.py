"""Counts of what the server has done, in the text format of Prometheus."""

from collections import Counter, defaultdict
from typing import NamedTuple

from .http.request_record import RequestRecord

_OTHER = "other"
_PATHS = {
    *("chat/completions", "completions", "embeddings", "responses", "models", "tokenize"),
    *("detokenize", "api/chat", "api/generate", "api/embed", "api/embeddings"),
}


class Now(NamedTuple):
    """How many texts run and wait now."""

    running: int
    waiting: int


class ServerMetrics:
    """``note`` every request that has ended."""

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, int]] = Counter()
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._read = self._cached = self._written = self._cut = 0

    def note(self, one: RequestRecord) -> None:
        """A request has ended."""
        path = one.path.removeprefix("/v1").strip("/")
        path = path if path in _PATHS else _OTHER
        self._requests[path, one.status] += 1
        self._seconds[path] += one.seconds
        self._read += one.read
        self._cached += one.cached
        self._written += one.written
        self._cut += one.cut

    def text(self, now: Now) -> str:
        """All of them."""
        lines = []
        for name, kind, about, value in (
            ("prompt_tokens_total", "counter", "Tokens of prompts.", self._read),
            ("cached_tokens_total", "counter", "Of these, tokens remembered.", self._cached),
            ("completion_tokens_total", "counter", "Tokens written.", self._written),
            ("cut_requests_total", "counter", "Requests whose client left.", self._cut),
            ("texts_running", "gauge", "Texts that run now.", now.running),
            ("texts_waiting", "gauge", "Texts that wait now.", now.waiting),
        ):
            lines += _head(name, kind, about)
            lines.append(f"rookery_{name} {value}")
        lines += _head("requests_total", "counter", "Requests answered, by path and status.")
        for (path, status), count in sorted(self._requests.items()):
            lines.append(f'rookery_requests_total{{path="{path}",status="{status}"}} {count}')
        lines += _head("request_seconds_total", "counter", "Seconds that requests took, by path.")
        for path, seconds in sorted(self._seconds.items()):
            lines.append(f'rookery_request_seconds_total{{path="{path}"}} {seconds:.6f}')
        return "\n".join([*lines, ""])


def _head(name: str, kind: str, about: str) -> list[str]:
    return [f"# HELP rookery_{name} {about}", f"# TYPE rookery_{name} {kind}"]
