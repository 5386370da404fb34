"""Why a state of a text is refused, in words; ``failures`` fills in the facts."""

from .translate import tr_noop

STATE_REFUSALS: dict[str, tuple[str, str]] = {
    "state-model": (
        tr_noop("{path@the state} was made with other weights{model+, those of }."),
        tr_noop("Open the model that made it, or make the state anew with this one."),
    ),
    "state-tokenizer": (
        tr_noop(
            "{path@the state} was made with the tokenizer {found|of another model}, "
            "and this model has {wanted|another one}."
        ),
        tr_noop("Make the state anew with this model."),
    ),
    "state-unfit": (
        tr_noop(
            "{path@the state} does not fit this model{found+: it has }{wanted+, and "
            "the model needs }."
        ),
        tr_noop("Open the model that it was made for."),
    ),
    "state-vectors": (
        tr_noop("{path@the state} is a tuned state, and RWKV-4 has none: it keeps no matrices."),
        tr_noop("Open the model that it was made for."),
    ),
    "state-layers": (
        tr_noop(
            "{path@the state} does not fit this model: it has {found|other} layers, "
            "and the model has {wanted|others}."
        ),
        tr_noop("Open the model that it was made for."),
    ),
    "state-tensors": (
        tr_noop(
            "{path@the state} does not fit this model: it has {found|other} tensors, "
            "and a state of the model has {wanted|others}."
        ),
        tr_noop("Open the model that it was made for."),
    ),
    "state-none": (
        tr_noop("{path@the file} holds no state{found+, but tensors such as }."),
        tr_noop(
            "A state is a file that Rookery saved, or a .pth, .st or .state with the time_state of "
            "every layer."
        ),
    ),
    "state-format": (
        tr_noop(
            "{path@the state} was made with {found|another format}, and the model runs in "
            "{wanted|another one}."
        ),
        tr_noop("Open the model as it was then, or make the state anew."),
    ),
    "state-nowhere": (
        tr_noop("No place is given at which a state should be taken."),
        tr_noop("Name one, from 0 to the number of tokens."),
    ),
    "state-place": (
        tr_noop("There is no state after {value|so many} tokens: the text has {tokens|fewer}."),
        tr_noop("Name a place within the text."),
    ),
    "state-head": (
        tr_noop(
            "Layer {layer|given} has no head {head|given}: the model has {layers|fewer} layers "
            "of {heads|fewer} heads, counted from 0."
        ),
        tr_noop("Name one that is there."),
    ),
    "state-many": (
        tr_noop("{value|So many} states are more than are taken at once."),
        tr_noop("Ask for {most|fewer} at most."),
    ),
    "state-parts": (
        tr_noop("The numbers of {value|so many} heads are more than are told at once."),
        tr_noop("Ask for fewer heads: {most_bytes|so many} bytes at most."),
    ),
    "state-nothing": (
        tr_noop("There is nothing to make a state of."),
        tr_noop("Give a text, token ids, or a state to begin with."),
    ),
    "states-full": (
        tr_noop("The named states take {found|too much}, and your limit is {wanted|less}."),
        tr_noop(
            "Delete some of them, and empty their trash; or raise the limit in the settings, under "
            "Remembered conversations."
        ),
    ),
    "start-gone": (
        tr_noop("The state that this conversation begins from is not there any more{name+: }."),
        tr_noop("Choose another beginning below the words; what was said stays."),
    ),
    "reading-model": (
        tr_noop("This text was begun with {model|another model}, and another one is open now."),
        tr_noop("Open that model in the same way, then go on."),
    ),
    "source-none": (
        tr_noop("There is no text to read{path+ in }."),
        tr_noop("Choose a text, Markdown, code, PDF or docx, or a folder of them."),
    ),
    "source-large": (
        tr_noop("There is more text{path+ in } than is read at once."),
        tr_noop("Choose fewer files: {most_bytes|so many} bytes together at most."),
    ),
}
