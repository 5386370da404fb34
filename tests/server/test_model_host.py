"""The host lets requests in while a worker comes again, and opens models by name."""

import asyncio
import contextlib

import pytest

from app.errors import ServerRefused
from app.library.local_library import LocalLibrary
from app.runtime.protocol.messages import Loaded
from app.runtime.protocol.prompts import Sampling
from app.runtime.spec import Spec
from app.runtime.worker.phase import Phase
from app.server.model_host import HostOptions, ModelHost
from tests.runtime.small_models import small_file

SPEC = Spec(
    generation="7.0", layers=3, width=64, heads=4, head_size=16, attention_width=64,
    ffn_width=256, vocabulary=256, parameters=1,
)  # fmt: skip


class Runner:
    """A supervisor without a worker."""

    def __init__(self):
        self.loaded, self.phase, self.opened, self.rested = None, Phase.EMPTY, [], 0

    async def open(self, path, strategy="", *, firm=False):
        self.opened.append(path)
        self.phase = Phase.READY
        self.loaded = Loaded(
            id=1, path=path, name="x", spec=SPEC, strategy="cpu fp32", weights_bytes=1, load_s=0,
            tokenizer="bytes", templates=(), thinks=False, sampling=Sampling(),
        )  # fmt: skip
        return self.loaded

    async def rest(self):
        self.rested += 1
        self.phase = Phase.RESTING


@contextlib.asynccontextmanager
async def hosted(folder, **options):
    library, runner = LocalLibrary([folder]), Runner()
    host = ModelHost(runner, library, HostOptions(**options))
    try:
        yield host, runner
    finally:
        await host.close()
        library.close()


def test_requests_go_on_to_the_same_model_while_its_worker_comes_again(tmp_path):
    small_file(tmp_path, name="b")
    small_file(tmp_path, name="a")
    (tmp_path / "more").mkdir()
    small_file(tmp_path / "more", name="a")

    async def run():
        async with hosted(tmp_path, max_batch=2) as (host, runner):
            names = [one.id for one in await host.offered.listed()]
            assert names == ["a.pth", "more/a.pth", "b.pth"]
            async with host.admitted("b", 1) as model:
                assert (model.id, model.places) == ("b.pth", 1)
                loaded, runner.loaded, runner.phase = runner.loaded, None, Phase.LOADING
                async with host.admitted("", 1) as other:
                    assert other.id == "b.pth"
                runner.loaded, runner.phase = loaded, Phase.READY
            runner.loaded, runner.phase = None, Phase.EMPTY  # it did not come again
            async with host.admitted("b.pth:latest", 1):
                assert len(runner.opened) == 2
            with pytest.raises(ServerRefused):
                await host.offered.find("../models/b.pth")

    asyncio.run(run())


def test_a_model_that_nobody_asks_is_let_go_and_places_are_those_of_memory(tmp_path):
    small_file(tmp_path, name="a")

    async def run():
        async with hosted(tmp_path, idle_s=0.1) as (host, runner):
            async with host.admitted("a") as model:
                assert model.loaded.path.endswith("a.pth")
                assert 1 <= host.admission.places <= 32
            while not runner.rested:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.02)

    asyncio.run(run())
