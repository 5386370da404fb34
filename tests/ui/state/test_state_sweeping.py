"""What is kept of a conversation goes with it, and not before it is deleted for good."""

from app.runtime.states.state_key import StartingPoint, StateKey
from app.runtime.states.state_owners import StateOwners, owner_lists
from app.store.conversations import open_conversations
from app.store.records import Conversation
from app.ui.state.notices import Notices
from app.ui.state.state_sweeping import StateSweeping
from app.ui.state.tasks import Tasks

KEY = StateKey(StartingPoint("f" * 32, "world"), 5, "0" * 32)


async def test_the_trash_keeps_the_states_of_a_conversation_and_removal_takes_them(qapp, tmp_path):
    store, _ = open_conversations(tmp_path / "c.sqlite3")
    folder, tasks = tmp_path / "kept", Tasks(Notices().failure)
    try:
        owners = StateOwners(folder)
        for ident in ("stays", "goes"):
            store.add(Conversation(id=ident)).result(10)
            owners.note(ident, KEY)
        owners.note("never there", KEY)
        sweeping = StateSweeping(store, folder, tasks)
        await sweeping.swept()
        assert len(owner_lists(folder)) == 2
        store.delete("goes").result(10)
        await sweeping.swept()
        assert len(owner_lists(folder)) == 2, "it lies in the trash"
        store.remove(["goes"]).result(10)
        await sweeping.swept()
        assert len(owner_lists(folder)) == 1
    finally:
        await tasks.close()
        store.close()
    lost, _ = open_conversations(tmp_path)  # a folder: they last as long as the program runs
    try:
        StateSweeping(lost, folder, tasks).sweep()
        assert len(owner_lists(folder)) == 1
    finally:
        lost.close()
