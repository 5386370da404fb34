"""Shapes told without a file: against headers of every generation, and released files."""

import pytest

from app.runtime.checkpoint.identify import _BLOCK, _OUTER, identify
from app.runtime.sizes import spec_of

GENERATIONS = ("4", "5.0", "5.1", "5.2", "6.0", "7.0")
RANKS7 = {(12, 768): (64, 64, 32, 128), (32, 4096): (128, 128, 96, 480)}


def header(generation, layers, width, vocabulary):
    """Names and shapes as in the header of an official checkpoint."""
    gated = generation in ("5.1", "5.2", "6.0")
    mix = 64 if width == 4096 else 32
    ranks = dict(zip("wavg", RANKS7.get((layers, width), (64, 64, 32, 128)), strict=True))
    letters = {
        "V": vocabulary,
        "C": width,
        "A": width,
        "F": int(3.5 * width) // 32 * 32 if gated else 4 * width,
        "H": width // 64,
        "N": 64,
        "D": 5 * mix,
        "d": mix,
        "e": 2 * mix,
        "5": 5,
    } | ranks
    named = dict(_OUTER)
    for layer in range(layers):
        named |= {f"blocks.{layer}.{name}": shape for name, shape in _BLOCK[generation].items()}
    return {name: tuple(letters[one] for one in shape) for name, shape in named.items()}


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize(("layers", "width"), [(12, 768), (32, 4096)])
def test_the_shape_is_the_one_that_a_files_header_tells(generation, layers, width):
    told = identify(header(generation, layers, width, 65536))
    assert spec_of(generation, layers, width, 65536) == told


@pytest.mark.parametrize(
    ("layers", "width", "parameters"),
    [
        (12, 768, 191_084_544),
        (24, 1024, 450_834_432),
        (24, 2048, 1_527_668_736),
        (32, 2560, 2_948_065_280),
        (32, 4096, 7_199_932_416),
        (61, 4096, 13_270_298_624),
    ],
)
def test_released_sizes_of_generation_7_have_their_exact_parameters(layers, width, parameters):
    spec = spec_of("7.0", layers, width, 65536)
    assert spec is not None
    assert (spec.parameters, spec.heads, spec.head_size) == (parameters, width // 64, 64)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_missing_sizes_make_no_shape(generation):
    assert spec_of(generation, 0, 768, 65536) is None
    assert spec_of(generation, 12, 0, 65536) is None
    assert spec_of(generation, 12, 768, 0) is None


def test_unknown_generations_make_no_shape():
    assert spec_of("", 12, 768, 65536) is None
    assert spec_of("8.0", 12, 768, 65536) is None
