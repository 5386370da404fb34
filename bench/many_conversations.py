"""How quick many conversations are: searching, the list, and opening a very long one.

    python -m bench.many_conversations [--conversations N] [--messages N] [--long N] [--json]

Texts are made of random words of several scripts, some 400 characters each.  A frame is what Qt
does between a turn of the wheel and the end of the painting, in memory (offscreen).
"""

import argparse
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtWidgets import QApplication

from app.store.conversations import Conversations, open_conversations
from app.store.database import Database
from app.store.folding import fold
from app.store.migrations import MIGRATIONS
from app.store.records import Conversation, Role, new_id, new_message
from app.ui.chat.branches.branch_column import BranchColumn
from app.ui.chat.branches.tree_map import TreeMap
from app.ui.chat.conversations.conversation_delegate import ConversationDelegate
from app.ui.chat.conversations.conversation_list import ConversationListView
from app.ui.chat.conversations.conversation_list_model import ConversationListModel
from app.ui.look.theme import Theme
from app.ui.state.chat.message_tree import Tree

_FRAMES, _LOOKS = 120, 9
_LETTERS = "etaoinshrdlucmfwypvbgkjqxz"
_HAN = "的一是不了人我在有他这中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过家学"
_RARE = ("qzx", "鸦鹊", "Zǔ", "qzxylophone")
_SEARCHED = {
    "a frequent word": "the",
    "two words": "rook nest",
    "a rare word": "qzxylophone",
    "a part of a rare word": "xyloph",
    "two letters, rare": "鸦鹊",
    "two letters, frequent": "th",
    "one letter, frequent": "e",
    "one letter, rare": "鹊",
    "nothing of the kind": "qqqqzz",
}


def main() -> None:
    """Measure, and print milliseconds."""
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    asked.add_argument("--conversations", type=int, default=2000)
    asked.add_argument("--messages", type=int, default=100_000)
    asked.add_argument("--long", type=int, default=10_000)
    asked.add_argument("--json", action="store_true")
    options = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "conversations.sqlite3"
        _fill(path, options.conversations, options.messages, options.long)
        store, _ = open_conversations(path)
        found = _searches(store) | _screens(store)
        store.close()
    if options.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:40} {value:10.2f}")


def _fill(path: Path, conversations: int, messages: int, long: int) -> None:
    """Write it as the program does, many rows in one transaction."""
    database = Database(path, MIGRATIONS)
    store = Conversations(database)
    draw = random.Random(11)
    words = ["".join(draw.choices(_LETTERS, k=draw.randint(2, 9))) for _ in range(20_000)]
    words += ["the", "rook", "nest"] * 60
    words += ["".join(draw.choices(_HAN, k=draw.randint(4, 12))) for _ in range(2000)]
    idents = [new_id() for _ in range(conversations)]
    for number, ident in enumerate(idents):
        title = " ".join(draw.choices(words, k=4))
        store.add(Conversation(id=ident, title=title, created=1.0, updated=float(number)))
    places = [idents[0]] * long + draw.choices(idents[1:], k=max(messages - long, 0))
    last: dict[str, str] = {}
    rows = []
    for number, place in enumerate(places):
        text = " ".join(draw.choices(words, k=60))
        if number % 9973 == 0:
            text += " " + " ".join(_RARE)
        role: Role = "assistant" if number % 2 else "user"
        message = new_message(place, last.get(place), role, text)
        last[place] = message.id
        rows.append((message.id, place, message.parent, role, text, fold(text)))
    insert = (
        "INSERT INTO messages (id, conversation, parent, role, text, status, writer, reply,"
        " created, folded) VALUES (?, ?, ?, ?, ?, 'done', '', '{}', 1, ?)"
    )
    database.write(lambda file: file.executemany(insert, rows)).result()
    leaf = "UPDATE conversations SET leaf = ? WHERE id = ?"
    leaves = [(message, place) for place, message in last.items()]
    database.write(lambda file: file.executemany(leaf, leaves)).result()
    store.close()


def _searches(store: Conversations) -> dict[str, float]:
    """The middle of several looks for each kind of word, the first one left out."""
    found = {}
    for name, words in _SEARCHED.items():
        store.search(words).result()
        found[f"search: {name}"] = _middle(partial(_search, store, words))
    return found


def _search(store: Conversations, words: str) -> None:
    store.search(words).result()


def _screens(store: Conversations) -> dict[str, float]:
    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    theme = Theme("light")
    theme.apply(app)
    return _list(store, theme) | _long_one(store, theme)


def _list(store: Conversations, theme: Theme) -> dict[str, float]:
    model, view = ConversationListModel(lambda _ident: False), ConversationListView()
    view.setModel(model)
    view.setItemDelegate(ConversationDelegate(theme, view))
    view.resize(260, 700)
    view.show()
    every = store.all().result()
    found = {"list: asked of the store": _middle(lambda: store.all().result())}

    def show() -> None:
        model.show_all(every)
        view.grab()

    def rise() -> None:
        every.insert(0, every.pop())
        show()

    found["list: shown at first"] = _once(show)

    found["list: one comes to the top"] = _middle(rise)
    return found | _frames("list: a frame of scrolling", view)


def _long_one(store: Conversations, theme: Theme) -> dict[str, float]:
    longest = store.all().result()[-1].id
    found = {"long: read from the store": _middle(lambda: store.open(longest).result())}
    opened = store.open(longest).result()
    assert opened is not None
    tree = Tree(opened.conversation, opened.messages)
    found["long: its branch found"] = _middle(tree.path)
    column = BranchColumn(theme, "long")
    column.resize(800, 700)
    column.show()

    def show() -> None:
        column.show_messages(tree.path())
        column.grab()

    found["long: shown"] = _once(show)
    found |= _frames("long: a frame of scrolling", column)
    drawn = TreeMap(theme)
    drawn.resize(1000, 400)
    drawn.show()
    bar = drawn.horizontalScrollBar()

    def draw() -> None:
        drawn.show_tree(tree, tree.leaf or "")
        drawn.grab()

    def step() -> None:
        bar.setValue(bar.value() - 200)
        drawn.grab()

    found["map: shown"] = _once(draw)
    found["map: a frame of scrolling"] = _middle(step)
    return found


def _frames(name: str, view: "ConversationListView | BranchColumn") -> dict[str, float]:
    """The middle and the 99th percentile of many turns of the wheel."""
    bar = view.verticalScrollBar()
    bar.setValue(0)

    def frame() -> None:
        bar.setValue(bar.value() + 120)
        view.viewport().grab()

    took = sorted(_once(frame) for _ in range(_FRAMES))
    return {name: statistics.median(took), f"{name}, 99 of 100": took[int(0.99 * len(took))]}


def _middle(work: Callable[[], object]) -> float:
    return statistics.median(_once(work) for _ in range(_LOOKS))


def _once(work: Callable[[], object]) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    work()
    QApplication.processEvents()
    return 1000 * (time.perf_counter() - began)


if __name__ == "__main__":
    main()
