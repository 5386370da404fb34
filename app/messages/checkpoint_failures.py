"""The rows of ``failures`` about files of models: title, text, way out."""

CHECKPOINT: dict[str, tuple[str, str, str]] = {
    "checkpoint": (
        "This is no model that can be opened",
        "{path@the file} cannot be used as a model{why+: }.",
        "Choose another file, or download the model again.",
    ),
    "not-found": (
        "Not found",
        "There is nothing at {path|this place}.",
        "Check the name, or whether its disk is connected.",
    ),
    "moved-checkpoint": (
        "The model is not where it was",
        "There is nothing at {path|its place} any more: the model was renamed, moved or deleted "
        "outside Rookery, or its disk is not connected.",
        "Put it back and try again, or choose it where it is now.",
    ),
    "unreadable": (
        "The file cannot be read",
        "{path@the file} cannot be read{why+: }{said+: }.",
        "Check that it is a file that you may open, and that its disk is in order.",
    ),
    "changed-checkpoint": (
        "The model file has changed",
        "{path@the file} was written to while its model was open.",
        "Open the model again.",
    ),
    "damaged-checkpoint": (
        "The model file is damaged",
        "{path@the file} is damaged or incomplete{why+: }{missing+, }.",
        "Download it again.",
    ),
    "unfit-checkpoint": (
        "These tensors make no model",
        "{path@the file} can be read, but its tensors do not make an RWKV{why+: }{missing+, }.",
        "If you trained or converted it, save all of the model's weights (its state_dict) again; "
        "otherwise ask who made it how it is to be read.",
    ),
    "damaged-state": (
        "The state is damaged",
        "{path@the file} is no whole state{why+: }{missing+, }.",
        "Make the state anew, or take a copy of the file that is whole.",
    ),
    "hostile-checkpoint": (
        "This file is not safe",
        "{path@the file} was refused{why+: }. Nothing in it was run.",
        "If it is your own, save its weights alone (the state_dict). If it came from others, open "
        "it with no other program, and get the model from a source you trust.",
    ),
    "misread-checkpoint": (
        "Rookery cannot read this file",
        "{path@the file} may be in order: Rookery made a mistake while reading it{said+: }.",
        "Please report this mistake, if you can together with the file.",
    ),
    "foreign-checkpoint": (
        "This is not an RWKV model",
        "{path@the file} is not an RWKV model{found+; found: }.",
        "Rookery runs RWKV-4 to RWKV-7: choose a model of these.",
    ),
    "unsupported-format": (
        "This kind of file is not read",
        "{path@the file} is of a kind that is not read{found+: }.",
        "What is needed: {wanted|a .pth, .safetensors or .gguf file}.",
    ),
    "not-weights": (
        "There is no model in this file",
        "{path@the file} holds no weights of a model{found+: }.",
        "Keep it if you train with it, and open the file that holds the weights.",
    ),
    "unsupported-variant": (
        "This RWKV variant is not run yet",
        "{path@the file} holds {found|an experimental RWKV}, which is not run.",
        "Choose an official RWKV-4, 5, 6 or 7 model.",
    ),
}

INSTEAD = {
    "pointer": "Fetch the file that it points to: run git lfs pull in its folder, or download the "
    "model.",
    "page": "Get the file itself: sign in or accept the terms on its page first, or look for the "
    "model in Rookery.",
}
"""The way out for what was saved in a file's place, by ``why``."""
