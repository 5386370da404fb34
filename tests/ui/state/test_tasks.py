"""Background work: what is begun after its end never runs."""

import ast
import asyncio
from pathlib import Path

import app
from app.errors import NoModel
from app.ui.models.file_work import FileTasks
from app.ui.state.tasks import Tasks
from tests.ui.conftest import settled, shown, until


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


def test_what_comes_after_a_task_comes_also_where_it_never_began():
    told, after = [], []

    async def work():
        raise NoModel

    async def program():
        tasks = Tasks(told.append)
        overtaken = tasks.start(work(), lambda: after.append("overtaken"))
        overtaken.cancel()
        failed = tasks.start(work(), lambda: after.append("failed"))
        await asyncio.wait([overtaken, failed])
        assert overtaken.cancelled()
        await tasks.close()
        late = tasks.start(work(), lambda: after.append("late"))
        await asyncio.wait([late])
        await asyncio.sleep(0)

    asyncio.run(program())
    assert after == ["overtaken", "failed", "late"]
    assert [type(failure) for failure in told] == [NoModel]


def begun_and_finally() -> list[str]:
    """Coroutines that are begun as tasks and rely on a ``finally`` or on seeing their cancelling.

    Those of a task that is cancelled before its first step are never reached.
    """
    found = []
    for path in sorted(Path(app.__file__).parent.rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        begun = {
            inner.func.attr if isinstance(inner.func, ast.Attribute) else inner.func.id
            for call in ast.walk(tree)
            if isinstance(call, ast.Call)
            and isinstance(call.func, ast.Attribute | ast.Name)
            and (call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id)
            in ("start", "_start", "create_task", "ensure_future")
            for inner in call.args[:1]
            if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute | ast.Name)
        }
        found += [
            f"{path.stem}.{one.name}"
            for one in ast.walk(tree)
            if isinstance(one, ast.AsyncFunctionDef) and one.name in begun
            for part in ast.walk(one)
            if isinstance(part, ast.Try)
            and (part.finalbody or any(_sees_cancelling(handler) for handler in part.handlers))
        ]
    return found


def _sees_cancelling(handler: ast.ExceptHandler) -> bool:
    words = ast.unparse(handler.type) if handler.type else "BaseException"
    return "CancelledError" in words or "BaseException" in words


def test_no_task_relies_on_a_finally_that_it_may_never_reach():
    """What these undo, they have themselves done after they began."""
    assert begun_and_finally() == [
        *("supervisor._bring_up", "answers._work"),
        *("gpu_list.looked", "session.opened", "many_questions._ask"),
    ]


async def test_what_was_cancelled_before_it_began_can_be_done_again(build, monkeypatch):
    application = build(page="models")
    await shown(application)
    services = application.services
    library, catalogue, gpus = services.library, services.catalogue, services.gpus
    await until(lambda: library.scanned and not library.scanning and gpus.known)
    start = services.tasks.start

    def overtaken(work, after=None):
        task = start(work, after)
        task.cancel()
        return task

    await until(lambda: catalogue._task is None, 30)
    works, ran = FileTasks(services.tasks, lambda: None), []

    async def act(work):
        ran.append(work)

    monkeypatch.setattr(services.tasks, "start", overtaken)
    library.refresh()
    catalogue.refresh(force=True)
    catalogue.search("rwkv")
    gpus._at, gpus.known = -1e9, False
    gpus.look()
    works.begin("one", "{}", act)
    services.session.open(application._opening._guide)
    services.session.unload()
    await settled()
    monkeypatch.undo()
    assert not ran
    assert not library.scanning
    assert not catalogue.searching
    assert catalogue._task is None
    assert works.of("one") is None
    gpus._at = -1e9
    gpus.look()
    works.begin("one", "{}", act)
    library.refresh()
    catalogue.refresh(force=True)
    catalogue.search("rwkv")
    assert library.scanning
    assert catalogue.searching
    await until(lambda: gpus.known and ran and not library.scanning and not catalogue.searching)
    await until(lambda: catalogue._task is None)
    await services.session.opened(application._opening._guide)
    assert services.session.opening is None
