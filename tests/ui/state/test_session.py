"""What the session tells of the open model and of what it writes."""

import contextlib

import msgspec

from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.messages import Done, Piece, TokenFacts
from app.runtime.protocol.prompts import Tokens
from app.ui.state.notices import Notices
from app.ui.state.session import Session
from app.ui.state.tasks import Tasks
from tests.runtime.small_models import small_file
from tests.ui.fake_supervisor import FakeSupervisor

COUNT = 40


class SteppingDown(FakeSupervisor):
    """Writes a text, in the middle of which the model runs in another way where that is said."""

    then = ""

    async def generate(self, prompt, options, *, start=None):
        for count in range(COUNT):
            if count == COUNT // 2 and self.then:
                self.loaded = msgspec.structs.replace(self.loaded, strategy=self.then)
            yield Piece(id=1, text="a", tokens=(TokenFacts(count),))
        times = {"prefill_s": 1.0, "first_token_s": 1.0, "decode_s": 3.9}
        yield Done(id=1, reason="limit", prompt_tokens=1, tokens=COUNT, seed=0, **times)


async def test_a_text_that_was_written_in_two_ways_tells_the_speed_of_neither(qapp, tmp_path):
    path = small_file(tmp_path)
    tasks = Tasks(Notices().failure)
    worker = SteppingDown(lambda: session.note_change())
    session = Session(worker, tasks)

    async def write():
        events = session.generate(Tokens((1,)), GenerateOptions())
        async with contextlib.aclosing(events):
            assert len([event async for event in events]) == COUNT + 1

    await session.opened(path, "cpu bf16")
    await write()
    assert session.speeds == {(str(path), "cpu bf16"): 10.0}
    worker.then = "cpu int8"
    await write()
    assert session.speeds == {(str(path), "cpu bf16"): 10.0}
    await write()
    assert session.speeds == {(str(path), way): 10.0 for way in ("cpu bf16", "cpu int8")}
    await tasks.close()
