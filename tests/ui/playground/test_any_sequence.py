"""Whatever a person and a model do with a text: each piece is what a fresh run from its ids gives,
and no version that ever was is lost.
"""

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qasync import QEventLoop

from app.runtime.protocol.messages import Piece
from app.runtime.protocol.prompts import Tokens
from app.store.documents.document_records import Version
from app.ui.state.playground.document_text import DocumentText
from app.ui.state.playground.open_document import OpenDocument, written_slice
from app.ui.state.playground.playground_controller import PlaygroundController
from app.ui.state.playground.token_stretches import ids_of, open_ids
from app.ui.state.session import Session
from app.ui.state.tasks import end_all
from tests.runtime.small_models import Desk as EngineDesk
from tests.runtime.small_models import ask
from tests.ui.conftest import until

from .conftest import GREEDY
from .in_process import InProcess

SHARE = st.floats(0, 1)
DEEDS = st.one_of(
    st.tuples(st.just("type"), SHARE, SHARE, st.text(alphabet="abc 世🐦\n", max_size=5)),
    st.tuples(st.just("write"), st.integers(1, 6)),
    st.tuples(st.just("write at"), SHARE),
    st.tuples(st.just("write from"), SHARE),
    st.tuples(st.just("again")),
    st.tuples(st.just("undo")),
    st.tuples(st.just("redo")),
    st.tuples(st.just("keep"), SHARE),
    st.tuples(st.just("go to"), SHARE),
    st.tuples(st.just("stop")),
    st.tuples(st.just("look up")),
    st.tuples(st.just("open again")),
)


class Played:
    """One document with all that is done to it; ``seen`` are the versions of a model."""

    def __init__(self, controller: PlaygroundController) -> None:
        self.controller = controller
        self.seen: dict[str, str] = {}

    async def do(self, deed: str, *how) -> None:
        act = getattr(self, "_" + deed.replace(" ", "_"))
        await act(*how)
        await until(lambda: self.controller.writing is None)
        shown = self.controller.open_document
        for one in shown.tree:
            if one.kind == "written":
                assert self.seen.setdefault(one.id, one.text) == one.text, "it never changes"
        assert set(self.seen) <= {one.id for one in shown.tree}

    def _place(self, share: float) -> int:
        return round(share * len(self.controller.text))

    async def _type(self, one: float, other: float, words: str) -> None:
        start, end = sorted((self._place(one), self._place(other)))
        end = min(end, start + 4)
        text = self.controller.text.text
        self.controller.edit(start, end, words, start + len(words))
        assert self.controller.text.text == text[:start] + words + text[end:]

    async def _write(self, limit: int) -> None:
        self.controller.configure(limit=limit)
        self.controller.write()

    async def _write_at(self, share: float) -> None:
        after = self.controller.text.text[self._place(share) :]
        self.controller.write(self._place(share))
        await until(lambda: self.controller.writing is None)
        assert self.controller.text.text.endswith(after)

    async def _write_from(self, share: float) -> None:
        self.controller.write_from(self._place(share))

    async def _again(self) -> None:
        self.controller.write_again()

    async def _undo(self) -> None:
        before = self.controller.text.text, self.controller.open_document.version
        able = self.controller.open_document.can_undo
        self.controller.undo()
        if able:
            self.controller.redo()
            assert self.controller.text.text == before[0]
            self.controller.undo()

    async def _redo(self) -> None:
        self.controller.redo()

    async def _keep(self, share: float) -> None:
        self.controller.keep_up_to(self._place(share))

    async def _go_to(self, share: float) -> None:
        versions = list(self.controller.open_document.tree)
        if versions:
            self.controller.go_to(versions[round(share * (len(versions) - 1))].id)

    async def _stop(self) -> None:
        self.controller.configure(limit=50)
        self.controller.write()
        for _ in range(7):
            await asyncio.sleep(0)
        self.controller.stop()

    async def _look_up(self) -> None:
        before = self.controller.text.text
        await self.controller._encode_all()
        assert self.controller.text.text == before
        assert self.controller.ids() is not None

    async def _open_again(self) -> None:
        controller = self.controller
        before, shown = controller.text.text, controller.document.id
        if controller.open_document.version is None:
            return
        controller.begin()
        await controller.open(shown)
        assert controller.text.text == before


def check(version: Version, above: Version | None, opened) -> int:
    """The tokens of a piece are those that a fresh run of the tokens before it writes.

    How many they are.
    """
    piece = written_slice(version)
    if piece is None or not piece.piece.ids:
        return 0
    text = DocumentText(version.content)
    vocabulary = piece.piece.vocabulary
    ids = ids_of(text, version.place, vocabulary)
    assert ids is not None
    carried = len(open_ids(text, version.place, vocabulary))
    written = piece.piece.ids[carried:]
    fresh = EngineDesk(opened)
    request = ask(1, Tokens(ids or (0,)).ids, limit=len(written), sampling=GREEDY)
    fresh.run(request)
    pieces = [one for one in fresh.sent[1] if isinstance(one, Piece)]
    assert [fact.token for one in pieces for fact in one.tokens] == list(written)
    assert above is None or above.text[: version.place] == version.text[: version.place]
    return len(written)


@pytest.mark.usefixtures("services")
def test_any_sequence_gives_the_text_of_fresh_runs_and_loses_no_version(
    qapp, services, small_model
):
    checked: list[int] = []
    supervisor = InProcess(small_model)
    session = Session(supervisor, services.tasks)
    object.__setattr__(services, "session", session)
    with QEventLoop(qapp) as loop:
        asyncio.set_event_loop(loop)

        async def play(deeds) -> None:
            await session.opened("small")
            controller = PlaygroundController(services)
            controller.configure(limit=3, sampling=GREEDY)
            played = Played(controller)
            try:
                for deed in deeds:
                    await played.do(*deed)
                for one in controller.open_document.tree:
                    above = controller.open_document.tree.parent(one.id)
                    if one.kind == "written":
                        whole = controller.open_document.tree[above] if above else None
                        checked.append(check(one, whole, small_model))
                controller.keeper.now()
                await stored_as_shown(controller.open_document, services, played.seen)
            finally:
                controller.stop()
                controller.deleteLater()

        @settings(
            max_examples=12,
            derandomize=True,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(st.lists(DEEDS, min_size=3, max_size=14))
        def played(deeds) -> None:
            loop.run_until_complete(play(deeds))

        try:
            played()
            assert sum(checked) > 60, "else nothing was proved"
        finally:
            loop.run_until_complete(services.tasks.close())
            loop.run_until_complete(end_all(lambda _error: None))
            asyncio.set_event_loop(None)


async def stored_as_shown(shown: OpenDocument, services, seen: dict[str, str]) -> None:
    if shown.version is None:
        return
    found = services.conversations.documents.open(shown.document.id).result(30)
    texts = {one.id: one.text for one in found.versions}
    assert seen.items() <= texts.items()
    assert texts == {one.id: one.text for one in shown.tree}
    assert found.document.version == shown.version
    assert texts[shown.version] == shown.text.text
