"""The log and the crashes of a window: what the real program writes, and what it offers."""

import os
import re
import subprocess
import sys

import pytest
from PySide6.QtWidgets import QPushButton

from app.errors import NoModel
from app.store.paths import standard_paths
from app.system.log import NAME
from app.ui.settings.help_dialog import ReportDialog
from tests.ui.conftest import settled, shown, until
from tests.ui.shell.test_start import HEAVY, ROOT, environment

SEEN = """
import asyncio, json, logging, sys, warnings
import app.ui.shell.application as application
from PySide6.QtCore import qWarning

class Seen(application.Application):
    def open(self):
        super().open()
        loaded = [name for name in {wanted} if name in sys.modules]
        print(json.dumps(loaded))
        self.services.tasks.start(self.played())

    async def played(self):
        qWarning("Qt has something to say")
        warnings.warn("a warning of Python", stacklevel=1)
        logging.getLogger("a.package").warning("from http://anna:GEHEIM@host/")
        logging.getLogger("a.package").info("of no interest")
        if {crash}:
            import ctypes
            ctypes.string_at(0)
        self.services.tasks.start(self.broken())
        while not self.services.gpus.known:
            await asyncio.sleep(0.01)
        await self.services.tasks.thread(print, end="")
        self.window.close()

    async def broken(self):
        raise ZeroDivisionError("divided by a nought")

application.Application = Seen
import app.ui.shell.main as main
main.Application = Seen
"""
NOT_AT_START = (*HEAVY, "huggingface_hub", "httpx2", "filelock", "logging.handlers", "pickle")


def run(home, *, crash=False):
    """The program from its first line, with what it says."""
    code = SEEN.format(wanted=(*NOT_AT_START, "app.ui.settings.help_dialog"), crash=crash)
    code += "from app.__main__ import main as begin\nsys.exit(begin())"
    return subprocess.run(
        [sys.executable, "-c", code],
        env=environment(home),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def logs(paths):
    paths.logs.mkdir(parents=True)
    return paths.logs


def test_the_window_logs_what_happens_and_loads_little_for_it(tmp_path):
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]", "nothing of this is loaded when the window is shown"
    logs = standard_paths(str(tmp_path)).logs
    told = (logs / NAME).read_text()
    for event in (
        r"window \d+ INFO start: Rookery [\d.]+, Python",
        r"window \d+ INFO start: Qt 6",
        r"INFO start: .* cores; \d+ MB of memory",
        r"INFO model: opening '.*rookery-guide",
        r"WARNING qt: default: Qt has something to say",
        r"WARNING warnings: UserWarning: a warning of Python",
        r"WARNING a.package: from http://…@host/",
        r"ERROR crash: nobody foresaw this\n    Traceback",
        r"ZeroDivisionError: divided by a nought",
    ):
        assert re.search(event, told), event
    assert "of no interest" not in told
    assert "GEHEIM" not in told
    for printed in ("Qt has something to say", "a warning of Python", "divided by a nought"):
        assert done.stderr.count(printed) == 1, "and is printed as it was before"
    assert not list(logs.glob("crash-window-*")), "a good end leaves no file"


async def test_a_segfault_of_the_window_is_offered_at_the_next_start(build, paths):
    done = run(paths.data.parent, crash=True)
    assert done.returncode != 0
    (left,) = paths.logs.glob("crash-window-*")
    assert "in string_at" in left.read_text()
    application = build(page="models")
    await shown(application)
    bar = application.window.notices
    await until(lambda: bar.notice is not None)
    assert bar.notice.text.startswith("Rookery ended unexpectedly last time")
    next(one for one in bar.findChildren(QPushButton) if one.text() == "Show report").click()
    await until(lambda: application.window.findChildren(ReportDialog))
    (dialog,) = application.window.findChildren(ReportDialog)
    assert "in string_at" in dialog.edit.toPlainText()
    dialog.close()


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        (("worker",), "The engine crashed last time"),
        (("downloader",), "The process that downloads crashed"),
        (("worker", "window"), "Rookery ended unexpectedly"),
    ],
)
async def test_it_is_said_what_crashed_and_after_what_is_news_of_now(build, logs, kinds, words):
    for kind in kinds:
        (logs / f"crash-{kind}-7.txt").write_text("Fatal Python error: Segmentation fault")
    application = build(page="models")
    application.services.notices.failure(NoModel())
    await shown(application)
    bar = application.window.notices
    await until(lambda: not (logs / f"crash-{kinds[0]}-7.txt").exists())
    await settled()
    assert bar.notice.title == "No model is open"
    bar.dismiss()
    await until(lambda: bar.notice is not None)
    assert bar.notice.text.startswith(words)


async def test_nothing_is_offered_where_nothing_crashed(build, logs):
    (logs / f"crash-window-{os.getpid()}.txt").write_text("")
    application = build(page="models")
    await shown(application)
    await until(lambda: not list(logs.glob("crash-*")))
    await settled()
    assert application.window.notices.notice is None
