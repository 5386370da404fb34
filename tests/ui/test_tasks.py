"""Background work: what is begun after its end never runs."""

import asyncio

from app.ui.tasks import Tasks


def test_nothing_is_begun_once_all_has_ended():
    told, ran = [], []

    async def work(name):
        ran.append(name)
        await asyncio.sleep(60)

    async def program():
        tasks = Tasks(told.append)
        early = tasks.start(work("early"))
        await asyncio.sleep(0)
        assert not tasks.ended
        await tasks.close()
        assert early.cancelled()
        assert tasks.ended
        late = tasks.start(work("late"))
        await asyncio.wait([late])
        assert late.cancelled()

    asyncio.run(program())
    assert ran == ["early"]
    assert told == []
