"""What texts go through in a model, told by what it computes at each step."""

import torch

from app.runtime.states.state import stack


def token(*ids):
    """One token for each of several texts."""
    return torch.tensor([[one] for one in ids])


def coming_and_going(model):
    """Logits and memories of texts that are run, copied, joined, parted and overwritten."""
    said = []
    one = model.blank()
    said += [model.forward(token(t), one) for t in (3, 4, 5)]
    other = one.clone()
    said += [model.forward(token(t), other) for t in (6, 7)]
    both = stack([one, other])
    said += [model.forward(token(t, t + 1), both) for t in (8, 9, 10)]
    said.append(model.forward(torch.arange(22).reshape(2, 11), both))
    said.append(model.forward(token(11, 12), both))
    left = both.rows([1])
    del both
    said += [model.forward(token(t), left) for t in (13, 14)]
    three = stack([left, one, other])
    said.append(model.forward(token(1, 2, 3), three, every=True))
    three.put(0, one)
    said.append(model.forward(token(4, 5, 6), three))
    said.append(model.forward(torch.arange(6).reshape(3, 2), three, every=True))
    ended = [three.host(), one.host(), left.host()]
    return said + [part for state in ended for part in (state.wkv, state.shift)]
