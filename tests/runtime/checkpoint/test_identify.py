"""Generation and sizes from names and shapes: what is told apart, what is refused and how."""

import pytest

from app.errors import DamagedCheckpoint, ForeignCheckpoint, UnsupportedVariant
from app.messages.failures import say
from app.runtime.checkpoint import identify
from tests.support.checkpoints import GENERATIONS, random_tensors


def shapes(generation="7.0", **sizes):
    tensors = random_tensors(generation, **sizes)
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def refusal(family, found):
    with pytest.raises(family) as caught:
        identify(found)
    return caught.value.facts


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("layers", [1, 3, 61])
def test_every_generation_is_known_by_its_shapes(generation, layers):
    spec = identify(shapes(generation, layers=layers))
    assert (spec.generation, spec.layers) == (generation, layers)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_missing_tensor_is_told_by_name(generation):
    whole = shapes(generation)
    unused = {f"blocks.0.att.v{n}" for n in "012"}
    for name in whole:
        lacking = {other: shape for other, shape in whole.items() if other != name}
        if name in unused:
            assert identify(lacking).generation == generation
        elif name.endswith("gate.weight") and generation == "5.1":
            assert refusal(DamagedCheckpoint, lacking)
        else:
            facts = refusal((DamagedCheckpoint, UnsupportedVariant), lacking)
            told = facts.get("missing") or facts.get("why") or facts["found"]
            assert told


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_missing_block_is_damage(generation):
    whole = shapes(generation)
    lacking = {name: shape for name, shape in whole.items() if not name.startswith("blocks.1.")}
    assert refusal(DamagedCheckpoint, lacking)["missing"].startswith("blocks.1.")


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_shape_that_contradicts_another_is_damage(generation):
    """Every axis of every tensor, but the ranks and sizes that only one pair of tensors knows."""
    whole = shapes(generation)
    accepted = []
    for name, shape in whole.items():
        for axis in range(len(shape)):
            odd = (*shape[:axis], shape[axis] + 1, *shape[axis + 1 :])
            try:
                identify(whole | {name: odd})
            except DamagedCheckpoint:
                continue
            accepted.append((name, axis))
    assert not accepted


@pytest.mark.parametrize("generation", GENERATIONS)
def test_blocks_of_different_sizes_are_damage(generation):
    small, large = shapes(generation), shapes(generation, ffn_width=128)
    mixed = {name: (large if name.startswith("blocks.2.") else small)[name] for name in small}
    refusal(DamagedCheckpoint, mixed)


def test_ranks_may_differ_from_block_to_block():
    whole = shapes("7.0")
    whole["blocks.1.att.w1"], whole["blocks.1.att.w2"] = (64, 40), (40, 64)
    assert identify(whole).generation == "7.0"


def test_heads_must_make_up_the_attention_width():
    facts = refusal(DamagedCheckpoint, shapes("7.0") | {"blocks.0.att.r_k": (4, 8)})
    assert facts["why"]
    whole = {n: (3,) if n.endswith(("decay", "first")) else s for n, s in shapes("5.0").items()}
    assert "heads" in refusal(DamagedCheckpoint, whole)["why"]


@pytest.mark.parametrize("shape", [(0, 64), (97, 0), (), (97,), (97, 64, 1), (-1, 64)])
def test_a_head_of_no_size_is_damage(shape):
    refusal(DamagedCheckpoint, shapes() | {"head.weight": shape})


VARIANTS = {
    "blocks.0.ffn.s_emb.weight": "RWKV-7a",
    "blocks.0.qkv.k_emb.weight": "RWKV-7b",
    "blocks.0.qkv.qq.weight": "RWKV-7b",
    "blocks.0.ffn.enn.weight": "RWKV-8",
    "blocks.0.qkv.kkup.weight": "RWKV-8 hybrid",
    "blocks.0.qkv.emm.weight": "RWKV-8 hybrid",
    "blocks.0.rosa.q.weight": "ROSA",
    "rosa_emb.weight": "ROSA",
    "blocks.0.att.time_maa_rkvw_w1": "RWKV-6b",
    "blocks.0.att.gate_w1": "RWKV-6a",
    "blocks.0.tiny_q.weight": "RWKV-4a",
    "blocks.1.tiny_ln.weight": "RWKV-4a",
    "blocks.0.ffnPre.key.weight": "ffnPre",
    "blocks.0.ffnpre.key.weight": "ffnPre",
    "head_q.weight": "head QK",
    "pos_emb_x": "position",
    "blocks.0.ffn.aa": "MishGLU",
    "blocks.0.att.qq.weight": "QK",
}


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("generation", ["4", "6.0", "7.0"])
def test_research_variants_are_named_and_refused(name, generation):
    facts = refusal(UnsupportedVariant, shapes(generation) | {name: (64, 64)})
    assert VARIANTS[name] in say(UnsupportedVariant(**facts)).text


def test_the_hybrid_is_told_from_the_variant_it_resembles():
    both = {"blocks.0.qkv.qq.weight": (64, 64), "blocks.0.qkv.kkup.weight": (64, 64)}
    assert "hybrid" in refusal(UnsupportedVariant, shapes() | both)["found"]


def test_a_tensor_that_the_mathematics_does_not_know_is_refused():
    facts = refusal(UnsupportedVariant, shapes() | {"blocks.2.att.new": (64,)})
    assert facts["name"] == "blocks.2.att.new"
    refusal(UnsupportedVariant, shapes() | {"head.bias": (97,)})
    refusal(UnsupportedVariant, shapes() | {"": (97,)})


def test_tensors_of_another_model_are_foreign():
    facts = refusal(ForeignCheckpoint, {"conv.weight": (3, 3)})
    assert facts["name"] == "conv.weight"
    refusal(ForeignCheckpoint, {})
    refusal(ForeignCheckpoint, {"blocks.0.attn.qkv.weight": (3, 3)})


def test_very_many_blocks_end_at_once():
    refusal(DamagedCheckpoint, shapes() | {"blocks.9999.ln1.weight": (64,)})


def test_a_merged_state_must_fit_the_heads():
    for generation in ("5.0", "5.2", "6.0", "7.0"):
        whole = shapes(generation)
        state = "blocks.1.att.time_state"
        assert identify(whole | {state: (4, 16, 16)}) == identify(whole)
        refusal(DamagedCheckpoint, whole | {state: (4, 16, 8)})
        refusal(DamagedCheckpoint, whole | {state: (5, 16, 16)})
    refusal(UnsupportedVariant, shapes("4") | {"blocks.1.att.time_state": (4, 16, 16)})


def test_the_bonus_has_one_of_two_names_and_not_both():
    for generation in ("5.0", "5.1", "5.2"):
        whole = shapes(generation)
        old = "time_faaaa" if generation == "5.2" else "time_first"
        new = "time_first" if generation == "5.2" else "time_faaaa"
        renamed = {name.replace(old, new): shape for name, shape in whole.items()}
        assert identify(renamed) == identify(whole)
        refusal(UnsupportedVariant, whole | renamed)


def test_a_block_number_is_written_in_one_way():
    whole = shapes()
    refusal(UnsupportedVariant, whole | {"blocks.01.ln1.weight": (64,)})
