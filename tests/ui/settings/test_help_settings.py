"""Settings, Help: the folder of the log, and a report that is looked at before it is saved."""

import json

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog, QFileDialog

from app.store.settings import Values
from app.system.log import NAME
from app.ui.settings.help_dialog import ReportDialog
from app.ui.settings.help_report import report_text
from tests.ui.conftest import settled, shown, until

LINE = "2026-11-30T17:00:00.000+00:00 window 7 INFO start: Rookery"


@pytest.fixture
def logs(paths):
    """A log and the file of a crash."""
    paths.logs.mkdir(parents=True)
    text = "2026-11-30T17:00:01.000+00:00 window 7 DEBUG text: request 1: 'words of mine'"
    (paths.logs / NAME).write_text(f"{LINE}\n{text}\n")
    (paths.logs / "crash-window-7.txt").write_text("Fatal Python error: Segmentation fault\n")
    return paths.logs


def dialogs(application):
    return [one for one in application.window.findChildren(ReportDialog) if one.isVisible()]


async def report_of(application):
    page = application.window.go("settings")
    await settled()
    QTest.mouseClick(page.help.make, Qt.MouseButton.LeftButton)
    QTest.mouseClick(page.help.make, Qt.MouseButton.LeftButton)
    await until(lambda: dialogs(application))
    (dialog,) = dialogs(application)
    return dialog


async def test_a_report_is_shown_once_can_be_changed_copied_and_saved(application, logs, tmp_path):
    await shown(application)
    dialog = await report_of(application)
    text = dialog.edit.toPlainText()
    for part in ("Rookery 0.", "Qt 6.", "Python 3.", "of memory", "theme =", LINE, "Segmentation"):
        assert part in text
    assert "words of mine" not in text
    dialog.edit.setPlainText("what I want to share")
    dialog.copy.click()
    assert QGuiApplication.clipboard().text() == "what I want to share"
    dialog.save.click()
    await until(lambda: dialog.findChildren(QFileDialog))
    (asked,) = dialog.findChildren(QFileDialog)
    asked.fileSelected.emit(str(tmp_path / "report.txt"))
    asked.reject()
    await until(lambda: "Saved as report.txt" in dialog.said.text())
    assert (tmp_path / "report.txt").read_text() == "what I want to share"
    dialog.keep(tmp_path)  # a folder
    await until(lambda: "Saved" not in dialog.said.text())
    assert dialog.said.text().endswith(".")
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    await until(
        lambda: not [one for one in application.window.findChildren(QDialog) if one.isVisible()]
    )


async def test_the_folder_of_the_log_is_made_and_shown(application, paths, monkeypatch):
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", opened.append)
    await shown(application)
    page = application.window.go("settings")
    assert not paths.logs.exists()
    page.help.show_folder.click()
    assert paths.logs.is_dir()
    assert [url.toLocalFile() for url in opened] == [str(paths.logs)]


def test_a_report_has_no_secret_no_text_and_not_the_name_of_the_person(paths, monkeypatch):
    monkeypatch.setenv("HOME", "/home/anna")
    monkeypatch.setenv("USERPROFILE", "/home/anna")
    chosen = Values(
        system_prompt="words of mine",
        hub_proxy="http://anna:GEHEIM@proxy.example:8080",
        hub_mirror="https://mirror.example/?token=GEHEIM",
        model="/home/anna/models/a.pth",
        conversation="c-17",
    )
    text = report_text(paths, chosen, ())
    for secret in ("words of mine", "GEHEIM", "anna", "c-17"):
        assert secret not in text
    assert json.dumps("~/models/a.pth") in text
    assert "system_prompt: 13 characters, not shown" in text
    assert "proxy.example:8080" in text
    assert "(empty)" in text
