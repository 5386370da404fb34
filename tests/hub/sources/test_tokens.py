"""Tokens in the system's keyring, with one and without."""

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyring
from keyring.errors import KeyringLocked, PasswordDeleteError

from app.errors import KeyringMissing
from app.hub.sources.tokens import keep_token, token_for
from app.messages.failures import one_line

HERE, THERE = "https://huggingface.co", "https://hub.example"


class InMemory(KeyringBackend):
    priority = 1

    def __init__(self):
        self.kept = {}

    def get_password(self, service, username):
        return self.kept.get((service, username))

    def set_password(self, service, username, password):
        self.kept[service, username] = password

    def delete_password(self, service, username):
        if (service, username) not in self.kept:
            raise PasswordDeleteError
        del self.kept[service, username]


class Locked(InMemory):
    def get_password(self, service, username):
        raise KeyringLocked("the person said no")

    def set_password(self, service, username, password):
        raise KeyringLocked("the person said no")


@pytest.fixture
def using():
    before = keyring.get_keyring()
    yield keyring.set_keyring
    keyring.set_keyring(before)


def test_each_hub_has_its_own_token_which_can_be_forgotten(using):
    using(InMemory())
    keep_token(HERE, "hf_a")
    keep_token(THERE, "hf_b")
    assert (token_for(HERE), token_for(THERE)) == ("hf_a", "hf_b")
    keep_token(HERE, "")
    keep_token(HERE, "")
    assert (token_for(HERE), token_for(THERE)) == ("", "hf_b")


def test_without_a_keyring_there_is_no_token_and_none_is_kept(using):
    using(NoKeyring())
    assert token_for(HERE) == ""
    keep_token(HERE, "")
    with pytest.raises(KeyringMissing) as caught:
        keep_token(HERE, "hf_a")
    assert "HF_TOKEN" in one_line(caught.value)
    assert "hf_a" not in one_line(caught.value)


def test_a_locked_keyring_is_said_to_be_so(using):
    using(Locked())
    assert token_for(HERE) == ""
    for token in ("hf_a", ""):
        with pytest.raises(KeyringMissing):
            keep_token(HERE, token)
