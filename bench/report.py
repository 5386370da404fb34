"""Tables of what ``bench.peers`` measured.

    python -m bench.report FILE...

A ratio compares two engines of one run only.  Where several runs measured the same thing of the
same engine, the table has the last one's figure.
"""

import json
import statistics
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .contenders import READ, SKIPPED

Cells = dict[str, str]

_HEADINGS = (
    "engine",
    "decode, tokens/s",
    "share of read bandwidth",
    "prefill, tokens/s",
    "8 texts, tokens/s",
    "load, s",
    "peak, GB",
    "decode to llama.cpp",
    "prefill to llama.cpp",
    "decode to rwkv",
    "prefill to rwkv",
    "decode to zeros read",
)


@dataclass(frozen=True)
class Record:
    """One run: speeds of each engine in tokens per second, one for each round."""

    shape: str
    bits: int
    threads: int
    prompt: list[int]
    rounds: int
    texts: int
    machine: str
    date: str
    commit: str
    others: float
    bandwidth: list[float]
    method: str
    engines: dict[str, dict[str, Any]]

    def facts(self) -> dict[str, Any]:
        """For a JSON file."""
        return asdict(self)

    def speed(self, name: str, measure: str) -> dict[str, float]:
        """Medians by length of the prompt ("" for what has none)."""
        found = self.engines[name].get(measure, {})
        by_length = found if isinstance(found, dict) else {"": found}
        return {length: statistics.median(speeds) for length, speeds in by_length.items()}

    def best(self, family: str, measure: str) -> dict[str, float]:
        """The fastest of a family, length by length."""
        best: dict[str, float] = {}
        for name, told in self.engines.items():
            if told["family"] == family:
                for length, speed in self.speed(name, measure).items():
                    best[length] = max(speed, best.get(length, 0.0))
        return best


def read(paths: Iterable[Path]) -> list[Record]:
    """What ``bench.peers --json`` wrote."""
    return [Record(**json.loads(path.read_text(encoding="utf-8"))) for path in paths]


def markdown(records: list[Record]) -> str:
    """One table for each shape."""
    parts = []
    for shape in dict.fromkeys(record.shape for record in records):
        rows: dict[str, Cells] = {}
        some = [record for record in records if record.shape == shape]
        for record in some:
            for name, told in record.engines.items():
                cells = {head: text for head, text in _cells(record, name, told).items() if text}
                rows.setdefault(name, {}).update(cells)
        parts.append(f"{shape}: {_origin(some)}\n\n{_table(rows)}")
    return "\n\n".join(parts)


def _origin(records: list[Record]) -> str:
    last = records[-1]
    reads = [one / 1e9 for record in records for one in record.bandwidth]
    commits = ", ".join(dict.fromkeys(record.commit for record in records))
    others = max(record.others for record in records)
    told = [one["told"] for record in records for one in record.engines.values()]
    kernels = ", ".join(dict.fromkeys(one["kernels"] for one in told if "kernels" in one))
    return (
        f"{last.machine}, {last.threads} threads, {last.date}, {commits}, medians of "
        f"{min(record.rounds for record in records)} rounds or more; memory was read at "
        f"{min(reads):.1f} to {max(reads):.1f} GB/s ({last.method}); "
        f"our kernels: {kernels or 'not run'}; other programs and other guests of the host had "
        f"{others:.0%} of the processors"
    )


def _cells(record: Record, name: str, told: dict[str, Any]) -> Cells:
    decode = record.speed(name, "decode")
    share = ""
    if decode and told["told"].get("reads_bytes"):
        taken = decode[""] * told["told"]["reads_bytes"] / statistics.median(record.bandwidth)
        share = f"{taken:.0%}"
    ours = told["family"] == "Rookery"
    twin = name.replace(SKIPPED, READ)
    gain = decode[""] / record.speed(twin, "decode")[""] if decode and twin != name else None
    load = told.get("load_s")
    return {
        "decode, tokens/s": _joined(decode),
        "share of read bandwidth": share,
        "prefill, tokens/s": _joined(record.speed(name, "prefill")),
        f"{record.texts} texts, tokens/s": _joined(record.speed(name, "batch")),
        "load, s": f"{statistics.median(load):.2f}" if load else "",
        "peak, GB": f"{told['peak_bytes'] / 1e9:.2f}",
        "decode to llama.cpp": _ratios(record, name, "decode", "llama.cpp") if ours else "",
        "prefill to llama.cpp": _ratios(record, name, "prefill", "llama.cpp") if ours else "",
        "decode to rwkv": _ratios(record, name, "decode", "rwkv") if ours else "",
        "prefill to rwkv": _ratios(record, name, "prefill", "rwkv") if ours else "",
        "decode to zeros read": f"{gain:.2f}" if gain else "",
    }


def _ratios(record: Record, name: str, measure: str, family: str) -> str:
    best, own = record.best(family, measure), record.speed(name, measure)
    return " / ".join(f"{speed / best[at]:.2f}" for at, speed in own.items() if at in best)


def _joined(speeds: dict[str, float]) -> str:
    texts = (f"{speed:.0f}" if speed >= 100 else f"{speed:.1f}" for speed in speeds.values())
    return " / ".join(texts)


def _table(rows: dict[str, Cells]) -> str:
    used = [head for head in _HEADINGS[1:] if any(head in cells for cells in rows.values())]
    lines = [f"| engine | {' | '.join(used)} |", "|---" * (1 + len(used)) + "|"]
    for name, cells in rows.items():
        lines.append(f"| {name} | {' | '.join(cells.get(head, '') for head in used)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(markdown(read(map(Path, sys.argv[1:]))))
