"""``rookery cards``: the NVIDIA cards of this machine, and whether models run on them."""

from argparse import Namespace

import msgspec

from app.cli.output import emit, note, print_json
from app.messages.gpu_status import gpu_in_words, use_of_gpus_in_words
from app.system.gpus import gpus, usable


def run(options: Namespace) -> int:
    """Print one line a card; what it means is said on stderr."""
    found = gpus()
    if options.json:
        able = usable(found)
        facts = [
            {**msgspec.to_builtins(gpu), "device": gpu.device, "usable": gpu in able}
            for gpu in found
        ]
        print_json({"cards": facts, "words": use_of_gpus_in_words(found)})
        return 0
    for gpu in found:
        emit(f"{gpu.device}  {gpu_in_words(gpu)}")
    note(use_of_gpus_in_words(found))
    return 0
