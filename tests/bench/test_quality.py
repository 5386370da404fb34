"""What the measurement of formats says of models whose rounding is known."""

import pytest
import torch

from app.runtime.checkpoint import open_checkpoint
from bench.digits import written_right
from bench.quality import compared, open_as, own_tokens, random_tokens, table
from bench.rounding import WAYS, held
from bench.shapes import Size, as_normal, with_tails, with_zeros, write_checkpoint

SMALL = Size(3, 128, (8, 8, 8, 16), vocabulary=512)


@pytest.fixture
def checkpoint(tmp_path):
    write_checkpoint(tmp_path / "small.pth", "7.0", SMALL, change=as_normal)
    with open_checkpoint(tmp_path / "small.pth") as checkpoint:
        yield checkpoint


def test_fewer_bits_diverge_more(checkpoint):
    rows = list(
        compared(checkpoint, ["cpu fp16", "cpu int8", "Q8_0", "Q4_0"], random_tokens(512, 90))
    )
    full, mine, theirs, coarse = rows
    assert full.kl < 1e-6
    assert full.same == 1
    assert full.kl < mine.kl < coarse.kl
    assert full.kl < theirs.kl < coarse.kl
    assert 0.003 < theirs.error < 0.008
    assert 0.05 < coarse.error < 0.12
    assert (theirs.bits, coarse.bits, coarse.all_bits) == (8.5, 4.5, 4.5)
    assert table(rows).count("\n") == 1 + len(rows)


def test_bits_are_those_of_the_packed_bytes(checkpoint):
    exact = checkpoint.read("blocks.1.ffn.key.weight", torch.float32)
    wide = torch.cat([exact] * 4, 1)
    assert held("blocks.1.ffn.key.weight", wide, "int8").bits == wide.numel() * 8.25
    assert held("blocks.1.ffn.key.weight", wide, "int4").bits == wide.numel() * 4.5
    assert held("blocks.1.ffn.key.weight", wide, "fp32").numbers.equal(wide)


def test_a_head_may_be_kept_better_than_the_blocks(checkpoint):
    exact = checkpoint.read("head.weight", torch.float32)
    fine, coarse = (WAYS[way].hold("head.weight", exact) for way in ("Q4_0, head Q8_0", "Q4_0"))
    assert (fine.numbers - exact).abs().max() < (coarse.numbers - exact).abs().max() / 4


def test_a_model_draws_the_same_stream_each_time(checkpoint):
    first, second = (own_tokens(open_as(checkpoint, "cpu fp32"), 12) for _ in range(2))
    assert first.equal(second)
    assert first.shape == (1, 12)


@pytest.mark.parametrize("change", [as_normal, with_tails])
def test_matrices_keep_their_deviation_whatever_their_distribution(tmp_path, change):
    for name, way in (("even", None), ("other", change)):
        write_checkpoint(tmp_path / f"{name}.pth", "7.0", SMALL, change=way)
    even, other = (
        torch.load(tmp_path / f"{name}.pth")["head.weight"] for name in ("even", "other")
    )
    assert other.float().std() == pytest.approx(float(even.float().std()), rel=0.03)
    assert other.abs().max() > 1.5 * even.abs().max()


def test_shifted_keys_leave_about_fifteen_percent_of_the_channels(tmp_path):
    write_checkpoint(tmp_path / "zeros.pth", "7.0", SMALL, change=with_zeros)
    with open_checkpoint(tmp_path / "zeros.pth") as checkpoint:
        model = open_as(checkpoint, "cpu fp32")
    seen, product = [], type(model.ops).matmul

    class Watched(type(model.ops)):
        def matmul(self, x, weight, act):
            y = product(self, x, weight, act)
            if act == "relu2":
                seen.append((y == 0).float().mean())
            return y

    model.ops.__class__ = Watched
    model.forward(random_tokens(512, 64), model.blank())
    assert 0.82 < torch.stack(seen).mean() < 0.88


def test_the_golden_model_writes_every_digit_in_full_precision(golden):
    with open_checkpoint(golden / "reverse-7.0.pth") as checkpoint:
        assert written_right(open_as(checkpoint, "cpu fp32"), texts=4) == 1
