"""The rows of ``failures`` about files of models: title, text, way out."""

from .translate import tr_noop

CHECKPOINT: dict[str, tuple[str, str, str]] = {
    "checkpoint": (
        tr_noop("This is no model that can be opened"),
        tr_noop("{path@the file} cannot be used as a model{why+: }."),
        tr_noop("Choose another file, or download the model again."),
    ),
    "not-found": (
        tr_noop("Not found"),
        tr_noop("There is nothing at {path|this place}."),
        tr_noop("Check the name, or whether its disk is connected."),
    ),
    "moved-checkpoint": (
        tr_noop("The model is not where it was"),
        tr_noop(
            "There is nothing at {path|its place} any more: the model was renamed, "
            "moved or deleted outside Rookery, or its disk is not connected."
        ),
        tr_noop("Put it back and try again, or choose it where it is now."),
    ),
    "unreadable": (
        tr_noop("The file cannot be read"),
        tr_noop("{path@the file} cannot be read{why+: }{said+: }."),
        tr_noop("Check that it is a file that you may open, and that its disk is in order."),
    ),
    "changed-checkpoint": (
        tr_noop("The model file has changed"),
        tr_noop("{path@the file} was written to while its model was open."),
        tr_noop("Open the model again."),
    ),
    "damaged-checkpoint": (
        tr_noop("The model file is damaged"),
        tr_noop("{path@the file} is damaged or incomplete{why+: }{missing+, }."),
        tr_noop("Download it again."),
    ),
    "unfit-checkpoint": (
        tr_noop("These tensors make no model"),
        tr_noop(
            "{path@the file} can be read, but its tensors do not make an RWKV{why+: }{missing+, }."
        ),
        tr_noop(
            "If you trained or converted it, save all of the model's weights (its "
            "state_dict) again; otherwise ask who made it how it is to be read."
        ),
    ),
    "damaged-state": (
        tr_noop("The state is damaged"),
        tr_noop("{path@the file} is no whole state{why+: }{missing+, }."),
        tr_noop("Make the state anew, or take a copy of the file that is whole."),
    ),
    "hostile-checkpoint": (
        tr_noop("This file is not safe"),
        tr_noop("{path@the file} was refused{why+: }. Nothing in it was run."),
        tr_noop(
            "If it is your own, save its weights alone (the state_dict). If it came "
            "from others, open it with no other program, and get the model from a "
            "source you trust."
        ),
    ),
    "misread-checkpoint": (
        tr_noop("Rookery cannot read this file"),
        tr_noop(
            "{path@the file} may be in order: Rookery made a mistake while reading it{said+: }."
        ),
        tr_noop("Please report this mistake, if you can together with the file."),
    ),
    "foreign-checkpoint": (
        tr_noop("This is not an RWKV model"),
        tr_noop("{path@the file} is not an RWKV model{found+; found: }."),
        tr_noop("Rookery runs RWKV-4 to RWKV-7: choose a model of these."),
    ),
    "unsupported-format": (
        tr_noop("This kind of file is not read"),
        tr_noop("{path@the file} is of a kind that is not read{found+: }."),
        tr_noop("What is needed: {wanted|a .pth, .safetensors or .gguf file}."),
    ),
    "not-weights": (
        tr_noop("There is no model in this file"),
        tr_noop("{path@the file} holds no weights of a model{found+: }."),
        tr_noop("Keep it if you train with it, and open the file that holds the weights."),
    ),
    "unsupported-variant": (
        tr_noop("This RWKV variant is not run yet"),
        tr_noop("{path@the file} holds {found|an experimental RWKV}, which is not run."),
        tr_noop("Choose an official RWKV-4, 5, 6 or 7 model."),
    ),
}

INSTEAD = {
    "pointer": tr_noop(
        "Fetch the file that it points to: run git lfs pull in its folder, or download the model."
    ),
    "page": tr_noop(
        "Get the file itself: sign in or accept the terms on its page first, or look for the "
        "model in Rookery."
    ),
}
"""The way out for what was saved in a file's place, by ``why``."""
