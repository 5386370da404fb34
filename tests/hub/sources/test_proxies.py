"""Addresses of proxies: taken apart, put together, hidden; the keyring keeps their passwords."""

import keyring
import pytest
from keyring.errors import PasswordSetError

from app.errors import KeyringLocked
from app.hub.sources.proxies import completed, joined, keep_proxy, parted, shown, whole_proxy
from tests.hub.sources.test_tokens import InMemory, Locked

WHOLE = "http://ann:p:w@x@proxy.example:3128"
BARE = "http://ann@proxy.example:3128"


@pytest.fixture
def ring():
    before = keyring.get_keyring()
    made = InMemory()
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)


@pytest.mark.parametrize(
    ("address", "bare", "password"),
    [
        (WHOLE, BARE, "p:w@x"),
        (BARE, BARE, ""),
        ("socks5://[::1]:1080", "socks5://[::1]:1080", ""),
        ("proxy.example:3128", "proxy.example:3128", ""),
        ("ann:pw@proxy.example", "ann@proxy.example", "pw"),
        ("", "", ""),
    ],
)
def test_an_address_is_taken_apart_and_put_together(address, bare, password):
    assert parted(address) == (bare, password)
    assert joined(bare, password) == address
    assert password == "" or password not in shown(address)


def test_what_was_hidden_is_meant_again_when_it_comes_back():
    assert completed(shown(WHOLE).replace("3128", "8080"), WHOLE) == WHOLE.replace("3128", "8080")
    assert completed(" ann:new@proxy.example ", WHOLE) == "http://ann:new@proxy.example"
    assert completed("", WHOLE) == ""


def test_the_keyring_keeps_the_password_and_forgets_it_with_the_address(ring):
    assert keep_proxy(WHOLE) == BARE
    assert whole_proxy(BARE) == WHOLE
    assert keep_proxy(completed(shown(BARE, kept=True), BARE), BARE) == BARE
    assert whole_proxy(BARE) == WHOLE, "left as it was"
    assert keep_proxy("http://other:1", BARE) == "http://other:1"
    assert ring.kept == {}
    assert whole_proxy(BARE) == BARE


def test_the_keyring_forgets_a_password_alone(ring):
    keep_proxy(WHOLE)
    assert keep_proxy(BARE, BARE) == BARE
    assert ring.kept == {}
    assert keep_proxy(BARE, BARE) == BARE, "there was none any more"


def test_a_hidden_password_goes_with_the_address_that_it_stands_in(ring):
    keep_proxy(WHOLE)
    typed = shown(BARE, kept=True).replace("3128", "8080")
    assert keep_proxy(completed(typed, BARE), BARE) == BARE.replace("3128", "8080")
    assert whole_proxy(BARE) == BARE
    assert whole_proxy(BARE.replace("3128", "8080")) == WHOLE.replace("3128", "8080")


def test_a_password_that_the_keyring_does_not_let_go_of_is_told(ring):
    keyring.set_keyring(Locked())
    with pytest.raises(KeyringLocked):
        keep_proxy(BARE, BARE)
    assert keep_proxy("http://other:1", BARE) == "http://other:1"


class Full(InMemory):
    """Tells what it has and takes nothing new."""

    def set_password(self, service, username, password):
        raise PasswordSetError("no room")


@pytest.mark.parametrize("refusing", [Full, Locked])
def test_a_hidden_password_that_cannot_move_stays_where_it_is(ring, refusing):
    keep_proxy(WHOLE)
    refuses = refusing()
    refuses.kept = before = dict(ring.kept)
    keyring.set_keyring(refuses)
    typed = completed(shown(BARE, kept=True).replace("3128", "8080"), BARE)
    with pytest.raises(KeyringLocked):
        keep_proxy(typed, BARE)
    assert refuses.kept == before
    keyring.set_keyring(ring)
    assert whole_proxy(BARE) == WHOLE


def test_a_hidden_password_that_stands_in_the_file_stays_there_without_a_keyring(ring):
    keyring.set_keyring(Full())
    moved = shown(WHOLE).replace("3128", "8080")
    assert keep_proxy(moved, WHOLE) == WHOLE.replace("3128", "8080")


def test_dots_are_never_a_password(ring):
    dots = shown(BARE, kept=True)
    assert keep_proxy(dots, dots) == BARE
    assert keep_proxy(dots.replace("3128", "8080"), dots) == BARE.replace("3128", "8080")
    assert keep_proxy(dots) == BARE
    assert ring.kept == {}


def test_where_the_keyring_is_locked_the_address_is_used_as_it_is(ring):
    keyring.set_keyring(Locked())
    assert keep_proxy(WHOLE) == WHOLE
    assert whole_proxy(WHOLE) == WHOLE
    assert whole_proxy(BARE) == BARE
