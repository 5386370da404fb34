"""Requests are let in by turns, and models are opened once for all that wait for them."""

import asyncio

import pytest

from app.errors import NotFound, ServerRefused
from app.server.admission import Admission


class Opening:
    """What opens models: ``opened`` is the one that answers; each waits for ``go``."""

    def __init__(self, opened="a"):
        self.opened, self.asked = opened, []
        self.go = asyncio.Event()
        self.error = None

    def is_open(self, model):
        return self.opened == model

    async def open(self, model):
        self.asked.append(model)
        self.opened = ""
        await self.go.wait()
        if self.error:
            raise self.error
        self.opened = model


def admission(opening, places=2, waiting=3):
    made = Admission(opening.is_open, opening.open, waiting)
    made.places = places
    return made


def entered(admission, *models):
    return [admission.enter(model, 1) for model in models]


def going(tickets):
    return [ticket.go.done() for ticket in tickets]


async def rest():
    for _ in range(5):
        await asyncio.sleep(0)


def test_a_large_request_is_not_passed_by_small_ones_and_the_queue_has_a_limit():
    async def run():
        queue = admission(Opening())
        first = queue.enter("a", 1)
        large = queue.enter("a", 9)
        assert going([first, large]) == [True, False]
        with pytest.raises(ServerRefused) as refused:
            queue.enter("a", 1)
        assert refused.value.facts["why"] == "queue-full"
        assert refused.value.facts["wait_s"] >= 1
        queue.leave(first)
        small = queue.enter("a", 1)
        assert going([large, small]) == [True, False]
        assert (queue.running, queue.waiting) == (2, 1)
        queue.leave(large)
        assert going([small]) == [True]
        queue.leave(small)
        assert (queue.running, queue.waiting) == (0, 0)

    asyncio.run(run())


def test_another_model_waits_for_those_before_it_and_is_opened_once():
    async def run():
        opening = Opening()
        queue = admission(opening, waiting=9)
        first, *later = entered(queue, "a", "b", "a", "b")
        assert going(later) == [False, False, False]
        queue.leave(first)
        await rest()
        with pytest.raises(ServerRefused) as refused:
            queue.enter("b", 1)
        assert refused.value.facts["why"] == "loading"
        opening.go.set()
        await rest()
        assert opening.asked == ["b"]
        assert going(later) == [True, False, False]
        queue.leave(later[0])
        await rest()
        assert (opening.asked, going(later)) == (["b", "a"], [True, True, False])
        queue.leave(later[1])
        await rest()
        assert going(later) == [True, True, True]
        queue.leave(later[2])

    asyncio.run(run())


def test_a_model_that_does_not_open_fails_those_that_wait_for_it_and_no_others():
    async def run():
        opening = Opening()
        queue = admission(opening, waiting=9)
        first, gone, other = entered(queue, "a", "b", "c")
        opening.error = NotFound(path="b")
        opening.go.set()
        queue.leave(first)
        with pytest.raises(NotFound):
            await gone.go
        queue.leave(gone)
        opening.error = None
        await rest()
        assert going([other]) == [True]
        queue.leave(other)

    asyncio.run(run())


def test_one_that_leaves_the_queue_or_while_its_model_opens_costs_nobody_else_a_place():
    async def run():
        opening = Opening(opened="")
        queue = admission(opening, waiting=9)
        left = queue.enter("a", 1)
        await rest()
        queue.leave(left)
        opening.go.set()
        await rest()
        assert (opening.asked, opening.opened) == (["a"], "a")
        first, waiting, last = queue.enter("a", 2), queue.enter("a", 2), queue.enter("a", 2)
        queue.leave(waiting)
        queue.leave(first)
        assert going([last]) == [True]
        await queue.close()

    asyncio.run(run())
