"""A block of code of a reply as a file."""

from pathlib import Path

from app.system.atomic_file import writing


def write_file(place: Path, text: str) -> None:
    """Write a text file, whole or not at all.  Raises StoreError, DiskFull."""
    with writing(place) as file:
        file.write(text.encode("utf-8"))
