"""The settings of hub and downloads hold at once, and addresses that are none are told."""

import os
import stat

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyring
from keyring.errors import KeyringLocked as LockedOut
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.hub.sources.proxies import keep_proxy
from app.ui.state.hub_access import open_hub
from tests.ui.conftest import settled, shown, until


class Memory(KeyringBackend):
    """A keyring that forgets with the test."""

    priority = 1

    def __init__(self):
        self.kept = {}

    def get_password(self, service, username):
        return self.kept.get((service, username))

    def set_password(self, service, username, password):
        self.kept[service, username] = password

    def delete_password(self, service, username):
        del self.kept[service, username]


class Lockable(Memory):
    """One that can be locked; ``asked`` counts how often it was while it is."""

    locked, asked = False, 0

    def get_password(self, service, username):
        self.look()
        return super().get_password(service, username)

    def set_password(self, service, username, password):
        self.look()
        super().set_password(service, username, password)

    def look(self):
        if self.locked:
            self.asked += 1
            raise LockedOut("the person said no")


@pytest.fixture
def lockable(ring):
    made = Lockable()
    keyring.set_keyring(made)
    return made


@pytest.fixture
def ring():
    before = keyring.get_keyring()
    made = Memory()
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)


async def opened(application):
    await shown(application)
    page = application.window.go("settings")
    await settled()
    return page.downloads


def now(application):
    return application.services.settings.now


async def test_a_mirror_has_a_field_of_its_own(application):
    part = await opened(application)
    assert not part._mirror_part.isVisible()
    part.source.setCurrentIndex(part.source.findData("mirror"))
    part.source.activated.emit(part.source.currentIndex())
    assert part._mirror_part.isVisible()
    part.mirror.setText("mirror.example")
    part.mirror.editingFinished.emit()
    assert now(application).hub_source == "mirror"
    assert now(application).hub_mirror == "mirror.example"
    assert application.services.catalogue.source == "mirror.example"
    assert "mirror.example" in part._endpoint.text()


async def test_an_address_that_is_none_is_told_where_it_stands(application):
    part = await opened(application)
    application.services.settings.change(hub_source="mirror", hub_mirror="http://a b c")
    part.follow()
    assert "address" in part._endpoint.text()
    assert application.services.catalogue.page_of("a/b") == ""


async def test_a_proxy_is_written_as_it_was_typed_with_its_scheme(application):
    part = await opened(application)
    part.proxy.setText("proxy.example:3128")
    part.proxy.editingFinished.emit()
    assert now(application).hub_proxy == part.proxy.text() == "http://proxy.example:3128"


async def test_a_password_in_a_proxy_goes_to_the_keyring_and_to_no_file(application, ring, paths):
    part = await opened(application)
    part.proxy.setText("http://ann:geheim@proxy.example:3128")
    part.proxy.editingFinished.emit()
    await until(lambda: now(application).hub_proxy == "http://ann@proxy.example:3128")
    await until(lambda: part.proxy.text() == "http://ann:••••@proxy.example:3128")
    assert "keyring" in part._proxy_words.text()
    assert "geheim" in ring.kept.values()
    assert (
        open_hub(now(application), paths.hub_cache).proxy == "http://ann:geheim@proxy.example:3128"
    )
    application.services.settings.close()
    assert "geheim" not in paths.settings.read_text()
    part.proxy.clear()
    part.proxy.editingFinished.emit()
    await until(lambda: not now(application).hub_proxy)
    assert not ring.kept


async def test_a_password_in_the_keyring_is_removed_by_deleting_its_dots(application, ring, paths):
    keep_proxy("http://ann:geheim@proxy.example:3128")
    application.services.settings.change(hub_proxy="http://ann@proxy.example:3128")
    part = await opened(application)
    await until(lambda: part.proxy.text() == "http://ann:••••@proxy.example:3128")
    part.proxy.editingFinished.emit()
    await settled()
    assert "geheim" in ring.kept.values(), "who only looks at it changes nothing"
    part.proxy.setText("http://ann:••••@proxy.example:8080")
    part.proxy.editingFinished.emit()
    await until(lambda: now(application).hub_proxy == "http://ann@proxy.example:8080")
    await until(lambda: part.proxy.text() == "http://ann:••••@proxy.example:8080")
    assert (
        open_hub(now(application), paths.hub_cache).proxy == "http://ann:geheim@proxy.example:8080"
    )
    part.proxy.setText("http://ann:@proxy.example:8080")
    part.proxy.editingFinished.emit()
    await until(lambda: not ring.kept)
    await until(lambda: part.proxy.text() == "http://ann@proxy.example:8080")
    assert now(application).hub_proxy == "http://ann@proxy.example:8080"
    await until(lambda: application.window.notices.notice is not None)
    assert "forgotten" in application.window.notices.notice.text
    assert "behind the name" in part._proxy_words.text()


@pytest.mark.parametrize("edited", ["ann:@proxy.example:3128", "ann:••••@proxy.example:8080"])
async def test_a_locked_keyring_is_asked_once_and_the_kept_proxy_is_shown_again(
    application, lockable, edited
):
    keep_proxy("http://ann:geheim@proxy.example:3128")
    application.services.settings.change(hub_proxy="http://ann@proxy.example:3128")
    part = await opened(application)
    await until(lambda: part.proxy.text() == "http://ann:••••@proxy.example:3128")
    lockable.locked = True
    part.proxy.setText(f"http://{edited}")
    part.proxy.editingFinished.emit()
    await until(lambda: application.window.notices.notice is not None)
    assert application.window.notices.notice.title == "The password is still kept"
    assert part.proxy.text() == "http://ann:••••@proxy.example:3128"
    assert now(application).hub_proxy == "http://ann@proxy.example:3128"
    asked = lockable.asked
    part.proxy.editingFinished.emit()
    await settled()
    assert lockable.asked == asked
    assert "geheim" in lockable.kept.values()


async def test_a_password_that_a_locked_keyring_has_is_not_said_to_be_forgotten(
    application, lockable
):
    keep_proxy("http://ann:geheim@proxy.example:3128")
    application.services.settings.change(hub_proxy="http://ann@proxy.example:3128")
    part = await opened(application)
    await until(lambda: part.proxy.text() == "http://ann:••••@proxy.example:3128")
    lockable.locked = True
    part.proxy.setText("http://ann@proxy.example:8080")
    part.proxy.editingFinished.emit()
    await until(lambda: application.window.notices.notice is not None)
    assert "may still have" in application.window.notices.notice.text
    assert now(application).hub_proxy == "http://ann@proxy.example:8080"


async def test_without_a_keyring_the_password_is_hidden_and_said_to_stand_in_the_file(
    application, paths
):
    before = keyring.get_keyring()
    keyring.set_keyring(NoKeyring())
    try:
        part = await opened(application)
        part.proxy.setText("ann:geheim@proxy.example:3128")
        part.proxy.editingFinished.emit()
        await until(lambda: now(application).hub_proxy == "http://ann:geheim@proxy.example:3128")
        await until(lambda: "geheim" not in part.proxy.text())
        assert "stands in the settings file" in part._proxy_words.text()
        part.proxy.setText(part.proxy.text().replace("3128", "8080"))
        part.proxy.editingFinished.emit()
        await until(lambda: now(application).hub_proxy == "http://ann:geheim@proxy.example:8080")
        application.services.settings.close()
        if os.name != "nt":
            assert stat.S_IMODE(paths.settings.stat().st_mode) == 0o600
    finally:
        keyring.set_keyring(before)


async def test_a_password_of_an_earlier_version_leaves_the_file_at_the_next_start(
    build, ring, paths
):
    application = build(hub_proxy="http://ann:geheim@proxy.example:3128")
    await shown(application)
    await until(lambda: now(application).hub_proxy == "http://ann@proxy.example:3128")
    application.services.settings.close()
    assert "geheim" not in paths.settings.read_text()
    assert "geheim" in ring.kept.values()


async def test_numbers_hold_at_once(application):
    part = await opened(application)
    part.at_once.setValue(4)
    part.connections.setValue(7)
    part.limit.setValue(12)
    kept = now(application)
    assert (kept.downloads_at_once, kept.download_connections) == (4, 7)
    assert kept.download_limit == 12_000_000
    part.limit.setValue(0)
    assert part.limit.text() == "none"


async def test_the_folder_is_shown_and_can_be_the_usual_one_again(application, tmp_path, paths):
    part = await opened(application)
    assert part._folder.text() == str(paths.models)
    part._put(str(tmp_path))
    assert part._folder.text() == str(tmp_path)
    assert application.services.downloads.folder == tmp_path
    part._usual.click()
    assert application.services.downloads.folder == paths.models


async def test_a_token_goes_to_the_keyring_and_to_no_file(application, ring, paths):
    part = await opened(application)
    part.token.setText("hf_secret")
    QTest.mouseClick(part.keep, Qt.MouseButton.LeftButton)
    await until(lambda: ring.kept, 30)
    assert list(ring.kept.values()) == ["hf_secret"]
    await until(lambda: not part.token.text(), 30)
    application.services.settings.close()
    kept = [file.read_bytes() for file in paths.data.parent.rglob("*") if file.is_file()]
    assert kept
    assert not any(b"hf_secret" in data for data in kept)
    part.keep.click()
    await until(lambda: not ring.kept, 30)


@pytest.mark.parametrize(
    "typed", ["gopher://x:70", "http://[::1", "me:geheim@host:99999", "socks5://"]
)
async def test_a_proxy_that_can_be_none_is_said_to_be_so_at_once(application, ring, typed):
    part = await opened(application)
    before = now(application).hub_proxy
    part.proxy.setText(typed)
    part.proxy.editingFinished.emit()
    await settled()
    assert "The setting of the proxy is" in part._proxy_words.text()
    assert "geheim" not in part._proxy_words.text()
    assert part.proxy.text() == typed, "what was typed stays, to be put right"
    assert now(application).hub_proxy == before
    part.proxy.setText("socks5h://127.0.0.1:7891")
    part.proxy.editingFinished.emit()
    await until(lambda: now(application).hub_proxy == "socks5h://127.0.0.1:7891")
    assert "setting of the proxy" not in part._proxy_words.text()
