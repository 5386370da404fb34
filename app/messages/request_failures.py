"""The sentences for requests that cannot be run as asked, by reason.

Each is what happened and the way out; ``failures`` fills in the facts.
"""

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
    "state-model": (
        "{path@the state} was made with other weights{model+, those of }.",
        "Open the model that made it, or make the state anew with this one.",
    ),
    "state-tokenizer": (
        "{path@the state} was made with the tokenizer {found|of another model}, and this model has "
        "{wanted|another one}.",
        "Make the state anew with this model.",
    ),
    "state-unfit": (
        "{path@the state} does not fit this model{found+: it has }{wanted+, and the model needs }.",
        "Open the model that it was made for.",
    ),
    "state-vectors": (
        "{path@the state} is a tuned state, and RWKV-4 has none: it keeps no matrices.",
        "Open the model that it was made for.",
    ),
    "state-none": (
        "{path@the file} holds no state{found+, but tensors such as }.",
        "A state is a file that Rookery saved, or a .pth, .st or .state with the time_state of "
        "every layer.",
    ),
    "state-format": (
        "{path@the state} was made with {found|another format}, and the model runs in "
        "{wanted|another one}.",
        "Open the model as it was then, or make the state anew.",
    ),
    "state-nowhere": (
        "No place is given at which a state should be taken.",
        "Name one, from 0 to the number of tokens.",
    ),
    "state-place": (
        "There is no state after {value} tokens: the text has {tokens}.",
        "Name a place within the text.",
    ),
    "state-nothing": (
        "There is nothing to make a state of.",
        "Give a text, token ids, or a state to begin with.",
    ),
    "token": (
        "Token {value} is not among the {vocabulary} of this model.",
        "Use ids from 0 on that are smaller.",
    ),
}
