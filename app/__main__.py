"""Where the program begins: the window, a verb of the command line, or a worker."""

import os
import sys
from collections.abc import Callable


def main() -> int:
    """Without arguments the window opens; hidden ones make this a process of another kind."""
    # Threads that wait for each other must sleep, not spin: on a machine that does anything else
    # besides, spinning makes every operation wait for the scheduler, and is many times slower.
    # A wait of a few microseconds, the usual one between two operations, may still spin.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ["OMP_WAIT_POLICY"] = "passive"
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    arguments = sys.argv[1:]
    if arguments == ["--worker"]:  # as app.system.child_process starts it; nothing else is loaded
        from app.runtime.worker.worker import main as work

        return _recorded("worker", work)
    if arguments == ["--downloader"]:  # as app.hub.downloads.download_client starts it
        from app.hub.downloads.download_process import main as fetch

        return _recorded("downloader", fetch)
    if arguments == ["--highlighter"]:  # as app.ui.markdown.colouring starts it
        from app.ui.markdown.highlight_process import main as highlight

        return highlight()
    if arguments == ["--documents"]:  # as app.documents.document_client starts it
        from app.documents.document_process import main as take_apart

        return _recorded("documents", take_apart)
    if arguments == ["--lockstep"]:  # as app.comparison.lockstep_client starts it
        from app.comparison.lockstep_process import main as read_together

        return _recorded("lockstep", read_together)
    if arguments:
        from app.cli import run

        return run(arguments)
    from app.ui.shell.main import run as open_window

    return _recorded("window", open_window)


def _recorded(kind: str, work: Callable[[], int]) -> int:
    """Run ``work`` with the log and, if it falls, a file of its own in the data folder."""
    from app.store.paths import standard_paths
    from app.system import crash_log, log

    logs = standard_paths(os.environ.get("ROOKERY_HOME", "")).logs
    log.begin_as_asked(kind, logs, os.environ)
    try:
        with crash_log.watched(kind, logs):
            return work()
    finally:
        log.end()


if __name__ == "__main__":
    sys.exit(main())
