"""Any sequence of messages, edits, versions, deletions and restarts: window and file agree."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.store.conversations import Conversations
from app.store.database import Database
from app.store.migrations import MIGRATIONS
from app.store.records import Conversation, new_message
from app.ui.state.chat.message_tree import Tree
from app.ui.state.chat.tree_layout import places_of_messages

STEPS = st.lists(
    st.tuples(
        st.sampled_from(("say", "answer", "beside", "step", "reveal", "drop", "back", "restart")),
        st.integers(0, 1000),
    ),
    max_size=40,
)


class Model:
    """The plainest tree: who answers whom, and which were taken away, in lists."""

    def __init__(self) -> None:
        self.parents: dict[str, str | None] = {}
        self.dropped: set[str] = set()

    def there(self) -> list[str]:
        return [one for one in self.parents if one not in self.dropped]

    def above(self, ident: str | None) -> list[str]:
        found = []
        while ident is not None:
            found.append(ident)
            ident = self.parents[ident]
        return found[::-1]

    def below(self, ident: str) -> list[str]:
        return [one for one in self.there() if ident in self.above(one)]


class Walk:
    """The tree as the window has it, the store behind it, and the model beside both."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.store = Conversations(Database(path, MIGRATIONS))
        self.tree = Tree(Conversation(id="c", created=1.0, updated=1.0), stored=True)
        self.store.add(self.tree.conversation)
        self.model, self.gone = Model(), []

    def take(self, verb: str, number: int) -> None:
        there = self.model.there()
        one = there[number % len(there)] if there else None
        if verb in ("say", "answer", "beside"):
            parent = self.tree.leaf
            if verb == "beside" and one is not None:
                parent = self.model.parents[one]
            role = "assistant" if verb == "answer" and parent else "user"
            message = new_message("c", parent, role, f"{verb} {number}")
            self.tree.add(message)
            self.store.append(message)
            self.model.parents[message.id] = parent
        elif verb == "step" and one is not None:
            self.store.choose("c", self.tree.step(one, 1 if number % 2 else -1))
        elif verb == "reveal" and one is not None:
            self.store.choose("c", self.tree.show(one))
            assert one in [message.id for message in self.tree.path()]
        elif verb == "drop" and one is not None:
            below, leaf = self.model.below(one), self.tree.leaf
            gone = [message.id for message in self.tree.remove([one])]
            assert sorted(gone) == sorted(below)
            self.store.branches.drop("c", gone, self.tree.leaf)
            self.model.dropped |= set(gone)
            self.gone.append((gone, leaf))
        elif verb == "back" and self.gone:
            self.bring_back(*self.gone.pop())
        elif verb == "restart":
            self.restart()

    def bring_back(self, gone: list[str], leaf: str | None) -> None:
        """As the window does it: the store brings them back, and is asked for all."""
        if all(self.model.parents[one] in (*gone, None, *self.model.there()) for one in gone):
            self.store.branches.take_back("c", gone, leaf)
            self.model.dropped -= set(gone)
            self.reopen(shown=leaf if leaf in self.model.there() else gone[-1])

    def restart(self) -> None:
        if self.path is not None:
            self.store.close()
            self.store = Conversations(Database(self.path, MIGRATIONS))
        self.reopen(shown=self.tree.leaf)

    def reopen(self, shown: str | None) -> None:
        opened = self.store.open("c").result(10)
        self.tree = Tree(opened.conversation, opened.messages, stored=True)
        assert self.tree.leaf == shown

    def check(self) -> None:
        tree, model = self.tree, self.model
        there = model.there()
        assert {one.id for one in tree.messages} == set(there)
        assert (tree.leaf is None) == (not there)
        if tree.leaf is not None:
            assert [one.id for one in tree.path()] == model.above(tree.leaf)
        for ident in there:
            siblings = [one for one in there if model.parents[one] == model.parents[ident]]
            assert tree.siblings(ident) == siblings
            assert tree.branch(ident) == (siblings.index(ident) + 1, len(siblings))
        places = places_of_messages(tree)
        assert len(set(places.values())) == len(places) == len(there)
        opened = self.store.open("c").result(10)
        assert [one.id for one in opened.messages] == there
        assert opened.conversation.leaf == tree.leaf
        stored = {one.id: one for one in opened.messages}
        assert {one.id: one for one in tree.messages} == stored


def walked(path: Path | None, steps: list[tuple[str, int]]) -> None:
    walk = Walk(path)
    try:
        for verb, number in steps:
            walk.take(verb, number)
            walk.check()
        walk.restart()
        walk.check()
    finally:
        walk.store.close()


@given(STEPS)
@settings(max_examples=40, deadline=None)
def test_window_and_file_agree_after_any_steps(steps):
    walked(None, steps)


@pytest.mark.exhaustive
@given(STEPS)
@settings(max_examples=1500, deadline=None)
def test_window_and_file_agree_after_any_steps_and_real_restarts(tmp_path_factory, steps):
    walked(tmp_path_factory.mktemp("walk") / "conversations.sqlite3", steps)
