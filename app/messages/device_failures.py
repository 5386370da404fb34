"""The sentences for what can go wrong with a device, by code and, for a card, by reason.

Each is a heading, what happened, and the way out; ``failures`` fills in the facts.
"""

DEVICE = {
    "device": (
        "The device cannot do this",
        "The device refused the work{said+: }.",
        "Open the model with a cpu strategy.",
    ),
    "kernel": (
        "The card's kernels do not work",
        "The kernels{program+ of } do not work on this card{why+: }{said+: }.",
        "Update the NVIDIA driver, or open the model with a cpu strategy.",
    ),
    "results-wrong": (
        "The card computes wrong numbers",
        "What the card computes is not what the processor does{error+: the logits differ by }.",
        "Update the NVIDIA driver, or open the model with a cpu strategy.",
    ),
    "engine-unusable": (
        "The engine cannot be loaded",
        "PyTorch, on which models run, cannot be loaded{said+: }.",
        "Install Rookery anew: delete the folder .venv of its checkout and start it again.",
    ),
}

NO_GPU = {
    "": ("No NVIDIA card can be used here{why+: }.", "Open the model with a cpu strategy."),
    "extra": (
        "The packages that compute on an NVIDIA card are not installed{said+: }.",
        "Run python3 launch.py setup, which offers them, or install rookery[cuda13].",
    ),
    "driver": (
        "No NVIDIA driver is installed, or it is too old{said+: }.",
        "Install a driver of version {wanted|525} or newer, or use a cpu strategy.",
    ),
    "card": (
        "There is no NVIDIA card of that number here{found+; cards found: }.",
        "Use another card's number, or a cpu strategy.",
    ),
    "old": (
        "{name|This card} is too old{found+: its compute capability is }.",
        "A card of {wanted|7.5} or newer would do; use a cpu strategy.",
    ),
    "compiler": (
        "NVRTC, which compiles kernels for the card, cannot be loaded{said+: }.",
        "Install Rookery's packages for NVIDIA cards anew, or use a cpu strategy.",
    ),
    "products": (
        "cuBLAS, which multiplies matrices on the card, cannot be loaded{said+: }.",
        "Install Rookery's packages for NVIDIA cards anew, or use a cpu strategy.",
    ),
}
