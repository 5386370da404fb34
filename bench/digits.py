"""The task of a small trained RWKV-7: it reads digits and a comma and writes them backwards."""

import torch

from app.runtime.models import Rwkv

_COMMA, _END = 10, 11  # ids 0 to 9 are the digits
_LENGTHS = (8, 24, 40, 56)


def written_right(model: Rwkv, texts: int = 64) -> float:
    """The share of digits, of ``texts`` fixed numbers of each length, that come out right.

    What is written goes back in, right or wrong; the ending counts as a digit.
    """
    random = torch.Generator().manual_seed(1)
    right = asked = 0
    for length in _LENGTHS:
        numbers = torch.randint(10, (texts, length), generator=random)
        wanted = torch.cat((numbers.flip(1), torch.full((texts, 1), _END)), 1)
        prompt = torch.cat((numbers, torch.full((texts, 1), _COMMA)), 1)
        state = model.blank(texts)
        best = model.forward(prompt, state).argmax(-1)
        for place in range(length + 1):
            right += int((best == wanted[:, place]).sum())
            best = model.forward(best[:, None], state).argmax(-1)
        asked += wanted.numel()
    return right / asked
