"""The sentences for what can go wrong with a device, by code and, for a card, by reason.

Each is a heading, what happened, and the way out; ``failures`` fills in the facts.
"""

from .translate import tr_noop

DEVICE = {
    "device": (
        tr_noop("The device cannot do this"),
        tr_noop("The device refused the work{said+: }."),
        tr_noop("Open the model with a cpu strategy."),
    ),
    "kernel": (
        tr_noop("The card's kernels do not work"),
        tr_noop("The kernels{program+ of } do not work on this card{why+: }{said+: }."),
        tr_noop("Update the NVIDIA driver, or open the model with a cpu strategy."),
    ),
    "results-wrong": (
        tr_noop("The card computes wrong numbers"),
        tr_noop(
            "What the card computes is not what the processor does{error+: the logits differ by }."
        ),
        tr_noop("Update the NVIDIA driver, or open the model with a cpu strategy."),
    ),
    "engine-unusable": (
        tr_noop("The engine cannot be loaded"),
        tr_noop("PyTorch, on which models run, cannot be loaded{said+: }."),
        tr_noop(
            "Install Rookery anew: delete the folder .venv of its checkout and start it again."
        ),
    ),
}

NO_GPU = {
    "": (
        tr_noop("No NVIDIA card can be used here{why+: }."),
        tr_noop("Open the model with a cpu strategy."),
    ),
    "extra": (
        tr_noop("The packages that compute on an NVIDIA card are not installed{said+: }."),
        tr_noop("Run python3 launch.py setup, which offers them, or install rookery[cuda13]."),
    ),
    "driver": (
        tr_noop("No NVIDIA driver is installed, or it is too old{said+: }."),
        tr_noop("Install a driver of version {wanted|525} or newer, or use a cpu strategy."),
    ),
    "card": (
        tr_noop("There is no NVIDIA card of that number here{found+; cards found: }."),
        tr_noop("Use another card's number, or a cpu strategy."),
    ),
    "old": (
        tr_noop("{name|This card} is too old{found+: its compute capability is }."),
        tr_noop("A card of {wanted|7.5} or newer would do; use a cpu strategy."),
    ),
    "compiler": (
        tr_noop("NVRTC, which compiles kernels for the card, cannot be loaded{said+: }."),
        tr_noop("Install Rookery's packages for NVIDIA cards anew, or use a cpu strategy."),
    ),
    "products": (
        tr_noop("cuBLAS, which multiplies matrices on the card, cannot be loaded{said+: }."),
        tr_noop("Install Rookery's packages for NVIDIA cards anew, or use a cpu strategy."),
    ),
}
