"""The settings file: what is chosen survives, whatever became of the file."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.errors import DiskFull, Failure, StoreError
from app.runtime.protocol.prompts import Sampling
from app.store import settings as settings_module
from app.store.changes import Change, Changes
from app.store.edits import Edits
from app.store.paths import standard_paths
from app.store.settings import Settings
from app.system import log, small_file


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config" / "settings.json"


def changed(path: Path, **values: object) -> Settings:
    settings = Settings(path)
    settings.change(**values)
    settings.close()
    return settings


def test_what_was_chosen_is_there_at_the_next_start(path: Path):
    changed(path, theme="dark", folders=("/models", "/模型"), strategies={"a.pth": "cpu bf16"})
    now = Settings(path).now
    assert (now.theme, now.folders) == ("dark", ("/models", "/模型"))
    assert now.strategies == {"a.pth": "cpu bf16"}
    assert now.text_scale == 1.0


def test_every_part_of_the_sampling_is_there_at_the_next_start(path: Path):
    sampling = Sampling(temperature=0.5, banned=(3,), repetition=1.1, logit_bias=((33, -1.5),))
    changed(path, default_sampling=sampling)
    assert Settings(path).now.default_sampling == sampling


def test_no_file_means_defaults_and_no_trouble(path: Path):
    settings = Settings(path)
    assert settings.trouble is None
    assert settings.now.theme == "system"
    assert not path.exists()


@pytest.mark.parametrize("content", [b"{half", b"\xff\xfe\x00", b"[1, 2]", b""])
def test_a_damaged_file_is_kept_aside_and_said(path: Path, content: bytes):
    path.parent.mkdir()
    path.write_bytes(content)
    settings = Settings(path)
    assert isinstance(settings.trouble, StoreError)
    assert settings.trouble.facts["why"] == "damaged"
    assert settings.trouble.facts["kept"] == str(path.with_name("settings.json.broken"))
    assert path.with_name("settings.json.broken").read_bytes() == content
    settings.change(theme="light")
    settings.close()
    assert Settings(path).now.theme == "light"


def test_keys_of_a_newer_program_stay(path: Path):
    path.parent.mkdir()
    path.write_text(json.dumps({"theme": "light", "wings": {"span": 2}}))
    changed(path, theme="dark")
    assert json.loads(path.read_text()) == {"theme": "dark", "wings": {"span": 2}}


def test_one_value_of_a_wrong_type_costs_only_itself(path: Path):
    path.parent.mkdir()
    path.write_text(json.dumps({"theme": "dark", "text_scale": "huge"}))
    now = Settings(path).now
    assert (now.theme, now.text_scale) == ("dark", 1.0)


@pytest.mark.parametrize(
    ("name", "odd", "chosen"),
    [
        ("folders", [["x"], 1, None], ("/models",)),
        ("strategies", {"/a.pth": 4}, {"/b.pth": "cpu int8"}),
        ("strategies", ["cpu"], {"/b.pth": "cpu int8"}),
        ("threads", "four", 4),
    ],
)
def test_what_is_chosen_takes_the_place_of_a_value_of_a_wrong_type(path: Path, name, odd, chosen):
    path.parent.mkdir()
    path.write_text(json.dumps({"theme": "dark", "of a newer program": odd, name: odd}))
    settings = Settings(path)
    settings.change(**{name: chosen})
    settings.close()
    now = Settings(path).now
    assert (now.theme, getattr(now, name)) == ("dark", chosen)
    assert json.loads(path.read_text())["of a newer program"] == odd


def test_two_windows_keep_each_others_choices(path: Path):
    one, two = Settings(path), Settings(path)
    one.change(theme="dark")
    one.close()
    two.change(text_scale=1.25)
    two.close()
    now = Settings(path).now
    assert (now.theme, now.text_scale) == ("dark", 1.25)


WINDOW = """
import sys
from pathlib import Path
from app.store.settings import Settings
from app.system import json_file
path, name = Path(sys.argv[1]), sys.argv[2]
settings = Settings(path)
for number in range(1, 26):
    folders = (*settings.now.folders, f"/{name}/{number}")
    ways = settings.now.strategies | {f"{name} {number}": "cpu fp32"}
    settings.change(**{name: number}, folders=folders, strategies=ways)
    settings.close()
"""


def test_two_programs_that_write_at_once_lose_nothing_of_each_other(path: Path):
    names = ("download_limit", "downloads_at_once")
    command = [sys.executable, "-c", WINDOW, str(path)]
    windows = [subprocess.Popen([*command, name]) for name in names]
    assert [window.wait(60) for window in windows] == [0, 0]
    now = Settings(path).now
    assert (now.download_limit, now.downloads_at_once) == (25, 25)
    both = {(name, number) for name in names for number in range(1, 26)}
    assert set(now.folders) == {f"/{name}/{number}" for name, number in both}
    assert now.strategies == {f"{name} {number}": "cpu fp32" for name, number in both}


def test_what_one_window_takes_away_the_other_does_not_bring_back(path: Path):
    ways = {"a": "cpu bf16", "b": "cpu bf16"}
    changed(path, folders=("/a", "/b", "/c"), strategies=ways)
    one, two = Settings(path), Settings(path)
    one.change(folders=("/a", "/c"), strategies={"b": "cpu fp32"})
    one.close()
    two.change(folders=("/a", "/b", "/c", "/d"), strategies=ways | {"c": "cpu int8"})
    two.close()
    now = Settings(path).now
    assert now.folders == ("/a", "/c", "/d")
    assert now.strategies == {"b": "cpu fp32", "c": "cpu int8"}


def test_all_that_windows_share_is_noticed_and_what_is_a_window_s_own_is_not(path: Path):
    mine, other = Settings(path), Settings(path)
    other.change(theme="dark", text_scale=1.25, page="models", model="other.pth")
    other.close()
    assert mine.look_again()
    assert (mine.now.theme, mine.now.text_scale) == ("dark", 1.25)
    assert (mine.now.page, mine.now.model) == ("", "")
    assert not mine.look_again()


def test_a_path_that_is_no_text_is_written_down_like_any_other(path: Path):
    changed(path, files=("/models/\udcff.pth", "/模型"))
    assert Settings(path).now.files == ("/models/\udcff.pth", "/模型")


def test_nothing_half_written_is_left_beside_the_file(path: Path):
    settings = Settings(path)
    for number in range(20):
        settings.change(text_scale=1.0 + number / 10)
    settings.close()
    left = sorted(file.name for file in path.parent.iterdir())
    assert left == ["settings.json", "settings.json.lock"]
    assert Settings(path).now.text_scale == pytest.approx(2.9)


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path):
    (tmp_path / "config").write_text("a file where the folder should be")
    said: list[Failure] = []
    settings = Settings(tmp_path / "config" / "settings.json", on_failure=said.append)
    settings.change(theme="dark")
    settings.close()
    assert [failure.facts["why"] for failure in said] == ["refused"]
    assert settings.now.theme == "dark"


def test_a_change_is_told_once_and_an_equal_one_not_at_all(path: Path):
    changes, told = Changes(), []
    forget = changes.listen(told.append)
    settings = Settings(path, changes)
    settings.change(theme="dark")
    settings.change(theme="dark")
    forget()
    settings.change(theme="light")
    settings.close()
    assert told == [Change("settings")]


def test_what_another_window_chose_is_taken_over_where_it_is_asked_for(path: Path):
    changes, told = Changes(), []
    mine, other = Settings(path, changes), Settings(path)
    changes.listen(told.append)
    other.change(folders=("/models",), page="models")
    other.close()
    assert mine.look_again("folders", "files")
    assert (mine.now.folders, mine.now.page) == (("/models",), "")
    assert told == [Change("settings")]
    assert not mine.look_again("folders", "files")
    mine.change(folders=("/mine",))
    assert not mine.look_again("folders")
    assert mine.now.folders == ("/mine",)
    mine.close()
    assert other.look_again("folders")
    assert other.now.folders == ("/mine",)
    path.write_text("damaged")
    assert not other.look_again("folders")
    assert other.now.folders == ("/mine",)


def test_an_unknown_name_is_a_bug(path: Path):
    with pytest.raises(TypeError):
        Settings(path).change(them="dark")


def test_a_chosen_home_holds_everything(tmp_path: Path):
    paths = standard_paths(str(tmp_path))
    for place in (paths.database, paths.settings, paths.models, paths.cache):
        assert place.is_relative_to(tmp_path)
    assert not standard_paths().database.is_relative_to(tmp_path)


def test_a_file_that_another_window_reads_just_now_is_written_and_read(path: Path, monkeypatch):
    changed(path, theme="light")
    refusals = dict.fromkeys(("replace", "read"), 3)

    def refusing(name, act):
        def refused(*args, **kwargs):
            refusals[name] -= 1
            if refusals[name] >= 0:
                error = PermissionError(13, "The process cannot access the file")
                error.winerror = 32  # as Windows says it
                raise error
            return act(*args, **kwargs)

        return refused

    monkeypatch.setattr(os, "replace", refusing("replace", os.replace))
    monkeypatch.setattr(small_file, "_read", refusing("read", small_file._read))
    settings = changed(path, theme="dark")
    assert settings.trouble is None
    assert Settings(path).now.theme == "dark"
    assert max(refusals.values()) < 0


@pytest.mark.parametrize(
    "content",
    [
        b'{"theme": "dark", "x": ' + b"[" * 900 + b"]" * 900 + b"}",
        b"[" * 300_000,
        b'{"theme": "\xff"}',
        b'{"padding": "' + b"x" * (5 << 20) + b'"}',
    ],
)
def test_what_could_stop_the_writer_is_put_aside(path: Path, content: bytes):
    path.parent.mkdir()
    path.write_bytes(content)
    settings = Settings(path)
    assert settings.trouble is not None
    kept = Path(str(settings.trouble.facts["kept"]))
    assert kept.read_bytes() == content
    settings.change(theme="light")
    settings.close()
    assert Settings(path).now.theme == "light"


@pytest.mark.skipif(sys.platform == "win32", reason="has no such pipes")
@pytest.mark.timeout(20)
def test_a_pipe_in_the_place_of_the_file_holds_nobody_up(path: Path):
    path.parent.mkdir()
    os.mkfifo(path)
    settings = changed(path, theme="dark")
    assert settings.trouble is not None
    assert Settings(path).now.theme == "dark"


@pytest.mark.parametrize(
    "text", ['{"text_scale": 1e999}', '{"text_scale": NaN}', '{"text_scale": -3}']
)
def test_a_number_that_nothing_can_be_drawn_with_is_the_usual_one(path: Path, text: str):
    path.parent.mkdir()
    path.write_text(text)
    assert Settings(path).now.text_scale == 1.0


def test_the_writer_goes_on_after_any_mistake_and_loses_nothing(path: Path, monkeypatch):
    failures, bugs, real = [], [], settings_module._update

    def broken(*_: object) -> None:
        raise KeyError("a mistake in the writer")

    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: bugs.append(error))
    monkeypatch.setattr(settings_module, "_update", broken)
    settings = Settings(path, on_failure=failures.append)
    log.begin("window", path.parent)
    settings.change(theme="dark")
    settings._wait()
    settings.change(text_scale=1.5)
    settings._wait()
    log.end()
    logged = (path.parent / log.NAME).read_text()
    assert "settings: theme unsaved: store (" in logged
    assert "settings: theme, text_scale unsaved: store (" in logged
    assert [one.facts["why"] for one in failures] == ["unwritten", "unwritten"]
    assert [type(one) for one in bugs] == [KeyError]
    monkeypatch.setattr(settings_module, "_update", real)
    settings.close()
    now = Settings(path).now
    assert (now.theme, now.text_scale) == ("dark", 1.5)


def test_what_a_full_disk_refused_is_written_with_the_next_change(path: Path, monkeypatch):
    refused, real = [True], settings_module._update

    def update(place: Path, edits: Edits) -> None:
        if refused.pop():
            raise DiskFull(path=str(place))
        real(place, edits)

    monkeypatch.setattr(settings_module, "_update", update)
    settings = Settings(path)
    settings.change(folders=("/birds",))
    settings._wait()
    refused[:] = [False]
    settings.change(folders=("/birds", "/rooks"))
    settings.close()
    assert Settings(path).now.folders == ("/birds", "/rooks")


def test_how_models_are_run_is_kept_and_impossible_values_cost_only_themselves(path: Path):
    settings = Settings(path)
    chosen = {"run_policy": "speed", "cpu_limit": 8_000_000_000, "gpu": "cuda:1"}
    settings.change(**chosen, gpu_limit=6_000_000_000, threads=3, keep_minutes=15)
    settings.close()
    now = Settings(path).now
    assert {name: getattr(now, name) for name in chosen} == chosen
    assert (now.gpu_limit, now.threads, now.keep_minutes) == (6_000_000_000, 3, 15)
    stored = json.loads(path.read_text("utf-8"))
    wrong = {"run_policy": "luck", "threads": -1, "keep_minutes": 10**9, "cpu_limit": "much"}
    path.write_text(json.dumps(stored | wrong), "utf-8")
    mended = Settings(path).now
    assert (mended.run_policy, mended.threads) == ("balanced", 0)
    assert (mended.keep_minutes, mended.cpu_limit) == (0, 0)
    assert mended.gpu == "cuda:1"
