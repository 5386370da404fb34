"""Everything that lives as long as the window, in the order it is built and ended."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtWidgets import QApplication

from app.errors import Failure, StoreError
from app.hub.sources.proxies import keep_proxy, parted
from app.messages.translate import tr
from app.runtime.checkpoint import describe
from app.runtime.protocol.messages import Loaded
from app.runtime.worker.phase import Phase
from app.runtime.worker.supervisor import Supervisor
from app.store.benchmark_results import known_rates
from app.store.changes import Changes
from app.store.chosen_adapters import merged_adapters
from app.store.conversations import open_conversations
from app.store.kept_shortages import KeptShortages
from app.store.measured_disks import MeasuredDisks
from app.store.paths import Paths
from app.store.settings import Settings
from app.system.gpus import Gpu, gpus
from app.ui.look.theme import Theme
from app.ui.markdown.colouring import close_shared
from app.ui.state.downloads import DownloadList
from app.ui.state.gpu_list import GpuList
from app.ui.state.models.model_catalogue import Catalogue
from app.ui.state.models.model_library import Library
from app.ui.state.models.model_names import plain_name, plain_way
from app.ui.state.notices import MODEL, RESTING, STEP, Notices, step_details
from app.ui.state.rates_keeper import RatesKeeper
from app.ui.state.run.free_gpu import FreeGpu
from app.ui.state.run.idle_release import IdleRelease, let_go_words
from app.ui.state.run.run_planning import RunPlanning
from app.ui.state.services import Services
from app.ui.state.session import Session
from app.ui.state.settings_in_force import put_in_force
from app.ui.state.shared_settings import SharedSettings
from app.ui.state.state_keeping import StateKeeping
from app.ui.state.state_sweeping import StateSweeping
from app.ui.state.states.named_state_list import NamedStateList
from app.ui.state.status.readings import Readings
from app.ui.state.tasks import Tasks
from app.ui.widgets.focus import FocusKeeper
from app.ui.widgets.page import Page, Place
from app.ui.widgets.pointer import Pointer

from .actions import model_commands, model_file_commands, window_commands
from .finished_downloads import FinishedDownloads
from .hand_overs import take_hand_overs
from .last_crash import LastCrash
from .left_batches import LeftBatches
from .model_opening import ModelOpening
from .run_dialogs import RunDialogs
from .window import Window
from .window_placement import WindowPlacement


class Application:
    """``open`` shows the window and the last model; ``close`` ends the worker and the stores."""

    def __init__(
        self,
        app: QApplication,
        paths: Paths,
        supervise: Callable[[Callable[[], None]], Supervisor] = Supervisor,
        look_for_gpus: Callable[[], Sequence[Gpu]] = gpus,
    ) -> None:
        guide = describe.embedded_model()
        changes = Changes()
        self._notices = Notices()
        self.closed = False
        self._settings = Settings(paths.settings, changes, self._tell)
        self._conversations, self._trouble = open_conversations(paths.database, changes)
        self._tasks = Tasks(self._tell)
        supervisor = supervise(lambda: self._session.note_change())
        supervisor.on_unkept = self._tell_unkept
        kept = supervisor.shortages.kept = KeptShortages(paths.shortages)
        self._session = Session(supervisor, self._tasks)
        self._session.adapters_for = lambda path: merged_adapters(self._settings.now.adapters, path)
        self._keeping = StateKeeping(self._session, self._settings, changes, paths.states)
        if self._trouble is None:
            self._sweeping = StateSweeping(self._conversations, paths.states, self._tasks)
        self._rates = RatesKeeper(self._session, supervisor, self._tasks, paths.rates)
        self._session.died.connect(self._tell_of_death)
        self._session.changed.connect(self._take_back)
        self._session.changed.connect(self._tell_of_step)
        self._told_step: Loaded | None = None
        self._told_death = self._told_unkept = False
        self._resting = IdleRelease(self._session, self._settings, changes)
        self._resting.released.connect(self._tell_of_rest)
        self._resting.returned.connect(self._tell_of_return)
        chosen = self._settings.now
        self._theme = Theme(chosen.theme, chosen.text_scale)
        self._theme.apply(app)
        where = (paths.models, guide, paths.cache, paths.verified)
        self.library = Library(self._settings, self._tasks, *where)
        gpus_here = GpuList(self._tasks, look_for_gpus)
        planning = RunPlanning(
            self._session,
            self._settings,
            changes,
            gpus_here,
            partial(known_rates, paths.rates, paths.benchmarks),
            kept.get,
        )
        self.services = Services(
            session=self._session,
            theme=self._theme,
            conversations=self._conversations,
            settings=self._settings,
            tasks=self._tasks,
            notices=self._notices,
            library=self.library,
            catalogue=Catalogue(self._settings, self._tasks, paths.hub_cache),
            downloads=DownloadList(self._settings, self._tasks, paths),
            gpus=gpus_here,
            planning=planning,
            free_gpu=FreeGpu(self._session, planning),
            shared=SharedSettings(self._settings, self._tasks),
            readings=Readings(self._session, gpus_here, look_for_gpus),
            named_states=NamedStateList(
                paths.named_states, self._settings, self._tasks, self._notices
            ),
        )
        self.services.planning.disk = MeasuredDisks(paths.disks).of
        self.services.free_gpu.freed.connect(self._tell_of_move)
        self.services.free_gpu.failed.connect(self._tell)
        self._paths = paths
        self.window = Window(self.services, self._places())
        Pointer(app, self.window)
        FocusKeeper(app, self.window, self.window.take_keyboard)
        self.runs = RunDialogs(self.services, self.window, self._offer_models)
        self._opening = ModelOpening(self.services, self.window, guide, self.runs.show)
        self._placement = WindowPlacement(self.window, self._settings)
        switch, run = self._offer_models, self.runs.show_open
        commands = window_commands(self.services, self.window, self._opening, switch, run)
        self.window.offer(commands, lambda: model_commands(self.library, self._opening))
        self.window.strip.pressed.connect(self.runs.show_open)
        self.window.strip.figures_pressed.connect(lambda: self.window.go("status"))
        take_hand_overs(self.services, self.window)
        self._arrivals = FinishedDownloads(self.services, self.window, self._opening)
        self.services.shared.changed.connect(partial(put_in_force, self.services))

    def open(self) -> None:
        """Show the window as it was, then say what went wrong, then open the last model."""
        self._placement.restore(page="chat")
        self.window.show()
        for trouble in (self._settings.trouble, self._trouble):
            if trouble is not None:
                self._notices.failure(trouble)
        self.services.gpus.look()
        LastCrash(self.services, self.window, self._paths).look()
        LeftBatches(self.services, self.window).offer()
        self._tasks.start(self.services.planning.know_rates())
        self._opening.open_last()
        self.library.refresh()
        self.library.watch()
        self.services.shared.watch()
        self.services.downloads.resume_last()
        if parted(self._settings.now.hub_proxy)[1]:
            self._tasks.start(self._hide_password())

    def say(self, words: str) -> None:
        """In the window, until it is put away; nothing where there are no words."""
        if words:
            self._notices.news(words, lasts_s=0.0)

    async def close(self) -> None:
        """Hide first, then end: downloads, texts that are written, the worker, the stores."""
        self.closed = True
        self.services.shared.close()
        self._placement.save()
        farewell = self._arrivals.farewell()
        await self.services.downloads.close()
        await farewell
        self.window.hide()
        close_shared()
        self.library.close()
        await self._tasks.close()
        await self._session.close()
        await asyncio.to_thread(self._close_stores)
        self.window.deleteLater()

    async def _hide_password(self) -> None:
        """Take a password that stands in the settings file to the keyring, if there is one now."""
        proxy = self._settings.now.hub_proxy
        kept = await self._tasks.thread(keep_proxy, proxy, proxy)
        if self._settings.now.hub_proxy == proxy:
            self._settings.change(hub_proxy=kept)

    def _tell(self, failure: Failure) -> None:
        """In the window; one that comes while it closes goes the way of what nobody caught."""
        if self.closed:
            sys.excepthook(type(failure), failure, failure.__traceback__)
        else:  # of the page in front, or of all where nothing can be stored
            about = "" if isinstance(failure, StoreError) else self.window.page
            self._notices.failure(failure, about=about)

    def _tell_of_death(self, failure: Failure) -> None:
        self._notices.failure(failure, about=MODEL)
        self._told_death = True

    def _tell_unkept(self, failure: Failure) -> None:
        """That nothing more can be remembered on the disk, once."""
        if not self._told_unkept:
            self._told_unkept = True
            self._tell(failure)

    def _take_back(self) -> None:
        """That the engine stopped is no news once it runs again."""
        if self._told_death and self._session.phase is Phase.READY:
            self._told_death = False
            self._notices.settle(MODEL)

    def _tell_of_rest(self, loaded: Loaded) -> None:
        name, now = self._name_of(loaded), self._settings.now
        said = let_go_words(loaded.strategy, park=now.park_model)
        words = said.format(name, tr("{} min").format(now.keep_minutes))
        self._notices.news(words, lasts_s=0.0, about=RESTING)

    def _tell_of_return(self, loaded: Loaded) -> None:
        self._notices.settle(RESTING)
        if self._session.phase is Phase.READY:
            return  # it was parked, and answers already
        said = tr("{} had been let go; it is opened again.")
        self._notices.news(said.format(self._name_of(loaded)), about=RESTING)

    def _tell_of_move(self, before: str, _now: str) -> None:
        """From a card to the processor, with the way back."""
        loaded = self._session.loaded
        if loaded is not None:
            said = tr("The graphics card is free: {} runs as {} now.")
            words = said.format(self._name_of(loaded), plain_way(loaded.strategy))
            back = partial(self.services.free_gpu.back, before)
            self._notices.offer(words, tr("Back to the card"), back, lasts_s=0.0)

    def _name_of(self, loaded: Loaded) -> str:
        return plain_name(loaded.name, loaded.spec.parameters)

    def _tell_of_step(self) -> None:
        """That a model does not run as it was to, once for each time it is opened."""
        loaded = self._session.loaded
        if loaded is None or loaded is self._told_step:
            return
        self._notices.settle(STEP)  # what was said of the model before
        said, down = [], loaded.stepped_down
        if down is not None:
            from app.messages.gpu_status import stepped_down_in_words  # seldom needed

            said.append(stepped_down_in_words(down, loaded.strategy))
        if loaded.vocabulary_not_used:
            from app.messages.vocabularies import not_used_in_words  # seldom needed

            said.append(not_used_in_words(loaded.vocabulary_not_used))
        if said:
            self._told_step = loaded
            change, words = self.runs.show_open, " ".join(said)
            if down is not None:
                details = step_details(down, loaded.strategy)
                verb = tr("Change how it runs")
                self._notices.offer(words, verb, change, lasts_s=0.0, details=details, about=STEP)
            else:
                self._notices.news(words, lasts_s=0.0)

    def _offer_models(self) -> None:
        about = model_file_commands(self.services, self._opening)
        self.window.show_commands([*model_commands(self.library, self._opening), *about])

    def _close_stores(self) -> None:
        self._conversations.close()
        self._settings.close()

    def _places(self) -> list[Place]:
        return [
            Place("chat", tr("Chat"), "chat", self._chat),
            Place("playground", tr("Playground"), "playground", self._playground),
            Place("models", tr("Models"), "models", self._models),
            Place("states", tr("States"), "states", self._states),
            Place("downloads", tr("Downloads"), "download", self._downloads),
            Place("status", tr("Status"), "activity", self._status),
            Place("settings", tr("Settings"), "settings", self._settings_page, below=True),
        ]

    # a page's code is read when the page is first visited

    def _chat(self) -> Page:
        from app.ui.chat.chat_page import ChatPage

        return ChatPage(self.services)

    def _playground(self) -> Page:
        from app.ui.playground.playground_page import PlaygroundPage

        return PlaygroundPage(self.services)

    def _models(self) -> Page:
        from app.ui.models.models_page import ModelsPage

        return ModelsPage(self.services, self._opening)

    def _states(self) -> Page:
        from app.ui.states.states_page import StatesPage

        return StatesPage(self.services, self._opening)

    def _downloads(self) -> Page:
        from app.ui.downloads.downloads_page import DownloadsPage

        return DownloadsPage(self.services, self._opening)

    def _status(self) -> Page:
        from app.ui.status.status_page import StatusPage

        return StatusPage(self.services, self._paths)

    def _settings_page(self) -> Page:
        from app.ui.settings.settings_page import SettingsPage

        return SettingsPage(self.services, self.library, self._opening, self._paths)
