"""Results of benchmarks as text for other programs: CSV for tables, JSON for all else."""

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from app.runtime.planning.machine import rates_key
from app.store.benchmark_results import BenchmarkResult
from app.system.atomic_file import writing
from app.system.json_file import encode

Row = dict[str, str | int | float | None]


def rows_of(name: str, fingerprint: str, results: Sequence[BenchmarkResult]) -> list[Row]:
    """One row a result, with model and machine; names of columns carry their units."""
    about: Row = {"model": name, "fingerprint": fingerprint, "machine": rates_key()}
    return [about | _fields(result) for result in results]


def export(path: Path, rows: Sequence[Row]) -> None:
    """Write them as JSON where the name ends so, else as CSV; whole or not at all.

    Raises DiskFull and StoreError.
    """
    as_json = path.suffix.lower() == ".json"
    text = encode(list(rows), indent=2) + b"\n" if as_json else _csv(rows)
    with writing(path) as file:
        file.write(text)


def _fields(result: BenchmarkResult) -> Row:
    when = datetime.fromtimestamp(result.measured_at, UTC).isoformat(timespec="seconds")
    fields: Row = {"measured_at_utc": when}
    told = msgspec.structs.asdict(result)
    return fields | {name: value for name, value in told.items() if name != "measured_at"}


def _csv(rows: Sequence[Row]) -> bytes:
    """With the mark by which spreadsheets know that it is UTF-8."""
    text = io.StringIO()
    if rows:
        table = csv.DictWriter(text, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return text.getvalue().encode("utf-8-sig")
