"""Finds the official shape of a model by the size in its name and by its bytes."""

import msgspec

from app.runtime.sizes import spec_of
from app.runtime.spec import Spec


class Clue(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a file: its generation's first digit and billions of parameters ("" and
    0 where the name does not tell), its vocabulary, its bytes where they are plain numbers.

    ``first`` marks the first World release, ``neox`` a model of the Pile alone.
    """

    digit: str
    billions: float
    vocabulary: int
    bytes: int
    first: bool = False
    pile: bool = False


# Billions in the name -> layers and width, by the generation's first digit.
_CLASSES: dict[str, dict[float, tuple[int, int]]] = {
    "4": {
        0.1: (12, 768),
        0.169: (12, 768),
        0.4: (24, 1024),
        0.43: (24, 1024),
        1.5: (24, 2048),
        3: (32, 2560),
        7: (32, 4096),
        14: (40, 5120),
    },
    "5": {
        0.1: (12, 768),
        0.4: (24, 1024),
        1.5: (24, 2048),
        3: (32, 2560),
        7: (32, 4096),
        12: (32, 5120),
    },
    "6": {
        1: (24, 2048),
        1.6: (24, 2048),
        3: (32, 2560),
        7: (32, 4096),
        12: (32, 5120),
        14: (61, 4096),
    },
    "7": {
        0.1: (12, 768),
        0.191: (12, 768),
        0.4: (24, 1024),
        1.5: (24, 2048),
        2.9: (32, 2560),
        7.2: (32, 4096),
        13.3: (61, 4096),
    },
}
_PILE7 = {
    0.164: (33, 512),
    0.165: (25, 576),
    0.168: (12, 768),
    0.421: (24, 1024),
    1.47: (24, 2048),
}
# Digit and vocabulary -> billions -> generation, layers and width.
_MUSIC = {
    ("4", 20096): {0.12: ("4", 29, 512), 0.56: ("4", 64, 800)},
    ("4", 128): {0.082: ("4", 24, 512)},
    ("5", 20096): {0.12: ("5.0", 23, 576), 0.56: ("5.1", 53, 896)},
    ("5", 128): {0.082: ("5.1", 24, 512)},
}
_MUSICAL = (128, 2176, 20096)
_NEAR = 0.01
_HEADER_BYTES = 6000  # of a block's tensors, at most, in a .pth


def shape_of(clue: Clue) -> Spec | None:
    """The only official shape that fits; None if none or several do."""
    if clue.vocabulary in _MUSICAL:
        music = _MUSIC.get((clue.digit, clue.vocabulary), {}).get(clue.billions)
        return spec_of(*music, clue.vocabulary) if music else None
    if not clue.digit:
        return _only([spec for digit in _CLASSES for spec in _by_bytes(digit, clue)])
    classes = _PILE7 if clue.digit == "7" and clue.pile else _CLASSES.get(clue.digit, {})
    if clue.billions in classes:
        spec = spec_of(_generation(clue.digit, clue), *classes[clue.billions], clue.vocabulary)
        return spec if spec and _is_near(spec, clue.bytes) else None
    return _only(_by_bytes(clue.digit, clue))


def generation_of(digit: str) -> str:
    """The exact generation, if its first digit is enough to tell it; else ""."""
    return {"4": "4", "6": "6.0", "7": "7.0"}.get(digit, "")


def _generation(digit: str, clue: Clue) -> str:
    """The exact generation; for a digit 5 that is 5.0 for the first World release, else 5.2."""
    return generation_of(digit) or ("5.0" if clue.first else "5.2")


def _by_bytes(digit: str, clue: Clue) -> list[Spec]:
    """The shapes whose numbers in 16 or 32 bits, plus a header, have this many bytes."""
    places = sorted(set(_CLASSES.get(digit, {}).values()))
    specs = (spec_of(_generation(digit, clue), *place, clue.vocabulary) for place in places)
    return [spec for spec in specs if spec and _is_exact(spec, clue.bytes)]


def _only(specs: list[Spec]) -> Spec | None:
    return specs[0] if len(specs) == 1 else None


def _is_near(spec: Spec, size: int) -> bool:
    return not size or any(abs(size / (spec.parameters * each) - 1) < _NEAR for each in (2, 4))


def _is_exact(spec: Spec, size: int) -> bool:
    return any(0 < size - spec.parameters * each < _HEADER_BYTES * spec.layers for each in (2, 4))
