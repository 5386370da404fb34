"""The sentences for requests that are refused, by reason: what happened, and the way out."""

REQUEST: dict[str, tuple[str, str]] = {
    "": ("This cannot be done{why+: }.", "Change it and try again."),
    "no-turns": ("There is nothing to answer yet.", "Write a message first."),
    "unknown-template": (
        'This model has no chat template "{template|of its own}".',
        "Choose one of those that the model has, or complete a plain text.",
    ),
    "sampling": (
        "The value {value|given} means nothing for {name|this}.",
        "It must be {least|one} to {most|another}.",
    ),
    "sampling-least": (
        "The value {value|given} means nothing for {name|this}.",
        "It must be {least|0} or more.",
    ),
    "all-banned": (
        "Every token is banned, so none can be chosen.",
        "Take some of the bans away.",
    ),
    "empty-stop": (
        "A stop text is empty, which would stop everything at once.",
        "Write something into it, or remove it.",
    ),
    "unknown-word": (
        'This model\'s vocabulary cannot write "{word|this}".',
        "Use the notation that it was trained on.",
    ),
    "machine": (
        'No machine is called "{value|this}", and no file of that name describes one{said+: }.',
        "Machines that are known: {wanted|none}.",
    ),
    "model-open": ("A model is open already.", "Close it before opening another one."),
    "limit": ("{value|That} is no number of tokens.", "Ask for 0 tokens or more."),
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
    "state-layers": (
        "{path@the state} does not fit this model: it has {found|other} layers, and the model has "
        "{wanted|others}.",
        "Open the model that it was made for.",
    ),
    "state-tensors": (
        "{path@the state} does not fit this model: it has {found|other} tensors, and a state of "
        "the model has {wanted|others}.",
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
        "There is no state after {value|so many} tokens: the text has {tokens|fewer}.",
        "Name a place within the text.",
    ),
    "state-nothing": (
        "There is nothing to make a state of.",
        "Give a text, token ids, or a state to begin with.",
    ),
    "no-token": ("There is no token to run.", "Give it a text or token ids."),
    "bench-too-much": (
        "It is more than {texts|so many} texts and {tokens|so many} tokens of prompts.",
        "Ask for less.",
    ),
    "too-long": ("It is longer than {limit_bytes|so many} bytes.", "Make it shorter."),
    "pack-format": (
        "Only int8 and int4 are packed{value+, not }.",
        "Choose one of these, for example cpu int8.",
    ),
    "packed-already": (
        "The model is a packed copy already.",
        "Use it as it is, or pack its original.",
    ),
    "pack-onto-itself": (
        "A copy cannot take the place of its own model.",
        "Choose another name or folder for it.",
    ),
    "token": (
        "Token {value|given} is not among the {vocabulary|tokens} of this model.",
        "Use ids from 0 on that are smaller.",
    ),
}
