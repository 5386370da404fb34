"""What there is to say of a batch, in one line; draws nothing."""

from pathlib import Path

from app.messages.translate import tr, tr_n
from app.messages.units import duration, whole

from .batch import Batch, Stage
from .batch_rows import RowState, ShownRow


def state_in_words(batch: Batch) -> str:
    """Where it is, how fast, and how long it will take."""
    if batch.stage is Stage.READING:
        return tr("Reading the rows …")
    if batch.stage is Stage.TRYING:
        return tr("Trying the first rows …")
    if batch.stage is Stage.DRAFT:
        return _of_draft(batch)
    said = [_done(batch)]
    if batch.stage is Stage.RUNNING:
        said += _pace(batch)
    elif batch.stage is Stage.QUEUED:
        said.append(tr("waits for the batch before it"))
    elif batch.stage is Stage.PAUSED:
        said.append(tr("waits for its model") if batch.waits_for_model else tr("paused"))
    if batch.failed:
        said.append(tr_n("{} failed", "{} failed", batch.failed).format(whole(batch.failed)))
    return " · ".join(filter(None, said))


def short_state(batch: Batch) -> str:
    """The same in a few letters, for a list."""
    kept, running = batch.kept, batch.stage is Stage.RUNNING
    if not kept.begun and batch.stage is not Stage.QUEUED:
        return tr("not begun")
    progress = batch.progress
    done = progress.done if running and progress else kept.done
    if kept.rows and kept.done >= kept.rows and not running:
        return tr("done · {}").format(rows_in_words(kept.rows))
    said = tr("{} of {}").format(whole(done), rows_in_words(kept.rows)) if kept.rows else ""
    names = {
        Stage.RUNNING: tr("running"),
        Stage.QUEUED: tr("waits"),
        Stage.PAUSED: tr("paused"),
        Stage.READING: tr("paused"),
    }
    return " · ".join(filter(None, (names.get(batch.stage, ""), said)))


def rows_in_words(count: int) -> str:
    """``1,000 rows``."""
    return tr_n("{} row", "{} rows", count).format(whole(count))


def source_in_words(batch: Batch) -> str:
    """How many rows a file has, and what its columns are called."""
    found = batch.found
    if found is None:
        return ""
    said = rows_in_words(found.rows)
    if len(found.columns) > 1:
        said += " · " + tr("columns: {}").format(", ".join(found.columns))
    return said


def end_in_words(row: ShownRow) -> str:
    """How a row has ended."""
    if row.state is RowState.WRITING:
        return tr("being written")
    if row.state is RowState.FAILED:
        return row.why
    return {
        "end": tr("done"),
        "stop": tr("done"),
        "limit": tr("cut at the limit"),
        "blocked": tr("bans left nothing that fits"),
    }.get(row.why, tr("done"))


def name_of(batch: Batch) -> str:
    """Its input's name."""
    return Path(batch.kept.input).name


def share_done(batch: Batch) -> float:
    """From 0 to 1."""
    progress = batch.progress
    if batch.stage is Stage.RUNNING and progress is not None:
        return progress.done / max(1, progress.total)
    return batch.kept.done / max(1, batch.kept.rows)


def _of_draft(batch: Batch) -> str:
    if not batch.tried:
        return tr("Try some rows first: nothing is written then.")
    return tr_n(
        "{} row was tried; nothing is written yet.",
        "{} rows were tried; nothing is written yet.",
        len(batch.tried),
    ).format(len(batch.tried))


def _done(batch: Batch) -> str:
    progress = batch.progress
    if batch.stage is Stage.RUNNING and progress is not None:
        return tr("{} of {}").format(whole(progress.done), rows_in_words(progress.total))
    if batch.stage is Stage.DONE:
        name = Path(batch.kept.output).name
        return tr("{} in {}").format(rows_in_words(batch.kept.rows), name)
    return tr("{} of {}").format(whole(batch.kept.done), rows_in_words(batch.kept.rows))


def _pace(batch: Batch) -> list[str]:
    progress = batch.progress
    if progress is None or progress.left_s is None:
        return []
    shown = (
        f"{progress.rows_per_s:.2f}" if progress.rows_per_s < 10 else (f"{progress.rows_per_s:.0f}")
    )
    said = [tr("{} rows/s").format(shown)]
    if progress.done < progress.total:
        said.append(tr("{} left").format(duration(progress.left_s)))
    return said
