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
        by_length = self._rounds(name, measure)
        return {length: statistics.median(speeds) for length, speeds in by_length.items()}

    def share(self, name: str) -> float | None:
        """What decoding has of the speed at which memory was read around it, round by round."""
        told = self.engines[name]
        each = zip(told.get("decode", []), told.get("read", []), strict=True)
        shares = [speed * told["told"].get("reads_bytes", 0) / read for speed, read in each]
        return (statistics.median(shares) or None) if shares else None

    def ratio(self, name: str, measure: str, family: str) -> dict[str, float]:
        """To the fastest of a family, length by length: the median of the rounds' ratios."""
        ratios: dict[str, float] = {}
        for length in self.speed(name, measure):
            rows = [
                self._rounds(other, measure)[length]
                for other, told in self.engines.items()
                if told["family"] == family and length in self._rounds(other, measure)
            ]
            if rows:
                own = self._rounds(name, measure)[length]
                each = zip(own, max(rows, key=statistics.median), strict=True)
                ratios[length] = statistics.median(ours / theirs for ours, theirs in each)
        return ratios

    def ratio_of(self, name: str, twin: str) -> float:
        """Decode of one engine to that of another: the median of the rounds' ratios."""
        own, other = (self._rounds(one, "decode")[""] for one in (name, twin))
        return statistics.median(one / two for one, two in zip(own, other, strict=True))

    def _rounds(self, name: str, measure: str) -> dict[str, list[float]]:
        found = self.engines[name].get(measure, {})
        return found if isinstance(found, dict) else {"": found}


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
    memory = f"{min(reads):.1f} to {max(reads):.1f} GB/s" if reads else "a speed not measured"
    commits = ", ".join(dict.fromkeys(record.commit for record in records))
    others = max(record.others for record in records)
    told = [one["told"] for record in records for one in record.engines.values()]
    kernels = ", ".join(dict.fromkeys(one["kernels"] for one in told if "kernels" in one))
    return (
        f"{last.machine}, {last.threads} threads, {last.date}, {commits}, medians of "
        f"{min(record.rounds for record in records)} rounds or more; memory was read at "
        f"{memory} ({last.method}); "
        f"our kernels: {kernels or 'not run'}; other programs and other guests of the host had "
        f"{others:.0%} of the processors"
    )


def _cells(record: Record, name: str, told: dict[str, Any]) -> Cells:
    decode, share = record.speed(name, "decode"), record.share(name)
    ours = told["family"] == "Rookery"
    twin = name.replace(SKIPPED, READ)
    gain = record.ratio_of(name, twin) if decode and twin != name else None
    load = told.get("load_s")
    return {
        "decode, tokens/s": _joined(decode),
        "share of read bandwidth": f"{share:.0%}" if share else "",
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
    return " / ".join(f"{one:.2f}" for one in record.ratio(name, measure, family).values())


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
