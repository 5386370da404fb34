"""What a new conversation begins with, and where that stands in the settings; shows nothing."""

import msgspec

from app.runtime.protocol.prompts import Sampling

from .records import Conversation, ReplyOptions, Think
from .settings import Settings

KEYS = {
    "system": "system_prompt",
    "template": "default_template",
    "think": "default_think",
    "limit": "default_limit",
    "sampling": "default_sampling",
    "options": "default_options",
}


class ChatDefaults(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a Conversation that say how its replies are made, for those to come.

    ``template`` "" is the model's own and ``sampling`` None what the model recommends.
    """

    system: str = ""
    template: str = ""
    think: Think = "off"
    limit: int = 2048
    sampling: Sampling | None = None
    options: ReplyOptions = ReplyOptions()


NAMES: tuple[str, ...] = ChatDefaults.__struct_fields__


def defaults_in(settings: Settings) -> ChatDefaults:
    """The defaults as the person has chosen them."""
    return ChatDefaults(**{name: getattr(settings.now, key) for name, key in KEYS.items()})


def keep_defaults(settings: Settings, defaults: ChatDefaults) -> None:
    """Make these the defaults; only what is different is written."""
    now = defaults_in(settings)
    settings.change(**{KEYS[name]: getattr(defaults, name) for name in different(now, defaults)})


def settings_of(conversation: Conversation) -> ChatDefaults:
    """How the replies of a conversation are made, as defaults for others."""
    return ChatDefaults(**{name: getattr(conversation, name) for name in NAMES})


def different(
    one: Conversation | ChatDefaults, other: Conversation | ChatDefaults
) -> tuple[str, ...]:
    """The names of what is not the same in both."""
    return tuple(name for name in NAMES if getattr(one, name) != getattr(other, name))
