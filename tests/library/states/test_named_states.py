"""The folder of named states: what comes in stays whole, what is damaged costs only itself."""

import os

import msgspec
import pytest
import torch

from app.errors import DamagedState, NotFound, RequestRefused
from app.library.states.named_states import KEPT_S, NamedStates
from app.library.states.state_norms import norms_in
from app.library.states.state_records import ReadingJob, StateNote
from app.library.states.unfinished_states import UnfinishedStates
from app.runtime.protocol.states import StateFacts
from app.runtime.states.state import State
from app.runtime.states.state_files import save
from tests.support.checkpoints import random_tensors, write_pth
from tests.support.memory_checkpoint import MemoryCheckpoint

SIZES = {"layers": 2, "width": 32, "head_size": 8}
FACTS = StateFacts(fingerprint="f" * 32, tokenizer="world", model="small", tokens=7, since=7)


@pytest.fixture(scope="module")
def spec():
    return MemoryCheckpoint(random_tensors("7.0", **SIZES)).spec


@pytest.fixture
def outside(tmp_path, spec):
    path = tmp_path / "a book.safetensors"
    state = State.blank(spec)
    state.wkv[1, 0, 2] = 0.5
    save(state, path, FACTS)
    return path


@pytest.fixture
def named(tmp_path):
    return NamedStates(tmp_path / "named", clock=lambda: 1e9)


def test_a_state_is_brought_in_renamed_described_doubled_and_brought_out(named, outside, tmp_path):
    ident = named.bring_in(outside, StateNote(read="a book"))
    named.change(ident, name="  The   book ", about="for questions")
    (state,) = NamedStates(named.folder).all()
    assert (state.name, state.note.about, state.note.read) == (
        "The book",
        "for questions",
        "a book",
    )
    assert (state.facts.tokens, state.model, state.fingerprint) == (7, "small", "f" * 32)
    assert (state.sizes.layers, state.sizes.heads, state.sizes.head_size) == (2, 4, 8)
    assert state.bytes == outside.stat().st_size
    other = named.duplicate(ident, "Again")
    assert {one.name for one in named.all()} == {"The book", "Again"}
    named.bring_out(other, tmp_path / "out.safetensors")
    assert (tmp_path / "out.safetensors").read_bytes() == outside.read_bytes()
    norms = norms_in(named.path(ident))
    assert norms[1][2] == pytest.approx(0.5 * 8)
    assert sum(map(sum, norms)) == pytest.approx(4.0)


def test_a_tuned_state_belongs_to_whom_the_person_says(named, tmp_path):
    tuned = {f"blocks.{i}.att.time_state": torch.ones(4, 8, 8) for i in range(2)}
    ident = named.bring_in(write_pth(tmp_path / "t.pth", tuned), StateNote())
    assert (named.get(ident).fingerprint, named.get(ident).facts.kind) == ("", "tuned")
    named.change(ident, fingerprint="a" * 32, model="mine")
    assert (named.get(ident).fingerprint, named.get(ident).model) == ("a" * 32, "mine")
    assert norms_in(named.path(ident))[0] == pytest.approx([8.0] * 4)


def test_damaged_files_and_notes_are_listed_and_cost_nothing_else(named, outside):
    good, cut, flipped = (named.bring_in(outside, StateNote(name=name)) for name in "abc")
    os.truncate(named.path(cut), 50)
    data = bytearray(named.path(flipped).read_bytes())
    data[-9] ^= 1
    named.path(flipped).write_bytes(data)
    (named.folder / f"{good}.json").write_text("{", encoding="utf-8")
    (named.folder / "notes.txt").write_text("mine", encoding="utf-8")
    (named.folder / "stray.safetensors").mkdir()
    found = {state.id: state for state in named.all()}
    assert found.keys() == {good, cut, flipped, "stray"}
    assert (found[good].name, found[good].failure) == (good, None)
    assert isinstance(found[cut].failure, DamagedState)
    assert isinstance(found["stray"].failure, RequestRefused)
    named.check(good)
    with pytest.raises(DamagedState):
        named.check(flipped)
    with pytest.raises(DamagedState):
        named.bring_in(named.path(flipped), StateNote())
    named.put_in_trash(cut)
    named.remove([cut])
    assert len(named.all()) == 3


def test_the_trash_keeps_a_state_for_thirty_days_and_what_was_taken_out_stays(named, outside):
    old, kept = (named.bring_in(outside, StateNote(name=name)) for name in ("old", "kept"))
    named.put_in_trash(old)
    named.put_in_trash(kept)
    assert named.days_left(named.get(old)) == 30
    named.take_out(kept)
    named.remove([kept])
    later = NamedStates(named.folder, clock=lambda: 1e9 + KEPT_S - 1)
    assert (later.remove_old(), later.days_left(later.get(old))) == (0, 1)
    assert NamedStates(named.folder, clock=lambda: 1e9 + KEPT_S).remove_old() == 1
    assert [state.name for state in named.all()] == ["kept"]
    with pytest.raises(NotFound):
        named.take_out(old)


def test_a_text_that_was_begun_is_there_after_the_program_was_killed(named, spec):
    jobs = UnfinishedStates(named)
    note = StateNote(name="War and Peace", read="war.txt", created=5.0)
    job = ReadingJob(note=note, fingerprint="f" * 32, model="small", vocabulary="v", tokens=9)
    one = jobs.begin(job, range(9))
    assert (one.done, one.left, jobs.is_read_elsewhere(one)) == (0, 9, False)
    facts = msgspec.structs.replace(FACTS, tokens=4, since=4)
    save(State.blank(spec), jobs.state_path(one.id), facts)
    with pytest.raises(NotFound):
        jobs.finish(one.id)
    again = UnfinishedStates(NamedStates(named.folder))
    (found,) = again.all()
    assert (found.id, found.done, found.left, found.job.note) == (one.id, 4, 5, note)
    assert again.tokens(one.id) == list(range(9))
    assert named.all() == []
    save(
        State.blank(spec),
        jobs.state_path(one.id),
        msgspec.structs.replace(facts, tokens=9, since=9),
    )
    assert again.finish(one.id) == one.id
    assert ([state.name for state in named.all()], again.all()) == (["War and Peace"], [])
    other = jobs.begin(job, range(9))
    (named.folder / f"{other.id}.tokens").write_bytes(b"12345")
    with pytest.raises(NotFound):
        jobs.tokens(other.id)
    jobs.discard(other.id)
    assert {path.suffix for path in named.folder.iterdir()} <= {".safetensors", ".json", ".lock"}
