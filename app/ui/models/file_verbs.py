"""What can be done with a file of the library: shown, checked, renamed, moved, thrown away."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QInputDialog, QLineEdit, QMessageBox, QWidget

from app.errors import NoTrash
from app.library.file_groups import is_configuration
from app.messages.translate import tr
from app.ui.state.models.entry import Entry
from app.ui.state.services import Services
from app.ui.widgets.dialogs import ask

from .file_work import FileTask, FileTasks
from .notes import checked_words, notes_of
from .side_files_dialog import SideFilesDialog, named_lines

_UNDO_S = 8.0
_ASKING_PX = 460

Files = tuple[Path, ...]


class FileVerbs(QObject):
    """``told`` when a note about a file, or what can be done with it, is another.

    ``moved`` carries where a file was and where it is.  ``doomed`` are files that go to the trash
    in a moment: they are shown no more.
    """

    told = Signal()
    moved = Signal(str, str)
    doomed_changed = Signal()

    def __init__(self, services: Services, page: QWidget) -> None:
        super().__init__(page)
        self._services, self._page = services, page
        self._library = services.library
        self._works = FileTasks(services.tasks, self.told.emit)
        self._said: dict[str, str] = {}
        self.doomed: set[str] = set()
        self._asking: set[str] = set()

    def for_entry(self, entry: Entry) -> set[str]:
        """The names of what can be done with this one."""
        if entry.path is None:
            return set()
        if entry.embedded:
            return {"show"}
        if self._works.of(entry.key) is not None:
            return {"show", "stop"}
        single = {"forget"} if self._library.is_single(entry.path) else set()
        whole = {"verify", "rename", "move"} if entry.file and not entry.reason else set()
        return {"show", "delete"} | whole | single

    def notes(self, entry: Entry) -> list[str]:
        """Sentences about this very file."""
        work = self._works.of(entry.key)
        said = work.words if work else self._said.get(entry.key, "")
        return [*notes_of(entry, self._library), *filter(None, [said])]

    def act(self, verb: str, entry: Entry | None) -> None:
        """Do what is named, if it can be done with this one."""
        if entry is not None and entry.path is not None and verb in self.for_entry(entry):
            acts: dict[str, Callable[[Entry, Path], None]] = {
                "show": self._show,
                "forget": self._forget,
                "verify": self._verify,
                "rename": self._rename,
                "move": self._move,
                "delete": self._delete,
                "stop": self._stop,
            }
            acts[verb](entry, entry.path)

    def remove(self, entry: Entry | None) -> None:
        """Off the list where it was chosen by itself, else to the trash."""
        if entry is not None and entry.path is not None:
            self.act("forget" if self._library.is_single(entry.path) else "delete", entry)

    def copy_in(self) -> None:
        """Let the person choose a model file, and copy it to the other downloads."""
        dialog = QFileDialog(self._page, tr("Copy a model into your folder"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(lambda chosen: self._copy(Path(chosen)))
        ask(dialog)

    def _show(self, entry: Entry, path: Path) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(path.parent)))

    def _forget(self, entry: Entry, path: Path) -> None:
        self._library.remove_file(path)
        said = tr("{} is no longer listed; the file stays where it is.").format(entry.title)
        self._services.notices.undo(said, lambda: self._library.add_file(path))

    def _stop(self, entry: Entry, path: Path) -> None:
        self._works.stop(entry.key)

    def _verify(self, entry: Entry, path: Path) -> None:
        offers = [one.offer for one in self._services.catalogue.entries if one.offer]

        async def verified(work: FileTask) -> None:
            found = await self._services.tasks.thread(
                self._library.local.verify, path, work.note, work.cancelled, offers
            )
            if found is not None:
                self._said[entry.key] = checked_words(found)
                self._library.refresh()  # what it is may be known now

        self._works.begin(entry.key, tr("Checking every byte: {}"), verified)

    def _rename(self, entry: Entry, path: Path) -> None:
        key = entry.key
        if key in self._asking:
            return
        self._asking.add(key)

        async def asked() -> None:
            named, is_folder = await self._services.tasks.thread(self._named, path)
            stem = named.name if is_folder else named.stem  # the ending stays what it is
            self._ask_name(path, named.name, len(stem))

        self._start(asked()).add_done_callback(lambda _: self._asking.discard(key))

    def _named(self, path: Path) -> tuple[Path, bool]:
        """What a rename changes, and whether it is a folder; blocks."""
        named = self._library.local.named(path)
        return named, named.is_dir()

    def _ask_name(self, path: Path, name: str, chosen: int) -> None:
        """Ask for another name; the first letters, as many as ``chosen``, are selected."""
        dialog = QInputDialog(self._page)
        dialog.setWindowTitle(tr("Rename"))
        dialog.setLabelText(tr("A new name for {}").format(name))
        dialog.setTextValue(name)
        dialog.setOkButtonText(tr("Rename"))
        dialog.resize(_ASKING_PX, dialog.sizeHint().height())
        dialog.textValueSelected.connect(lambda given: self._start(self._renamed(path, given)))
        ask(dialog)
        if (field := dialog.findChild(QLineEdit)) is not None:
            field.setSelection(0, chosen)

    async def _renamed(self, path: Path, name: str, *, file_only: bool = False) -> None:
        local, thread = self._library.local, self._services.tasks.thread
        named, is_folder = await thread(self._named, path)
        if file_only:
            named, is_folder = path, False
        if not name.strip() or name == named.name:
            return
        now = await thread(partial(local.rename, file_only=file_only), path, name.strip())
        self._follow(path, now)
        self._library.refresh()
        called = now.parent.name if is_folder else now.name
        said = tr("{} is called {} now.").format(named.name, called)

        def undo() -> None:
            self._start(self._renamed(now, named.name, file_only=not is_folder))

        self._services.notices.undo(said, undo)

    def _move(self, entry: Entry, path: Path) -> None:
        dialog = QFileDialog(self._page, tr("Move to which folder?"), str(path.parent))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(lambda chosen: self.move_to(entry, Path(chosen)))
        ask(dialog)

    def move_to(self, entry: Entry, folder: Path) -> None:
        """Take a file to another folder, beside the window."""
        if entry.path is None or folder == entry.path.parent:
            return
        words = tr("Move {}").format(entry.title), tr("Move")
        self._ask_along(entry, words, lambda also: self._move_with(entry, folder, also), moves=True)

    def _move_with(self, entry: Entry, folder: Path, also: Files) -> None:
        path = entry.path
        assert path is not None

        async def moved(work: FileTask) -> None:
            act = partial(self._library.local.move, also=also)
            now = await self._services.tasks.thread(act, path, folder, work.note, work.cancelled)
            if now is not None:
                self._follow(path, now)
                self._keep_listed(now)
                said = tr("{} lies in {} now.").format(entry.title, folder)
                self._services.notices.news(said)

        self._works.begin(entry.key, tr("Moving: {}"), moved)

    def _copy(self, source: Path) -> None:
        folder = self._services.downloads.folder

        async def copied(work: FileTask) -> None:
            self._services.notices.news(tr("Copying {}.").format(source.name))
            now = await self._services.tasks.thread(
                self._library.local.add, source, folder, "copy", work.note, work.cancelled
            )
            if now is not None:
                self._services.notices.news(tr("{} is here now.").format(now.name))
            self._library.refresh()

        self._works.begin(str(source), tr("Copying: {}"), copied)

    def _follow(self, path: Path, now: Path) -> None:
        self._library.follow(path, now)
        self._services.session.follow(path, now)
        self.moved.emit(str(path), str(now))

    def _keep_listed(self, path: Path) -> None:
        """What was moved out of all folders that are searched is listed by itself."""
        known = [*self._library.folders, self._services.downloads.folder]
        if not any(path.is_relative_to(folder) for folder in known):
            self._library.add_file(path)
        else:
            self._library.refresh()

    # the trash

    def _delete(self, entry: Entry, path: Path) -> None:
        words = tr("Move {} to the trash").format(entry.title), tr("Move to the trash")
        self._ask_along(entry, words, lambda also: self._doom(entry, path, also))

    def _ask_along(
        self,
        entry: Entry,
        words: tuple[str, str],
        act: Callable[[Files], None],
        *,
        moves: bool = False,
    ) -> None:
        """Ask about the files beside it, if there are any, and then do it with those wanted."""
        key, path = entry.key, entry.path
        if path is None or key in self.doomed | self._asking:
            return
        self._asking.add(key)

        async def asked() -> None:
            group = await self._services.tasks.thread(self._library.local.group, path)
            if not group.others and not (group.home and group.shared):
                act(())
                return
            needed = [one for one in (*group.shared, *group.others) if is_configuration(one.name)]
            ticked = needed if moves else []
            dialog = SideFilesDialog(self._services.theme, group, words, ticked)
            dialog.setParent(self._page, dialog.windowFlags())
            dialog.accepted.connect(lambda: act(dialog.chosen))
            ask(dialog)

        self._start(asked()).add_done_callback(lambda _: self._asking.discard(key))

    def _doom(self, entry: Entry, path: Path, also: Files) -> None:
        """It goes in a few seconds; until then it can be taken back, and closing forgets it."""
        if entry.key in self.doomed:
            return
        self.doomed.add(entry.key)
        self.doomed_changed.emit()
        task = self._services.tasks.start(
            self._discard(path, also), lambda: self._spared(entry.key)
        )

        def undo() -> None:
            task.cancel()

        said = tr("{} goes to the trash.").format(path.name)
        self._services.notices.undo(said, undo, lasts_s=_UNDO_S)

    def _spared(self, key: str) -> None:
        """It was taken back, is gone, or could not go: what is there is listed again."""
        self._library.refresh()
        self.doomed.discard(key)
        self.doomed_changed.emit()

    async def _discard(self, path: Path, also: Files) -> None:
        await asyncio.sleep(_UNDO_S)
        session = self._services.session
        if session.loaded is not None and session.loaded.path == str(path):
            session.unload()
        library = self._library.local
        try:
            await self._services.tasks.thread(library.trash, path, also)
        except NoTrash:
            group = await self._services.tasks.thread(library.group, path)
            self._ask_to_delete(path, group.asked_for(also).all, also)

    def _ask_to_delete(self, path: Path, files: Files, also: Files) -> None:
        box = QMessageBox(self._page)
        box.setWindowTitle(tr("No trash here"))
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setText(tr("There is no trash where {} lies.").format(path.name))
        asked = tr("Delete for good? It cannot be taken back:")
        box.setInformativeText("\n".join([asked, "", *named_lines(files)]))
        role = QMessageBox.ButtonRole.DestructiveRole
        delete = box.addButton(tr("Delete for good"), role)
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.setDefaultButton(QMessageBox.StandardButton.Cancel)
        delete.clicked.connect(lambda: self._start(self._deleted(path, also)))
        ask(box)

    async def _deleted(self, path: Path, also: Files) -> None:
        await self._services.tasks.thread(self._library.local.delete, path, also)
        self._library.refresh()

    def _start(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        return self._services.tasks.start(work)
