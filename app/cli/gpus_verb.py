"""``rookery cards``: the NVIDIA cards of this machine, and whether models run on them."""

from argparse import Namespace

import msgspec

from app.system.gpus import cards, usable
from app.messages.gpu_status import card_in_words, use_of_cards_in_words

from .output import emit, note, print_json


def run(options: Namespace) -> int:
    """Print one line a card; what it means is said on stderr."""
    found = cards()
    if options.json:
        able = usable(found)
        facts = [
            {**msgspec.to_builtins(card), "device": card.device, "usable": card in able}
            for card in found
        ]
        print_json({"cards": facts, "words": use_of_cards_in_words(found)})
        return 0
    for card in found:
        emit(f"{card.device}  {card_in_words(card)}")
    note(use_of_cards_in_words(found))
    return 0
