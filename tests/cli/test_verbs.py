"""The verbs with small real models: what they print, write and return."""

import io
import json
import math
import struct

import numpy as np
import pytest
import torch

from app.cli import run
from app.runtime.loading.loading import open_model
from app.runtime.states.state import official_state
from tests.runtime.small_models import small_file

GREEDY = ("--temperature", "0", "--presence", "0", "--frequency", "0")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(small_file(tmp_path_factory.mktemp("models")))


def told(capsys, *arguments):
    """The JSON object that a verb prints, and that it prints nothing else."""
    assert run([*arguments, "--json"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    return json.loads(printed.out)


def refused(capsys, *arguments):
    """The one line with which a verb fails."""
    assert run(arguments) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("rookery: ")
    assert printed.err.count("\n") == 1
    return printed.err


def test_inspect_tells_what_the_header_tells(model, capsys):
    facts = told(capsys, "inspect", model)
    assert list(facts) == [
        "format",
        "dialect",
        "generation",
        "layers",
        "width",
        "heads",
        "head_size",
        "ffn_width",
        "vocabulary",
        "parameters",
        "dtype",
        "bytes",
        "tokenizer",
    ]
    assert (facts["generation"], facts["layers"], facts["vocabulary"]) == ("7.0", 3, 256)
    assert (facts["dtype"], facts["tokenizer"], facts["dialect"]) == ("fp32", "bytes", "official")
    assert run(["inspect", model]) == 0
    assert "generation  7.0" in capsys.readouterr().out


def test_generate_continues_token_ids_as_the_model_would(model, capsys):
    facts = told(
        capsys, "generate", "--model", model, "--tokens", "65,66", "--max-tokens", "9", *GREEDY
    )
    assert list(facts) == [
        "text",
        "tokens",
        "prompt_tokens",
        "computed_tokens",
        "stop_reason",
        "seed",
        "prefill_s",
        "decode_s",
        "tokens_per_s",
        "strategy",
        "approximate",
    ]
    mind = open_model(model, "cpu fp32").model
    state, expected = mind.blank(), []
    logits = mind.forward(torch.tensor([[65, 66]]), state)
    for _ in range(9):
        expected.append(int(logits.argmax()))
        logits = mind.forward(torch.tensor([expected[-1:]]), state)
    assert facts["tokens"] == expected
    assert facts["text"] == bytes(expected).decode("utf-8", "replace")
    assert (facts["prompt_tokens"], facts["stop_reason"]) == (2, "limit")
    assert facts["strategy"] == "cpu fp32"
    assert facts["tokens_per_s"] == pytest.approx(8 / facts["decode_s"])


def test_generate_prints_the_text_alone_and_the_same_for_the_same_seed(model, capsys):
    line = ["generate", "--model", model, "--prompt", "Hi", "--max-tokens", "20", "--seed", "5"]
    line += ["--temperature", "2", "--top-p", "1"]
    assert run(line) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    facts = told(capsys, *line)
    assert printed.out == facts["text"]
    assert facts["seed"] == 5


def test_generate_without_a_model_asks_the_guide_as_a_chat_does(capsys, monkeypatch):
    asked = ["--prompt", "How do I delete a model?", "--max-tokens", "40", *GREEDY]
    assert run(["generate", *asked]) == 0
    answer = capsys.readouterr()
    assert answer.err.startswith("The guide answers; --model FILE ")
    chat = ["chat", "--max-tokens", "40", *GREEDY]
    monkeypatch.setattr("sys.stdin", io.StringIO("How do I delete a model?\n"))
    assert run(chat) == 0
    assert capsys.readouterr().out.rstrip("\n") == answer.out
    assert answer.out[:1].strip()
    tokens = ["generate", "--tokens", "65,66", "--max-tokens", "2", *GREEDY]
    assert run(tokens) == 0  # ids are continued as they stand
    assert "guide" not in capsys.readouterr().err


@pytest.mark.parametrize("vocabulary", [97, 2176])
def test_a_model_without_words_writes_ids_and_says_so(vocabulary, tmp_path, capsys):
    wordless = str(small_file(tmp_path, vocabulary=vocabulary))
    line = ["generate", "--model", wordless, "--tokens", "1,2", "--max-tokens", "4", *GREEDY]
    assert run(line) == 0
    printed = capsys.readouterr()
    assert "token ids" in printed.err
    assert len([int(part) for part in printed.out.split(",")]) == 4
    refused(capsys, "generate", "--model", wordless, "--prompt", "hello")


def test_failures_are_one_line_and_exit_1(model, tmp_path, capsys):
    damaged = tmp_path / "damaged.pth"
    damaged.write_bytes(b"PK\3\4 and nothing else")
    nowhere = str(tmp_path / "nowhere" / "out")
    for line in (
        ("inspect", str(tmp_path / "absent.pth")),
        ("inspect", str(damaged)),
        ("score", "--model", str(damaged), "--tokens", "1"),
        ("score", "--model", model, "--tokens", "1,256"),
        ("score", "--model", model, "--tokens", ""),
        ("score", "--model", model, "--text-file", nowhere),
        ("score", "--model", model, "--tokens", "1,2", "--logits", nowhere),
        ("score", "--model", model, "--tokens", "1,2", "--state-out", nowhere),
        ("score", "--model", model, "--tokens", "1,2", "--state-out", ""),
        ("bench", "--model", model, "--strategy", "tpu int3"),
        ("bench", "--model", model, "--prompt-tokens", str(2**63 - 1)),
        ("bench", "--model", model, "--batch", str(2**63 - 1)),
    ):
        refused(capsys, *line)


def test_failures_in_the_worker_are_one_line_too(model, tmp_path, capsys):
    refused(capsys, "generate", "--model", str(tmp_path / "absent.pth"), "--prompt", "hi")
    assert "256" in refused(capsys, "generate", "--model", model, "--tokens", "1,256")


@pytest.mark.parametrize("chunk", ["1", "7", "256"])
def test_score_writes_logits_and_state_after_every_token_in_any_chunking(
    model, tmp_path, capsys, chunk
):
    tokens = [i * 31 % 256 for i in range(50)]
    logits_file, state_file = tmp_path / "logits.npy", tmp_path / "state.safetensors"
    line = ["score", "--model", model, "--tokens", ",".join(map(str, tokens)), "--chunk", chunk]
    facts = told(capsys, *line, "--logits", str(logits_file), "--state-out", str(state_file))
    mind = open_model(model, "cpu fp32").model
    state = mind.blank()
    expected = mind.forward(torch.tensor([tokens]), state, every=True)[0]
    found = np.load(logits_file)
    assert (found.dtype, found.shape) == (np.float32, (50, 256))
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-4, atol=1e-4)
    likely = torch.log_softmax(expected.double(), -1)[torch.arange(49), torch.tensor(tokens[1:])]
    assert facts["tokens"] == 50
    assert facts["nll"] == pytest.approx(-float(likely.mean()), rel=1e-5)
    assert facts["perplexity"] == pytest.approx(math.exp(facts["nll"]))
    for name, tensor in official_state(state).items():
        np.testing.assert_allclose(
            tensors_in(state_file)[name], tensor.numpy(), rtol=1e-3, atol=1e-4
        )


def tensors_in(path):
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header, body = json.loads(data[8 : 8 + length]), data[8 + length :]
    header.pop("__metadata__", None)
    return {
        name: np.frombuffer(body[slice(*place["data_offsets"])], "<f4").reshape(place["shape"])
        for name, place in header.items()
    }


def test_score_reads_a_text_file_and_one_token_predicts_nothing(model, tmp_path, capsys):
    text = tmp_path / "text.txt"
    text.write_text("größer", encoding="utf-8")
    assert told(capsys, "score", "--model", model, "--text-file", str(text))["tokens"] == 8
    facts = told(capsys, "score", "--model", model, "--tokens", "9")
    assert facts == {"tokens": 1, "nll": None, "perplexity": None}
    text.write_bytes(b"gr\xf6\xdfer")
    refused(capsys, "score", "--model", model, "--text-file", str(text))


@pytest.mark.parametrize(
    "line",
    ["generate --prompt -", "score --text-file -", "state make --out s --prompt -"],
)
def test_stdin_that_is_not_utf_8_is_refused_not_read_with_holes(line, model, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"gr\xf6\xdfer")))
    said = refused(capsys, *line.split(), "--model", model)
    assert "stdin is not UTF-8 text" in said


def test_broken_numbers_have_no_perplexity_and_leave_the_files_of_an_earlier_run(tmp_path, capsys):
    path = small_file(tmp_path)
    tensors = torch.load(path)
    tensors["emb.weight"][7] = math.nan
    torch.save(tensors, path)
    logits, state = tmp_path / "logits.npy", tmp_path / "state.safetensors"
    state.write_bytes(b"of an earlier run")
    outputs = ("--logits", str(logits), "--state-out", str(state))
    refused(capsys, "score", "--model", str(path), "--tokens", "1,7,2", "--chunk", "1", *outputs)
    assert not logits.exists()
    assert state.read_bytes() == b"of an earlier run"


def test_bench_measures_speed_memory_and_the_share_of_bandwidth(model, capsys):
    facts = told(
        capsys,
        *("bench", "--model", model, "--prompt-tokens", "32", "--decode-tokens", "8"),
        *("--batch", "3", "--strategy", "cpu bf16"),
    )
    assert list(facts) == [
        "prefill_tokens_per_s",
        "decode_tokens_per_s",
        "load_s",
        "weights_bytes",
        "peak_memory_bytes",
        "resident_memory_bytes",
        "predicted_resident_memory_bytes",
        "predicted_decode_tokens_per_s",
        "predicted_prefill_tokens_per_s",
        "read_bandwidth_bytes_per_s",
        "bandwidth_share",
        "strategy",
        "backend",
        "threads",
        "bandwidth_note",
    ]
    assert facts["strategy"] == "cpu bf16"
    assert facts["bandwidth_share"] <= 1
    assert facts["backend"].split()[0] in ("native", "portable")
    assert facts["predicted_decode_tokens_per_s"] is None  # it is of one text, and here are three
    words = ("strategy", "backend", "bandwidth_note", "predicted_decode_tokens_per_s")
    told_of_others = ("resident_memory_bytes", "predicted_prefill_tokens_per_s")
    figures = {name: facts[name] for name in facts if name not in (*words, *told_of_others)}
    assert {name: value for name, value in figures.items() if value <= 0} == {}
    assert all(facts[name] is not None for name in told_of_others)
    steps = facts["decode_tokens_per_s"] / 3
    reads = steps * facts["weights_bytes"]
    assert facts["bandwidth_share"] == pytest.approx(reads / facts["read_bandwidth_bytes_per_s"])
    assert run(["bench", "--model", model, "--prompt-tokens", "4", "--decode-tokens", "2"]) == 0
    rows = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert float(rows["decode_tokens_per_s"]) > 0
    assert rows["read_bandwidth_bytes_per_s"].endswith("B/s")


def test_models_lists_the_folders_of_the_settings(model, tmp_path, capsys, monkeypatch):
    folder = tmp_path / "data" / "models"
    folder.mkdir(parents=True)
    small_file(folder, "6.0", name="mine")
    (folder / "broken.pth").write_bytes(b"PK\3\4")
    other = tmp_path / "elsewhere"
    other.mkdir()
    small_file(other, "4", name="old")
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "settings.json").write_text(
        json.dumps({"folders": [str(other)], "files": [model]})
    )
    monkeypatch.setenv("ROOKERY_HOME", str(tmp_path))
    found = {entry["name"]: entry for entry in told(capsys, "models")["models"]}
    assert found["mine"]["generation"] == "6.0"
    assert found["old"]["parameters"] > 0
    assert found["small"]["path"] == model
    assert found["broken"]["failure"]
    assert found["mine"]["failure"] is None
    assert [name for name, entry in found.items() if entry["embedded"]] == ["rookery-guide"]
    assert run(["models"]) == 0
    assert "mine  RWKV-6.0" in capsys.readouterr().out
