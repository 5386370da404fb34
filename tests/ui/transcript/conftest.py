"""The transcript is tested in the chat it belongs to: the fixtures are the chat's."""

from tests.ui.chat.conftest import *  # noqa: F403
