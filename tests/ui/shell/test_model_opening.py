"""Which model is opened at the start, and what is remembered of it."""

import shutil

from app.errors import DamagedCheckpoint
from app.runtime.worker.phase import Phase
from tests.ui.conftest import settled, shown, until
from tests.ui.fake_supervisor import FakeSupervisor


def loaded(house):
    return house.services.session.loaded


async def test_the_first_start_opens_the_guide(house, guide):
    await shown(house)
    await until(lambda: loaded(house) is not None)
    assert loaded(house).path == str(guide)
    await settled()
    assert house.services.settings.now.model == str(guide)


async def test_the_next_start_opens_the_last_model_in_the_same_way(build, models_folder):
    file = str(models_folder / "RWKV-4-Raven-1B5-v12-Eng98.pth")
    house = build(page="models", model=file, strategies={file: "cpu bf16"})
    await shown(house)
    await until(lambda: loaded(house) is not None)
    assert house._session._supervisor.asked == [(file, "cpu bf16")]


async def test_a_last_model_that_is_gone_gives_way_to_the_guide_but_stays_the_last(
    build, tmp_path, guide
):
    gone = str(tmp_path / "unplugged" / "model.pth")
    house = build(page="chat", model=gone)
    await shown(house)
    await until(lambda: loaded(house) is not None)
    await settled()
    assert loaded(house).path == str(guide)
    assert house.services.settings.now.model == gone
    bar = house.window.notices
    assert gone in bar.notice.text
    assert "outside Rookery" in bar.notice.text
    bar._act.click()
    assert house.window.page == "models"


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
    house = build(Refusing, page="models", model=file)
    await shown(house)
    await until(lambda: loaded(house) is not None)
    assert loaded(house).path == str(guide)
    assert house.window.notices.isVisible()
    assert "cut.pth" in house.window.notices._words.text()


async def test_a_file_that_is_no_use_leaves_the_open_model_open(house, models_folder, guide):
    await shown(house)
    await until(lambda: loaded(house) is not None)
    house._opening.open(models_folder / "notes.gguf")
    await until(house.window.notices.isVisible)
    assert "notes.gguf" in house.window.notices._words.text()
    assert loaded(house).path == str(guide)
    assert house._session._supervisor.asked == [(str(guide), "")]
    assert house.window.page == "models"


async def test_the_model_chosen_last_is_the_one_that_is_opened(house, models_folder):
    await shown(house)
    await until(lambda: loaded(house) is not None)
    first, last = sorted(models_folder.glob("[rR][wW][kK][vV]*.pth"))[:2]
    house._opening.open(first, chat=False)
    house._opening.open(last, chat=False)
    await until(lambda: loaded(house).path == str(last))
    assert str(first) not in [path for path, _ in house._session._supervisor.asked]


async def test_trouble_with_the_stores_is_told_at_the_start(build, paths):
    paths.settings.parent.mkdir(parents=True)
    paths.settings.write_text("{broken")
    house = build(page="models")
    await shown(house)
    assert house.window.notices.isVisible()
    assert "settings.json" in house.window.notices._words.text()


async def test_settings_that_cannot_be_written_are_told(house, paths):
    await shown(house)
    await until(lambda: loaded(house) is not None)
    house._settings.close()
    shutil.rmtree(paths.config)
    paths.config.write_text("in the way")
    house.services.settings.change(theme="dark")
    await until(house.window.notices.isVisible)
    assert "settings.json" in house.window.notices._words.text()
    assert house.services.settings.now.theme == "dark"
    paths.config.unlink()  # what is stored while the window closes finds room again
