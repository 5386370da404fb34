"""Why a state of a text is refused, in words; ``failures`` fills in the facts."""

STATE_REFUSALS: dict[str, tuple[str, str]] = {
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
}
"""By the fact ``why``: what is wrong, and the way out."""
