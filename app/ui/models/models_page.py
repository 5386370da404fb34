"""The Models page: catalogue and library as one list, the details beside it."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QFontMetricsF
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from app.errors import Failure
from app.messages.translate import tr
from app.runtime.worker.phase import Phase
from app.system.gpus import Gpu
from app.ui.state.commands import Command, Habit
from app.ui.state.gpu_list import with_room_of
from app.ui.state.model_opener import ModelOpener
from app.ui.state.models.entry import Entry, joined
from app.ui.state.models.model_fits import ModelFits
from app.ui.state.services import Services
from app.ui.widgets.page import Page

from .adapters_part import AdaptersPart
from .costs import InForce
from .details import Details
from .entry_list_model import EntryListModel
from .file_verbs import FileVerbs
from .listing import Listing
from .page_head import Head

_DETAILS_LETTERS, _DETAILS_LEAST, _DETAILS_MOST = 30, 280, 460
_LEFT_FOR_DETAILS = 400  # beside the list and the rail in the smallest window


class ModelsPage(Page):
    """Joins library, catalogue and downloads; what is chosen goes to ``opening``."""

    def __init__(self, services: Services, opening: ModelOpener) -> None:
        super().__init__()
        self._services, self._opening = services, opening
        self._library, self._catalogue = services.library, services.catalogue
        self._queue = services.downloads
        self._shown_key, self._begun = "", False
        self.fitting = ModelFits(
            self._picked,
            self._gpus,
            lambda: self._library.disk,
            self._queue.done_of,
            services.planning,
        )
        self.rows = EntryListModel(self.fitting, self)
        self.head = Head(services.theme)
        self.listing = Listing(services.theme, self.rows)
        self.details = Details(services.theme)
        self.details.add_adapters(AdaptersPart(services, opening))
        self.verbs = FileVerbs(services, self)
        self._arrange()
        self._connect()
        self._catalogue.load()
        self._show_entries()
        self._show_downloads()

    def commands(self) -> Sequence[Command]:
        group = tr("Models page")
        return (
            Command(tr("Search models"), self.head.search.setFocus, "Ctrl+F", "search", group),
            Command(tr("Look again"), self._look_again, "F5", "refresh", group),
            Command(tr("Search the hub"), self._search_hub, "", "globe", group),
        )

    def habits(self) -> Sequence[Habit]:
        group = tr("Models page")
        return (
            Habit(tr("Chat with the selected model, or download it"), "Return", group),
            Habit(tr("Move the selected file to the trash, or off the list"), "Del", group),
            Habit(tr("Rename the selected file"), "F2", group),
        )

    def arrived(self) -> None:
        self._library.refresh()
        self._catalogue.refresh()
        self._services.gpus.look()
        super().arrived()

    def take_keyboard(self) -> None:
        self.listing.take_keyboard()

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.WindowActivate and self.isVisible():
            self._library.refresh()  # files may have come while another program was in front
        return super().event(event)

    # what is shown

    def _show_entries(self) -> None:
        self._measure()
        self.rows.mark_open(self._open_path())
        growing = {f"{item.path}.part" for item in self._queue.items}
        hidden = growing | self.verbs.doomed
        here = [one for one in self._library.entries if one.key not in hidden]
        self.rows.show_entries(joined(here, self._catalogue.entries))
        self._show_around()
        if self._library.scanned and not self._begun:  # the first list that is whole
            self._begun = True
            self.listing.begin_at(str(self._open_path() or ""))
        self._show_chosen()

    def _show_around(self) -> None:
        """Counts, filters, and what is said above the list."""
        self.head.show_counts(self._library, self.rows)
        self.listing.show_state(self._library, self._catalogue, self.head.text)
        self.listing.freshness.show_catalogue(self._catalogue, self._catalogue.source)

    def _show_downloads(self) -> None:
        """What is complete is shown until its file is seen; if that goes, it is an offer again."""
        items = self._queue.items
        looking = self._library.scanning
        going = [item for item in items if item.state != "done" or looking]
        self.rows.show_items({item.entry.key: item for item in going})
        self._show_state()

    def _show_session(self) -> None:
        self._services.gpus.look()
        before = self.fitting.here
        self._measure()
        self.rows.mark_open(self._open_path())
        self.rows.refresh()
        if self.fitting.here is before:
            self._show_state()
        else:  # the details tell of the memory and the usual way, too
            self._show_chosen()

    def _show_chosen(self) -> None:
        entry = self.listing.entry
        self.details.setVisible(entry is not None)
        if entry is None:
            return
        other = self._shown_key != entry.key
        self._shown_key = entry.key
        self.details.show_entry(entry, self.fitting, self.verbs.for_entry(entry))
        self._show_notes()
        repo = entry.offer.repo if entry.offer else ""
        self.details.show_page(self._catalogue.page_of(repo) if repo else "")
        self.details.page.show_repo(repo)
        if other:
            self.details.to_top()
        self._show_state()

    def _show_notes(self) -> None:
        if (entry := self.listing.entry) is not None:
            self.details.show_verbs(self.verbs.for_entry(entry))
            self.details.show_notes(self.verbs.notes(entry))

    def _show_state(self) -> None:
        entry = self.listing.entry
        if entry is None:
            return
        session = self._services.session
        here = entry.path is not None
        self.details.show_state(
            is_open=here and self._open_path() == entry.path,
            loading=here and session.phase is Phase.LOADING and session.opening == entry.path,
            progress=session.progress,
            item=self.rows.item_of(entry),
        )
        self.details.costs.show_use(self._in_force(entry))

    def _in_force(self, entry: Entry) -> InForce:
        """How the model of the entry runs now, and whether it was picked since to run otherwise."""
        session = self._services.session
        if entry.path is None or session.loaded is None or self._open_path() != entry.path:
            return InForce()
        runs, wanted = session.loaded.strategy, self.fitting.strategy(entry)
        asked = session.asked
        if not asked and not self._picked(entry):  # the worker chose, by what was free then
            asked = runs if self._services.planning.stale else wanted
        other = (asked or runs) != wanted
        return InForce(session.loaded.strategy, other=other, busy=session.writing > 0)

    def _judge_again(self) -> None:
        """The settings recommend something else."""
        self.fitting.forget()
        self._show_entries()

    def _show_ways(self) -> None:
        """Another way to run a model was picked, here or in the dialog that runs it."""
        self.rows.refresh()
        self._show_chosen()

    def _measure(self) -> None:
        session = self._services.session
        self.fitting.measure(session.worker_pid, session.rates)

    def _picked(self, entry: Entry) -> str:
        """The strategy that the person chose for it."""
        chosen = self._services.settings.now.strategies
        return chosen.get(str(entry.path), "") if entry.path else ""

    def _gpus(self) -> Sequence[Gpu]:
        """Those on which models run, as if no model were open."""
        return with_room_of(self._services.session.held, self._services.gpus.usable)

    def _open_path(self) -> Path | None:
        """The model that answers now: none while another is opened, or after it died."""
        session = self._services.session
        ready = session.loaded if session.phase is Phase.READY else None
        return Path(ready.path) if ready else None

    async def _fetch_page(self, repo: str) -> None:
        try:
            text = await self._catalogue.readme(repo)
        except Failure as failure:
            from app.messages.failures import say  # the sentences are read only when one is needed

            why = say(failure).sentences
            self.details.page.show_failure(repo, why, again=failure.retryable)
        else:
            self.details.page.show_text(repo, text)

    # what the person does

    def _act(self) -> None:
        """The one obvious thing about the chosen entry."""
        if (entry := self.listing.entry) is not None:
            self._press(entry)

    def _press(self, entry: Entry) -> None:
        item = self.rows.item_of(entry)
        if entry.usable:
            self._chat(entry)
        elif item is not None and item.state in ("paused", "failed") and item.retryable:
            self._queue.resume(item.id)
        elif item is None and entry.offer is not None and entry.fetchable:
            self._queue.add(entry.offer)
        elif entry.resumable and entry.offer is not None and entry.path is not None:
            self._queue.add(entry.offer, entry.path.parent)

    def _chat(self, entry: Entry) -> None:
        assert entry.path is not None
        session, ways = self._services.session, self._services.settings.now.strategies
        same = entry.path == self._open_path() and session.asked == ways.get(str(entry.path), "")
        if same and session.phase is Phase.READY:
            self.wanted.emit("chat")
        else:
            self._opening.open(entry.path)

    def _choose_way(self, strategy: str) -> None:
        entry = self.listing.entry
        if entry is None or entry.path is None:
            return
        ways = dict(self._services.settings.now.strategies)
        ways.pop(str(entry.path), None)
        if strategy != self.fitting.verdict(entry).strategy:
            ways[str(entry.path)] = strategy
        self._services.settings.change(strategies=ways)

    def _reopen(self) -> None:
        """Run the open model in the way that is picked; the person stays here."""
        if (entry := self.listing.entry) is not None and entry.path is not None:
            self._opening.reopen(entry.path)

    def _compare(self) -> None:
        """All ways to run it, with what each takes and how fast it is."""
        if (entry := self.listing.entry) is not None and entry.path is not None:
            self._opening.choose_run(entry.path)

    def _with_item(self, verb: str) -> None:
        entry = self.listing.entry
        item = self.rows.item_of(entry) if entry else None
        if item is not None:
            getattr(self._queue, verb)(item.id)

    def _drop_folder(self, folder: Path) -> None:
        before = self._library.folders
        self._library.remove_folder(folder)
        said = tr("{} is no longer searched.").format(folder)
        self._services.notices.undo(said, lambda: self._library.restore_folders(before))

    def _show_newest(self) -> None:
        """Of what is withdrawn, the one to take instead."""
        entry = self.listing.entry
        if entry is None or entry.newest is None:
            return
        wanted = entry.newest.key
        if not self._show_offer(wanted):
            self.head.clear()
            self._narrow()
            self._show_offer(wanted)

    def _show_offer(self, key: str) -> bool:
        """Whether a row is that offer, here or on the hub; it is selected then."""
        offers = (one for one in self.rows.shown if one.offer and one.offer.key == key)
        found = next(offers, None)
        if found is not None:
            self.listing.select(found.key)
        return found is not None

    def _narrow(self) -> None:
        self.rows.narrow(self.head.narrowing)
        if self.head.address and self._catalogue.searched != self.head.text:
            self._catalogue.search(self.head.text)  # it names one thing: no more need be asked
        self._show_around()
        self._show_chosen()

    def _show_all(self) -> None:
        self.head.clear()
        self.listing.take_keyboard()

    def _search_hub(self) -> None:
        if self.head.text:
            self._catalogue.search(self.head.text)
        else:
            self.head.search.setFocus()

    def _look_again(self) -> None:
        self._library.refresh()
        self._catalogue.refresh(force=True)

    def _say_why(self) -> None:
        if self._catalogue.failure is not None:
            self._services.notices.failure(self._catalogue.failure, about="models")

    def _connect(self) -> None:
        self._library.changed.connect(self._show_entries)
        self._library.changed.connect(self._show_downloads)
        self._catalogue.changed.connect(self._show_entries)
        self._queue.changed.connect(self._show_downloads)
        self._services.session.changed.connect(self._show_session)
        self._services.session.writing_changed.connect(self._show_state)
        self._services.gpus.changed.connect(self._show_entries)
        self._services.planning.changed.connect(self._judge_again)
        self._services.planning.ways_changed.connect(self._show_ways)
        self.verbs.told.connect(self._show_notes)
        self.verbs.moved.connect(self.listing.follow)
        self.verbs.doomed_changed.connect(self._show_entries)
        head, listing, details = self.head, self.listing, self.details
        head.narrowed.connect(self._narrow)
        head.left_downwards.connect(listing.take_keyboard)
        head.hub_search_wanted.connect(self._search_hub)
        head.file_wanted.connect(self._opening.ask_file)
        head.copy_wanted.connect(self.verbs.copy_in)
        head.folder_wanted.connect(self._opening.ask_folder)
        head.refresh_pressed.connect(self._look_again)
        listing.chosen.connect(self._show_chosen)
        listing.act_wanted.connect(self._act)
        listing.pressed.connect(self._press)
        listing.remove_wanted.connect(lambda: self.verbs.remove(listing.entry))
        listing.rename_wanted.connect(lambda: self.verbs.act("rename", listing.entry))
        listing.all_wanted.connect(self._show_all)
        details.newest.clicked.connect(self._show_newest)
        listing.hub_search_wanted.connect(self._search_hub)
        listing.gone.given_up.connect(self._drop_folder)
        listing.freshness.retry_pressed.connect(self._look_again)
        listing.freshness.details_pressed.connect(self._say_why)
        details.acted.connect(lambda verb: self.verbs.act(verb, listing.entry))
        details.costs.chosen.connect(self._choose_way)
        details.costs.reopen_pressed.connect(self._reopen)
        details.costs.compare_pressed.connect(self._compare)
        details.page.wanted.connect(lambda repo: self._services.tasks.start(self._fetch_page(repo)))
        buttons = details.buttons
        buttons.chat_pressed.connect(self._act)
        buttons.download_pressed.connect(self._act)
        buttons.resume_pressed.connect(self._act)
        buttons.eject_pressed.connect(self._services.session.unload)
        buttons.pause_pressed.connect(lambda: self._with_item("pause"))
        buttons.cancel_pressed.connect(lambda: self._with_item("give_up"))

    def _fit_panes(self) -> None:
        """The details have room for their buttons in any type, the list keeps its own."""
        letter = QFontMetricsF(self._services.theme.font()).averageCharWidth()
        least = min(_LEFT_FOR_DETAILS, max(_DETAILS_LEAST, round(_DETAILS_LETTERS * letter)))
        self.listing.setMinimumWidth(300)
        self.details.setMinimumWidth(least)
        self.details.setMaximumWidth(_DETAILS_MOST)

    def _arrange(self) -> None:
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.setHandleWidth(1)
        self.splitter.addWidget(self.listing)
        self.splitter.addWidget(self.details)
        self._fit_panes()
        self.splitter.setStretchFactor(0, 1)
        self.splitter.setStretchFactor(1, 0)
        self.splitter.setSizes([700, 360])
        content = QWidget()
        self.centre(content)
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.head)
        column.addWidget(self.splitter, 1)
