"""Groups of texts in a worker that is short of memory."""

import asyncio

from app.batch.group_writer import SharedWriter, WrittenText
from app.errors import OutOfMemory
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.messages import Done, Piece, failed
from app.runtime.protocol.prompts import Text


def test_where_memory_runs_out_the_rows_are_written_in_halves():
    sizes = []

    async def ask(texts):
        sizes.append(len(texts))
        for place, text in enumerate(texts):
            if len(texts) > 2:
                yield place, failed(place, OutOfMemory(needed_bytes=5, free_bytes=4))
                continue
            yield place, Piece(id=place, text=text.prompt.text.upper())
            yield (
                place,
                Done(
                    id=place,
                    reason="end",
                    prompt_tokens=1,
                    tokens=1,
                    prefill_s=0,
                    decode_s=0,
                    first_token_s=0,
                    seed=0,
                ),
            )

    ended = []

    async def run():
        asked = [(Text(word), GenerateOptions()) for word in "abcde"]
        writer = SharedWriter(ask)
        return await writer.write(asked, None, lambda place, found: ended.append((place, found)))

    results = asyncio.run(run())
    assert [result.text for result in results] == list("ABCDE")
    assert sizes[0] == 5
    assert max(sizes[1:]) <= 2
    written = [(place, found.text) for place, found in ended if isinstance(found, WrittenText)]
    assert sorted(written) == list(enumerate("ABCDE"))
