"""Which model is opened at the start, and what is remembered of it."""

import shutil

from app.errors import DamagedCheckpoint
from app.runtime.worker.phase import Phase
from tests.ui.conftest import settled, shown, until
from tests.ui.fake_supervisor import FakeSupervisor


def loaded(application):
    return application.services.session.loaded


async def test_the_first_start_opens_the_guide(application, guide):
    await shown(application)
    await until(lambda: loaded(application) is not None)
    assert loaded(application).path == str(guide)
    await settled()
    assert application.services.settings.now.model == str(guide)


async def test_the_next_start_opens_the_last_model_in_the_same_way(build, models_folder):
    file = str(models_folder / "RWKV-4-Raven-1B5-v12-Eng98.pth")
    application = build(page="models", model=file, strategies={file: "cpu bf16"})
    await shown(application)
    await until(lambda: loaded(application) is not None)
    assert application._session._supervisor.asked == [(file, "cpu bf16")]


async def test_a_last_model_that_is_gone_gives_way_to_the_guide_but_stays_the_last(
    build, tmp_path, guide
):
    gone = str(tmp_path / "unplugged" / "model.pth")
    application = build(page="chat", model=gone)
    await shown(application)
    await until(lambda: loaded(application) is not None)
    await settled()
    assert loaded(application).path == str(guide)
    assert application.services.settings.now.model == gone
    bar = application.window.notices
    assert gone in bar.notice.text
    assert "outside Rookery" in bar.notice.text
    bar._act.click()
    assert application.window.page == "models"


class Refusing(FakeSupervisor):
    """Cannot open what is not the guide."""

    async def open(self, path, strategy="", *, firm=False):
        if "guide" not in path:
            self.asked.append((path, strategy))
            self.enter(Phase.EMPTY)
            raise DamagedCheckpoint(path=path)
        return await super().open(path, strategy)


async def test_a_last_model_that_fails_is_told_and_the_guide_opened(build, models_folder, guide):
    file = str(models_folder / "cut.pth")
    application = build(Refusing, page="models", model=file)
    await shown(application)
    await until(lambda: loaded(application) is not None)
    assert loaded(application).path == str(guide)
    assert application.window.notices.isVisible()
    assert "cut.pth" in application.window.notices._words.text()


async def test_a_file_that_is_no_use_leaves_the_open_model_open(application, models_folder, guide):
    await shown(application)
    await until(lambda: loaded(application) is not None)
    application._opening.open(models_folder / "notes.gguf")
    await until(application.window.notices.isVisible)
    assert "notes.gguf" in application.window.notices._words.text()
    assert loaded(application).path == str(guide)
    assert application._session._supervisor.asked == [(str(guide), "")]
    assert application.window.page == "models"


async def test_the_model_chosen_last_is_the_one_that_is_opened(application, models_folder):
    await shown(application)
    await until(lambda: loaded(application) is not None)
    first, last = sorted(models_folder.glob("[rR][wW][kK][vV]*.pth"))[:2]
    application._opening.open(first, chat=False)
    application._opening.open(last, chat=False)
    await until(lambda: loaded(application).path == str(last))
    assert str(first) not in [path for path, _ in application._session._supervisor.asked]


async def test_trouble_with_the_stores_is_told_at_the_start(build, paths):
    paths.settings.parent.mkdir(parents=True)
    paths.settings.write_text("{broken")
    application = build(page="models")
    await shown(application)
    assert application.window.notices.isVisible()
    assert "settings.json" in application.window.notices._words.text()


async def test_settings_that_cannot_be_written_are_told(application, paths):
    await shown(application)
    await until(lambda: loaded(application) is not None)
    application._settings.close()
    shutil.rmtree(paths.config)
    paths.config.write_text("in the way")
    application.services.settings.change(theme="dark")
    await until(application.window.notices.isVisible)
    assert "settings.json" in application.window.notices._words.text()
    assert application.services.settings.now.theme == "dark"
    paths.config.unlink()  # what is stored while the window closes finds room again
