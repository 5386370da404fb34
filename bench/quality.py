"""What rounding the weights costs: each format beside float32, on the same stream of tokens.

    python -m bench.quality [--shape 0.1B] [--model PATH ...] [--digits PATH]

Ours run as the program runs them.  llama.cpp's Q8_0 and Q4_0 are put into the same matrices by the
``gguf`` package and run in float32, so that only the rounding differs.  A random checkpoint reads
random tokens; a real one reads what it wrote itself in float32, drawn from a fixed seed.  Prints
Markdown tables: bits a weight (of the blocks' matrices, and of all with the head), the error of
the blocks' matrices (root of the mean square, over that of the numbers; and times 2^bits, which is
how formats of unequal size compare), the KL divergence in nats, and how often the best token is
the same.
"""

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from app.kernels import open_ops
from app.runtime.checkpoint import Checkpoint, open_checkpoint
from app.runtime.models import Rwkv, build
from app.runtime.planning.strategy import KNOWN, parse

from .digits import written_right
from .rounding import MATRIX, WAYS, Rounded, held
from .shapes import GENERATIONS, SIZES, as_normal, shortened, with_tails, write_checkpoint

_PIECE = 64
_FULL = "cpu fp32"
_DISTRIBUTIONS = {"normal": as_normal, "with heavy tails (t, 5)": with_tails}


class Row(NamedTuple):
    """One format: its name, and the figures of the table."""

    name: str
    bits: float
    all_bits: float
    error: float
    kl: float
    kl_99: float
    same: float


def formats() -> list[str]:
    """Ours that are not exact, then llama.cpp's."""
    return [*(text for text in KNOWN if text != _FULL), *WAYS]


def open_as(checkpoint: Checkpoint, name: str) -> Rwkv:
    """A model in one of our strategies, or in float32 with matrices rounded llama.cpp's way."""
    if name in WAYS:
        return build(Rounded(checkpoint, WAYS[name]), open_ops("cpu"), parse(_FULL))
    return build(checkpoint, open_ops("cpu"), parse(name))


def compared(checkpoint: Checkpoint, names: list[str], tokens: Tensor) -> Iterator[Row]:
    """Each format's figures over a stream of tokens (1, T)."""
    exact = open_as(checkpoint, _FULL)
    wanted = _log_probabilities(exact, tokens)
    del exact
    for name in names:
        rounded = open_as(checkpoint, name)
        found = _log_probabilities(rounded, tokens)
        del rounded
        divergence = (wanted.exp() * (wanted - found)).sum(-1)
        same = (wanted.argmax(-1) == found.argmax(-1)).float().mean()
        kl, kl_99 = divergence.mean(), divergence.quantile(0.99)
        yield Row(name, *_matrices(checkpoint, name), float(kl), float(kl_99), float(same))


def random_tokens(vocabulary: int, count: int) -> Tensor:
    """(1, count) from a fixed seed."""
    return torch.randint(vocabulary, (1, count), generator=torch.Generator().manual_seed(1))


def own_tokens(model: Rwkv, count: int) -> Tensor:
    """(1, count) that the model draws itself, from a fixed seed and the token 0."""
    random, state = torch.Generator().manual_seed(1), model.blank()
    tokens = [0]
    while len(tokens) < count:
        logits = model.forward(torch.tensor([tokens[-1:]]), state)
        tokens.append(int(torch.multinomial(logits[0].softmax(-1), 1, generator=random)))
    return torch.tensor([tokens])


def table(rows: list[Row]) -> str:
    """Markdown."""
    lines = [
        "| format | bits, blocks | bits, all | error, blocks | times 2^bits | KL, mean | KL, 99 % "
        "| same best token |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        scaled = f"{row.error * 2**row.bits:.2f}"
        lines.append(
            f"| {row.name} | {row.bits:.2f} | {row.all_bits:.2f} | {row.error:.3%} | {scaled} "
            f"| {row.kl:.2e} | {row.kl_99:.2e} | {row.same:.1%} |"
        )
    return "\n".join(lines)


def _log_probabilities(model: Rwkv, tokens: Tensor) -> Tensor:
    """(T, V), read in pieces so that working memory stays small."""
    state = model.blank()
    pieces = (tokens[:, first : first + _PIECE] for first in range(0, tokens.shape[1], _PIECE))
    logits = [model.forward(piece, state, every=True)[0] for piece in pieces]
    return torch.cat(logits).double().log_softmax(-1)


def _matrices(checkpoint: Checkpoint, name: str) -> tuple[float, float, float]:
    """Bits a weight of the blocks' matrices and of all, and the relative error of the blocks'."""
    held_bits, weights, squares, missed = Counter[bool](), Counter[bool](), 0.0, 0.0
    for key in filter(MATRIX.search, checkpoint.tensors):
        exact, is_block = checkpoint.read(key, torch.float32), key.startswith("blocks.")
        way = WAYS.get(name)
        kept = way.hold(key, exact) if way else held(key, exact, parse(name).format)
        held_bits[is_block] += kept.bits
        weights[is_block] += exact.numel()
        if is_block:
            missed += float((kept.numbers - exact).double().square().sum())
            squares += float(exact.double().square().sum())
    all_bits = held_bits.total() / weights.total()
    return held_bits[True] / weights[True], all_bits, (missed / squares) ** 0.5


def _streams(asked: argparse.Namespace, folder: Path) -> Iterator[tuple[str, Path, bool]]:
    """A name, a file, and whether its numbers are random."""
    if asked.shape:
        size = SIZES[asked.shape]
        if asked.layers:
            size = shortened(size, asked.layers)
        path = folder / "random.pth"
        for kind, change in _DISTRIBUTIONS.items():
            write_checkpoint(path, asked.generation, size, change=change)
            title = f"random RWKV-{asked.generation}, {size.layers} x {size.width}, {kind}"
            yield title, path, True
    for path in asked.model:
        yield path.name, path, False


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--shape", choices=sorted(SIZES), help="of a random checkpoint")
    parser.add_argument("--layers", type=int, help="fewer than the shape has")
    parser.add_argument("--generation", choices=GENERATIONS, default="7.0")
    parser.add_argument("--model", type=Path, nargs="*", default=[], help="files with real numbers")
    parser.add_argument("--digits", type=Path, help="a model that writes numbers backwards")
    parser.add_argument("--tokens", type=int, default=256)
    parser.add_argument("--only", nargs="+", help="names or parts of names of formats")
    asked = parser.parse_args()
    names = [one for one in formats() if any(word in one for word in asked.only or [""])]
    with tempfile.TemporaryDirectory() as folder:
        for title, path, is_random in _streams(asked, Path(folder)):
            with open_checkpoint(path) as checkpoint:
                vocabulary = checkpoint.spec.vocabulary
                tokens = (
                    random_tokens(vocabulary, asked.tokens)
                    if is_random
                    else own_tokens(open_as(checkpoint, _FULL), asked.tokens)
                )
                rows = list(compared(checkpoint, names, tokens))
            print(f"{title}, {asked.tokens} tokens:\n\n{table(rows)}\n")
    if asked.digits:
        with open_checkpoint(asked.digits) as checkpoint:
            shares = [
                f"| {name} | {written_right(open_as(checkpoint, name)):.2%} |"
                for name in [_FULL, *names]
            ]
        print("\n".join(["| format | digits written right |", "|---|---|", *shares]))


if __name__ == "__main__":
    main()
