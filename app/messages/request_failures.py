"""The sentences for requests that cannot be run as asked, by reason.

Each is what happened and the way out; ``failures`` fills in the facts.
"""

from .state_failures import STATE_REFUSALS

REFUSALS = {
    "": ("This cannot be done{why+: }.", "Change it and try again."),
    "no-turns": ("There is nothing to answer yet.", "Write a message first."),
    "unknown-template": (
        'This model has no chat template "{template|of its own}".',
        "Choose one of those that the model has, or complete a plain text.",
    ),
    "sampling": ("The value {value} means nothing for {name}.", "It must be {wanted}."),
    "all-banned": (
        "Every token is banned, so none can be chosen.",
        "Take some of the bans away.",
    ),
    "empty-stop": (
        "A stop text is empty, which would stop everything at once.",
        "Write something into it, or remove it.",
    ),
    "unknown-word": (
        'This model\'s vocabulary cannot write "{word}".',
        "Use the notation that it was trained on.",
    ),
    "machine": (
        'No machine is called "{value}", and no file of that name describes one{said+: }.',
        "Machines that are known: {wanted}.",
    ),
    "model-open": ("A model is open already.", "Close it before opening another one."),
    "limit": ("{value} is no number of tokens.", "Ask for 0 tokens or more."),
    **STATE_REFUSALS,
    "token": (
        "Token {value} is not among the {vocabulary} of this model.",
        "Use ids from 0 on that are smaller.",
    ),
}
