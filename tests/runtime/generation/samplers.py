"""Samplers and logits for the tests; the logits are random, and the same each time."""

import torch

from app.runtime.generation.processors import processors_of
from app.runtime.generation.sampling import Sampler


def logits_of(seed, size=200, scale=3.0):
    return torch.randn(size, generator=torch.Generator().manual_seed(seed)) * scale


def sampler_of(how, **more):
    return Sampler(how, processors_of(how, **more))
