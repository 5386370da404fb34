"""Writes resources/catalogue.json: ``python resources/make_catalogue.py MODELS.csv``.

The table has the columns name, size, sha256, lastUpdated and url, one file a row; names give the
rest (see ``published_names``), and releases that such tables leave out are listed here.  The same
table makes the same file, byte for byte.  What a source contradicts stays empty.
"""

import csv
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import msgspec

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from app.hub.catalogue.entries import Entry, Part, ordered, with_standings  # noqa: E402
from app.hub.catalogue.published_names import named  # noqa: E402

OUT = ROOT / "resources" / "catalogue.json"

_URL = re.compile(r"https://[^/]+/(?:models/)?([^/]+/[^/]+)/resolve/(?:main|master)/(.+)")
# The same repository under the name that it has on Hugging Face.
_SAME = {"RWKV/rwkv7-g1": "BlinkDL/rwkv7-g1", "Blink_DL/rwkv7-g1": "BlinkDL/rwkv7-g1"}
# Bits a parameter that a file of this quantisation can have: bytes outside are another file's.
_BITS = {"q8_0": (8.5, 9.3), "q6_k": (6.5, 7.4), "q5_k_m": (5.5, 6.5)}

# Releases outside the table: repository, file names, what is known of them.  Bytes are those
# that files of the very same shape and writer have; "" where there is no such file.
_G1 = "BlinkDL/rwkv7-g1"
_G1_BYTES = {
    "1.5b": 3055444605,
    "2.9b": 5896273469,
    "7.2b": 14400007869,
    "13.3b": 26540868485,
}
_UNSIZED = (
    ("BlinkDL/rwkv7-g1", "rwkv7a-g1b-0.1b-20250819-ctx4096.pth"),
    ("BlinkDL/rwkv7-g1", "rwkv7a-g1d-0.1b-20260212-ctx8192.pth"),
    ("BlinkDL/rwkv7-g1", "rwkv7b-g1b-0.1b-20250822-ctx4096.pth"),
    ("BlinkDL/rwkv-4-pile-1b5", "RWKV-4-Pile-1B5-20220903-8040.pth"),
    ("BlinkDL/rwkv-4-pile-1b5", "RWKV-4-Pile-1B5-20220929-ctx4096.pth"),
    ("BlinkDL/rwkv-4-pile-3b", "RWKV-4-Pile-3B-20221008-8023.pth"),
    ("BlinkDL/rwkv-4-pile-3b", "RWKV-4-Pile-3B-20221110-ctx4096.pth"),
    ("BlinkDL/rwkv-4-pile-7b", "RWKV-4-Pile-7B-20221115-8047.pth"),
    ("BlinkDL/rwkv-4-pile-7b", "RWKV-4-Pile-7B-20230109-ctx4096.pth"),
    ("BlinkDL/rwkv-4-pile-7b", "RWKV-4-Pile-7B-20230406-ctx8192-test949.pth"),
    ("BlinkDL/rwkv-4-pile-14b", "RWKV-4-Pile-14B-20230213-8019.pth"),
    ("BlinkDL/rwkv-4-pile-14b", "RWKV-4-Pile-14B-20230228-ctx4096-test663.pth"),
    ("BlinkDL/rwkv-4-pile-14b", "RWKV-4-Pile-14B-20230313-ctx8192-test1050.pth"),
    (
        "BlinkDL/temp-latest-training-models",
        "rwkv-x060-chn_single_round_qa-1B6-20240516-ctx2048.pth",
    ),
    (
        "BlinkDL/temp-latest-training-models",
        "rwkv-x060-chn_single_round_qa-3B-20240516-ctx2048.pth",
    ),
    (
        "BlinkDL/temp-latest-training-models",
        "rwkv-x060-chn_single_round_qa-7B-20240516-ctx2048.pth",
    ),
    (
        "BlinkDL/temp-latest-training-models",
        "rwkv-x060-eng_single_round_qa-1B6-20240516-ctx2048.pth",
    ),
)
_HASHED = (
    (
        "BlinkDL/rwkv-4-pile-169m",
        "RWKV-4-Pile-169M-20220807-8023.pth",
        338718755,
        "713c6f6137a08d3a86ab57df4f09ea03563329beb3bbabc23509d6c57aa0f9e2",
    ),
    (
        "BlinkDL/rwkv-4-pile-430m",
        "RWKV-4-Pile-430M-20220808-8066.pth",
        860861859,
        "261e6b8fef1c7c9e08a4dde31bf5caf8e79c4da38126d77977a4707de82a7f64",
    ),
)
_G1F_TO_G = (
    ("g1f", "1.5b", "20260419"),
    ("g1f", "2.9b", "20260420"),
    ("g1f", "7.2b", "20260414"),
    ("g1f", "13.3b", "20260415"),
    ("g1g", "1.5b", "20260526"),
    ("g1g", "2.9b", "20260526"),
    ("g1g", "7.2b", "20260523"),
    ("g1g", "13.3b", "20260523"),
)


def main(table: Path) -> None:
    """Write the catalogue made of ``table`` and of the lists above."""
    entries = {entry.key: entry for entry in _entries(table)}
    listed = ordered(with_standings(_without_doubted(list(entries.values()))))
    lines = [msgspec.json.encode(_told(entry)).decode() for entry in listed]
    OUT.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8", newline="\n")
    print(f"{len(listed)} entries, {sum(bool(one.sha256) for one in listed)} with a hash")


def _entries(table: Path) -> Iterator[Entry]:
    with table.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            found = _URL.fullmatch(row["url"])
            path = unquote(found[2]) if found else ""
            if found and path.rsplit("/", 1)[-1] == row["name"]:  # else the row names two files
                repo = _SAME.get(found[1], found[1])
                yield _entry(repo, path, int(row["size"]), row["sha256"], row["lastUpdated"])
    for series, size, day in _G1F_TO_G:
        yield _entry(_G1, f"rwkv7-{series}-{size}-{day}-ctx8192.pth", _G1_BYTES[size])
    for repo, path, size_bytes, sha256 in _HASHED:
        yield _entry(repo, path, size_bytes, sha256)
    for repo, path in _UNSIZED:
        yield _entry(repo, path)


def _entry(repo: str, file: str, size: int = 0, sha256: str = "", day: str = "") -> Entry:
    facts = named(repo, file, size, day)
    low, high = _BITS.get(facts.dtype, (0, 0))
    if high and facts.parameters and not low <= 8 * size / facts.parameters <= high:
        size, sha256 = 0, ""
    return Entry(
        repo=repo,
        file=file,
        parts=(Part(path=file, bytes=size, sha256=sha256),),
        bytes=size,
        sha256=sha256,
        licence="apache-2.0" if repo.startswith("BlinkDL/") else "",
        **facts.facts,
    )


def _without_doubted(entries: list[Entry]) -> list[Entry]:
    """A hash that two files have is one file's, and nobody can tell whose: the older keeps it."""
    seen: dict[str, str] = {}
    kept = []
    for entry in sorted(entries, key=lambda entry: (entry.released, entry.key)):
        owner = seen.setdefault(entry.sha256, entry.key) if entry.sha256 else entry.key
        part = Part(path=entry.file, bytes=entry.bytes)
        kept.append(
            entry
            if owner == entry.key
            else msgspec.structs.replace(entry, sha256="", parts=(part,))
        )
    return kept


def _told(entry: Entry) -> dict[str, object]:
    """Without what is not known, and without the defaults."""
    usual = Entry(repo="", file="")
    facts = msgspec.to_builtins(entry)
    return {
        name: fact for name, fact in facts.items() if fact != getattr(usual, name) and fact != []
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
