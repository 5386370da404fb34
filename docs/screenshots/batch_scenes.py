"""The scenes of the tab for batches: nothing yet, tried rows, a run, rows that failed."""

import asyncio
import csv
from pathlib import Path

from app.ui.playground.playground_page import PlaygroundPage
from app.ui.state.batch.batch import Batch, Stage

from .playground_scenes import Camera

_QUESTIONS = (
    *("What is RWKV?", "What is a state?", "Which model fits my machine?"),
    *("How do I open my own model?", "What does int8 mean?", "Where are conversations kept?"),
)


async def batch(studio: Camera, folder: Path) -> None:
    """Each in light and dark."""
    page = studio.application.window.go("playground")
    assert isinstance(page, PlaygroundPage)
    view = page.batch
    page.tabs.show_part("batch")
    await asyncio.sleep(0.3)
    await _both(studio, "playground-batch-empty")
    view.add([await asyncio.to_thread(_rows, folder, "questions.csv", 300)])
    shown = _chosen(page)
    await studio.until(lambda: shown.stage is Stage.DRAFT)
    shown.try_some()
    await studio.until(lambda: shown.stage is Stage.DRAFT and len(shown.tried) == 3)
    await asyncio.sleep(0.3)
    await _both(studio, "playground-batch-tried")
    shown.configure(group=12)
    view.batches.start(shown)
    await studio.until(lambda: shown.progress is not None and shown.progress.done > 40)
    await asyncio.sleep(0.3)
    await _both(studio, "playground-batch-running")
    shown.pause()
    await studio.until(lambda: shown.stage is Stage.PAUSED)
    view.add([await asyncio.to_thread(_some_broken, folder)])
    failed = _chosen(page)
    await studio.until(lambda: failed.stage is Stage.DRAFT)
    view.batches.start(failed)
    await studio.until(lambda: failed.stage is Stage.DONE)
    await asyncio.sleep(0.3)
    view.table.selectRow(1)
    await _both(studio, "playground-batch-failed")
    page.tabs.show_part()


def _chosen(page: PlaygroundPage) -> Batch:
    found = page.batch.batches.chosen
    assert found is not None
    return found


def _rows(folder: Path, name: str, count: int) -> Path:
    path = folder / name
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(("id", "text", "asked by"))
        for number in range(count):
            table.writerow((number, _QUESTIONS[number % len(_QUESTIONS)], "a reader"))
    return path


def _some_broken(folder: Path) -> Path:
    path = folder / "notes.jsonl"
    lines = ('{"text": "What is RWKV?"}', '{"text": "What is', '{"text": "What is a state?"}')
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


async def _both(studio: Camera, name: str) -> None:
    for theme in ("light", "dark"):
        await studio.take(f"{name}-{theme}", theme)
