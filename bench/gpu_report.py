"""Markdown of what ``bench.gpu`` found; knows no card."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

Row = dict[str, Any]


def markdown(rows: list[Row], troubles: list[str], origin: Row) -> str:
    """All tables that have a row, then what was wrong."""
    by_table: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_table[row.get("table", "")].append(row)
    parts = [_header(origin)]
    for name, (title, make) in _TABLES.items():
        if by_table[name]:
            parts.append(f"### {title}\n\n{make(by_table[name])}")
    if by_table["package"]:
        parts.append(_beside_package(by_table["package"], by_table))
    wrong = [f"- {trouble}" for trouble in troubles]
    if wrong:
        parts.append("### Not done, or not all of it\n\n" + "\n".join(wrong))
    return "\n\n".join(parts)


def _header(origin: Row) -> str:
    if "card" not in origin:
        return f"The card's rates were not measured; {origin['date']}, {origin['commit']}."
    return (
        f"{origin['card']}, {origin['bytes'] / 2**30:.0f} GiB, {origin['processors']} processors, "
        f"compute capability {origin['architecture'] / 10:.1f}, NVIDIA driver "
        f"{origin.get('driver', 'unknown')}, NVRTC {origin['nvrtc']}; {origin['date']}, "
        f"{origin['commit']}. It copies {origin['copy'] / 1e9:.0f} GB/s (read and written bytes "
        f"together) and multiplies float16 matrices of 8192 x 8192 at "
        f"{origin['matrix'] / 1e12:.0f} TFLOP/s. All of it took {origin['taken_s']:.0f} s."
    )


def _table(headings: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    heads = list(headings)
    text = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    return "\n".join([*text, *(f"| {' | '.join(cells)} |" for cells in lines)])


def _kernels(rows: list[Row]) -> str:
    """The worst of each operation and type."""
    worst: dict[tuple[str, str], Row] = {}
    count: dict[tuple[str, str], int] = defaultdict(int)
    for row in rows:
        key = (row["operation"].strip(), row["form"])
        count[key] += 1
        if key not in worst or not row["error"] <= worst[key]["error"]:
            worst[key] = row
    lines = [
        (name, form, str(count[name, form]), f"{row['error']:.1e}", _verdict(row))
        for (name, form), row in worst.items()
    ]
    return _table(("operation", "type", "shapes", "largest error", "as its twin"), lines)


def _models(rows: list[Row]) -> str:
    lines = [
        (row["model"], row["form"], f"{row['error']:.1e}", f"{row['agree']:.0%}", _verdict(row))
        for row in rows
    ]
    return _table(("model", "format", "error", "same best token", "as its twin"), lines)


def _verdict(row: Row) -> str:
    return "yes" if row["passed"] else f"NO: more than {row['limit']:.0e}"


def _decode(rows: list[Row]) -> str:
    ones = [row for row in rows if row["batch"] == 1 and "note" not in row]
    single = {(row["model"], row["format"]): row for row in ones}
    base = {model: row["tokens_per_s"] for (model, form), row in single.items() if form == "fp16"}
    lines = []
    for row in rows:
        about = (row["model"], row["format"], str(row["batch"]))
        if "note" in row:
            lines.append((*about, row["note"], "", "", "", ""))
            continue
        one = single.get((row["model"], row["format"]), row)["tokens_per_s"]
        gain = row["tokens_per_s"] / base[row["model"]] if row["model"] in base else 0.0
        lines.append(
            (
                *about,
                _speed(row["tokens_per_s"]),
                _speed(row["on_card_per_s"]),
                f"{row['share']:.0%}"
                if row["batch"] == 1
                else f"{row['tokens_per_s'] / one:.1f} x",
                f"{gain:.2f} x" if gain and row["batch"] == 1 else "",
                _speed(row["skipping_per_s"]) if "skipping_per_s" in row else "",
            )
        )
    heads = (
        *("model", "format", "texts", "tokens/s", "without bringing logits to the host"),
        *("share of the copy rate, or to one text", "to fp16", "half of the inputs zero, skipped"),
    )
    return _table(heads, lines)


def _prefill(rows: list[Row]) -> str:
    lines = [
        (
            *(row["model"], row["format"], f"{row['batch']} x {row['steps']}"),
            *(_speed(row["tokens_per_s"]), f"{row['share']:.0%}"),
        )
        for row in rows
    ]
    heads = ("model", "format", "texts x tokens", "tokens/s", "share of the matrix rate")
    return _table(heads, lines)


def _memory(rows: list[Row]) -> str:
    lines = [
        (
            *(row["model"], row["format"], _gigabytes(row["used_bytes"])),
            *(_gigabytes(row["predicted_bytes"]), f"{row['load_s']:.1f}"),
        )
        for row in rows
    ]
    return _table(("model", "format", "used, GB", "predicted, GB", "made and loaded in, s"), lines)


def _beside_package(rows: list[Row], tables: dict[str, list[Row]]) -> str:
    lines = []
    for row in rows:
        ours = {
            name: next(
                (
                    one["tokens_per_s"]
                    for one in tables[name]
                    if (one["model"], one["format"], one["batch"]) == (row["model"], "fp16", 1)
                    and "note" not in one
                ),
                0.0,
            )
            for name in ("decode", "prefill")
        }
        cells = [row["model"], row["strategy"]]
        for name in ("decode", "prefill"):
            theirs = row[f"{name}_per_s"]
            cells += [_speed(theirs), f"{ours[name] / theirs:.1f} x" if ours[name] else ""]
        lines.append(cells)
    heads = ("model", "strategy", "decode, tokens/s", "ours", "prefill of 1024, tokens/s", "ours")
    title = "### The rwkv package on the same card (without its own CUDA kernels), one text"
    return f"{title}\n\n{_table(heads, lines)}"


def _speed(per_s: float) -> str:
    return f"{per_s:,.0f}" if per_s >= 100 else f"{per_s:.1f}"


def _gigabytes(count: float) -> str:
    return f"{count / 1e9:.2f}"


_TABLES: dict[str, tuple[str, Callable[[list[Row]], str]]] = {
    "kernels": ("Operations beside their plain twins", _kernels),
    "models": ("Whole models beside their plain twins", _models),
    "decode": ("RWKV-7, one token at a time, dense", _decode),
    "prefill": ("RWKV-7, prompts", _prefill),
    "memory": ("Memory with one text, after a prompt of 1024 tokens, and as predicted", _memory),
}
