"""The worker of a batch, and what becomes of a group where it dies."""

import asyncio

import pytest

from app.batch.batch_worker import BatchWorker
from app.errors import WorkerDied
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.prompts import Sampling, Text
from tests.runtime.small_models import small_file

HOW = GenerateOptions(limit=12, sampling=Sampling(temperature=0))


class _Poisoned(BatchWorker):
    """A text with the word "poison" kills the process while it is being written."""

    async def _together(self, asked, start, on_text):
        if any("poison" in prompt.text for prompt, _ in asked):
            self._client._process.kill()
        return await super()._together(asked, start, on_text)


def test_a_row_that_kills_the_process_costs_no_other_and_all_of_them_end_the_batch(tmp_path):
    async def run():
        worker = _Poisoned(str(small_file(tmp_path)), "cpu fp32")
        ended = []
        try:
            await worker.open()
            asked = [(Text(text), HOW) for text in ("one", "two", "three")]
            alone = await worker.write(asked, None, lambda *_: ended.append(1))
            assert len(ended) == 3
            asked[1] = (Text("poison"), HOW)
            first, second, third = await worker.write(asked, None, lambda *_: None)
            assert (first.tokens, third.tokens) == (alone[0].tokens, alone[2].tokens)
            assert isinstance(second, WorkerDied)
            assert await worker.write([], None, lambda *_: None) == []
            with pytest.raises(WorkerDied):
                await worker.write([asked[1]], None, lambda *_: None)
        finally:
            await worker.close()

    asyncio.run(run())
