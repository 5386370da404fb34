"""The model that ships: small, official in every name, and right more often than it has to be."""

import pytest
from safetensors import safe_open

from app.runtime.checkpoint.describe import describe, embedded_model
from app.runtime.loading.loading import open_model
from app.runtime.protocol.prompts import Sampling
from training.evaluate import judge, questions
from training.model import Rwkv7, Shape
from training.wkv7 import wkv7_plain

EIGHT_MEGABYTES = 8_000_000


def test_it_is_at_most_eight_megabytes():
    assert 0 < embedded_model().stat().st_size <= EIGHT_MEGABYTES


def test_its_names_shapes_and_types_are_those_of_an_official_checkpoint():
    wanted = {name: list(v.shape) for name, v in Rwkv7(Shape(), wkv7_plain).state_dict().items()}
    with safe_open(embedded_model(), "pt") as file:
        slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
        assert {name: value.get_shape() for name, value in slices.items()} == wanted
        assert {value.get_dtype() for value in slices.values()} == {"BF16"}


def test_the_library_knows_it_as_the_embedded_byte_model():
    model = describe(embedded_model())
    assert model.embedded
    assert not model.failure_code
    assert model.spec is not None
    assert (model.spec.generation, model.spec.vocabulary, model.tokenizer) == ("7.0", 256, "bytes")


@pytest.mark.parametrize("strategy", ["cpu fp32", "cpu bf16"])
def test_it_answers_held_out_questions_in_both_strategies(strategy):
    """A tenth of the held-out set; the whole is measured in docs/embedded-model.md."""
    asked = questions("questions")[::10]
    verdicts = judge(open_model(embedded_model(), strategy), asked, Sampling(temperature=0.0))
    wrong = [one.question for one in verdicts if not one.right]
    assert len(wrong) <= 0.35 * len(asked), wrong


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "how", [Sampling(temperature=0.0), Sampling(temperature=1.0, top_p=0.3, seed=11)]
)
def test_three_quarters_of_all_held_out_questions_are_answered_rightly(how):
    verdicts = judge(open_model(embedded_model(), "cpu fp32"), questions("questions"), how)
    assert sum(one.right for one in verdicts) >= 0.75 * len(verdicts)
