"""What happens to a model that is chosen, dropped or was open last: it is opened and remembered."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog

from app.errors import Failure, MovedCheckpoint
from app.library.local_library import is_whole
from app.messages.translate import tr
from app.runtime.checkpoint.describe import describe
from app.runtime.checkpoint.file_names import MODEL_ENDINGS
from app.runtime.loading.preflight import look_at
from app.runtime.planning.strategy import understood
from app.ui.state.notices import MODEL
from app.ui.state.services import Services
from app.ui.widgets.dialogs import ask

from .window import Window


class ModelOpening(QObject):
    """Sends a model to the session and its place to the settings; asks where a file lies.

    ``choose_run`` opens the dialog in which it is chosen how a model runs.
    """

    def __init__(
        self,
        services: Services,
        window: Window,
        guide: Path,
        choose_run: Callable[[Path], None],
    ) -> None:
        super().__init__(window)
        self._services, self._library, self._window = services, services.library, window
        self._guide, self._choose_run = guide, choose_run
        self._stand_in: Path | None = None
        self._wanted: Path | None = None
        services.session.changed.connect(self._remember)
        window.drop.dropped.connect(self.take)

    def open(self, path: Path, *, chat: bool = True) -> None:
        """Open a model, in the way it was last asked for; ``chat`` goes to the chat meanwhile.

        A file that is no use is told of, and what is open stays open.
        """
        self._wanted = path
        self._services.notices.settle(MODEL)
        self._services.tasks.start(self._open(path, chat=chat))

    async def _open(self, path: Path, *, chat: bool) -> None:
        strategy = await self._strategy(path)
        try:
            await self._services.tasks.thread(look_at, path, strategy)
            if path != self._wanted:
                return  # another one was chosen meanwhile
            self._stand_in = None
            if chat:
                self._window.go("chat")
            await self._services.session.opened(path, strategy)
        except Failure as failure:
            self._services.notices.failure(failure, about=MODEL)

    def reopen(self, path: Path) -> None:
        """Open the open model anew in the way that is chosen for it; the conversation goes on.

        Where that fails, one press opens it as it was.
        """
        self._wanted = path
        self._services.notices.settle(MODEL)
        self._services.tasks.start(self._reopen(path, self._services.session.asked))

    async def _reopen(self, path: Path, before: str) -> None:
        session = self._services.session
        strategy = await self._strategy(path)
        await self._services.tasks.thread(look_at, path, strategy)
        if path != self._wanted:
            return  # another one was chosen meanwhile
        try:
            await session.opened(path, strategy)
        except Failure as failure:
            verb = tr("Open it as before")
            self._services.notices.failure(
                failure, verb, lambda: session.open(path, before), about=MODEL
            )

    def choose_run(self, path: Path) -> None:
        """Let the person choose how a model is to run, and begin it."""
        self._choose_run(path)

    def open_last(self) -> None:
        """Open what was open last; where that is not there or fails, the small guide."""
        self._services.tasks.start(self._open_last())

    async def _open_last(self) -> None:
        chosen = self._services.settings.now
        last = Path(chosen.model) if chosen.model and chosen.open_last_model else None
        if last is not None and not last.exists():
            self._tell_of_loss(last)
        elif last is not None:
            try:
                await self._services.session.opened(last, await self._strategy(last))
            except Failure as failure:
                self._services.notices.failure(failure, about=MODEL)
            else:
                return
        guide = self._guide
        self._stand_in = guide if chosen.model else None  # what was chosen stays the last model
        await self._services.session.opened(guide, await self._strategy(guide))

    def _tell_of_loss(self, path: Path) -> None:
        """What was open last is gone: say so, and offer the others; other trouble goes first."""
        if self._window.notices.notice is not None:
            return
        self._services.notices.failure(
            MovedCheckpoint(path=str(path)),
            tr("Choose a model"),
            self._show_models,
            about=MODEL,
        )

    def _show_models(self) -> None:
        self._window.go("models")

    def open_guide(self) -> None:
        """Open the small model that ships with the program."""
        self.open(self._guide)

    def take(self, paths: list[Path]) -> None:
        """Dropped on the window: folders join the library, the first model file is opened.

        What is no model joins nothing; what it is instead is said.  States go to the States page.
        """
        if self._window.take_dropped(paths):
            return
        folders = [path for path in paths if path.is_dir()]
        files = [path for path in paths if path.is_file()]
        for folder in folders:
            self._library.add_folder(folder)
        if files:
            self._services.tasks.start(self._take_files(files))
        elif folders:
            self._window.go("models")

    async def _take_files(self, files: list[Path]) -> None:
        tasks = self._services.tasks
        found = [(file, await tasks.thread(describe, file)) for file in files]
        states = [file for file, told in found if told.kind == "state"]
        found = [(file, told) for file, told in found if file not in states]
        models = [file for file, told in found if is_whole(told)]
        others = [file.name for file, told in found if not is_whole(told)]
        for file in models:
            self._library.add_file(file)
        if states:
            self._services.named_states.bring_in(states, self._services.session.loaded)
        if states and not models:
            self._window.go("states")
            return
        self.open(models[0] if models else files[0])  # of what is none this tells why
        if models and others:
            said = tr("No model, so not taken into the list: {}")
            self._services.notices.news(said.format(", ".join(others)))

    def ask_file(self) -> None:
        """Let the person choose a model file, and open it."""
        kinds = " ".join(f"*{suffix}" for suffix in MODEL_ENDINGS)
        models, anything = tr("Models ({})").format(kinds), tr("All files (*)")
        dialog = self._dialog(tr("Open a model"))
        dialog.setNameFilters([models, anything])
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(lambda chosen: self.take([Path(chosen)]))
        ask(dialog)

    def ask_folder(self) -> None:
        """Let the person choose a folder of models."""
        dialog = self._dialog(tr("Add a folder of models"))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(lambda chosen: self.take([Path(chosen)]))
        ask(dialog)

    def _dialog(self, title: str) -> QFileDialog:
        folders = self._library.folders
        return QFileDialog(self._window, title, str(folders[0] if folders else Path.home()))

    async def _strategy(self, path: Path) -> str:
        """As it was last asked for, else as the settings want it; "" is the worker's own choice.

        Not as asked for where that is a card that is gone, or takes more than is allowed.  Raises
        OverLimit where everything does.
        """
        asked = self._services.settings.now.strategies.get(str(path), "")
        way = understood(asked)
        if way is not None and way.on_gpu:
            gpus = self._services.gpus
            if not gpus.known:
                await gpus.looked()
            there = {gpu.device for gpu in gpus.usable}
            asked = asked if there.issuperset(way.cards) else ""
        return await self._services.planning.allowed(path, asked)

    def _remember(self) -> None:
        loaded = self._services.session.loaded
        if loaded is None or Path(loaded.path) == self._stand_in:
            return
        asked = self._services.session.asked
        self._services.settings.change(model=loaded.path, strategy=asked)
