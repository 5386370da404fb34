"""The three streams of a process as a shell may hand them over: closed, full, or in ASCII."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.runtime.small_models import small_file

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a shell that closes streams")

ROOT = Path(__file__).resolve().parents[2]
FEW = "--max-tokens 4 --seed 1"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return small_file(tmp_path_factory.mktemp("models"))


def shell(line, model, **environment):
    """What a shell makes of ``line``, in which @ is the program."""
    line = line.replace("@", f"'{sys.executable}' -m app")
    return subprocess.run(
        ["sh", "-c", line],
        cwd=ROOT,
        env={**os.environ, "MODEL": os.fspath(model), **environment},
        capture_output=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    "line",
    [
        f'@ generate --model "$MODEL" --prompt hi {FEW} >&-',
        f'@ generate --model "$MODEL" --prompt hi {FEW} 2>&-',
        f'@ generate --model "$MODEL" --prompt - {FEW} <&-',
        f'@ chat --model "$MODEL" {FEW} <&- 2>&1 >&-',
        '@ inspect "$MODEL" <&- >&- 2>&-',
    ],
)
def test_a_closed_stream_is_an_empty_one(line, model):
    ran = shell(line, model)
    assert ran.returncode == 0
    assert ran.stderr == b""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device that is always full")
@pytest.mark.parametrize(
    "verb",
    [
        'inspect "$MODEL"',
        "models --json",
        f'generate --model "$MODEL" --prompt hi {FEW}',
        f'generate --model "$MODEL" --prompt hi {FEW} --json',
    ],
)
def test_output_that_finds_no_room_is_told_in_one_line(verb, model):
    ran = shell(f"@ {verb} > /dev/full", model)
    assert ran.returncode == 1
    assert ran.stderr.startswith(b"rookery: ")
    assert ran.stderr.count(b"\n") == 1


def test_json_loses_no_letter_in_another_encoding(model):
    line = '@ generate --model "$MODEL" --prompt hi --max-tokens 40 --seed 1 --json'
    ran = shell(line, model, PYTHONIOENCODING="ascii")
    told = json.loads(ran.stdout)
    assert told["text"] == bytes(told["tokens"]).decode("utf-8", "replace")
    assert "\ufffd" in told["text"]


@pytest.mark.skipif(sys.platform == "darwin", reason="names there are text")
def test_a_model_whose_name_is_no_text_can_be_listed_and_run(model, tmp_path):
    strange = tmp_path / "data" / "models" / os.fsdecode(b"m\xff\nn.pth")
    strange.parent.mkdir(parents=True)
    strange.write_bytes(model.read_bytes())
    ran = shell(f'@ generate --model "$MODEL" --prompt hi {FEW} --json', strange)
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert len(json.loads(ran.stdout)["tokens"]) == 4
    listed = shell("@ models --json", model, ROOKERY_HOME=str(tmp_path))
    assert str(strange) in {entry["path"] for entry in json.loads(listed.stdout)["models"]}
    assert shell("@ models", model, ROOKERY_HOME=str(tmp_path)).stdout.count(b"\n") == 2


@pytest.mark.skipif(sys.platform != "linux", reason="a limit that holds")
@pytest.mark.parametrize(
    "verb",
    [
        'score --model "$MODEL" --tokens 1,2',
        'bench --model "$MODEL"',
        'generate --model "$MODEL" --prompt hi',
        'chat --model "$MODEL"',
    ],
)
@pytest.mark.parametrize("kilobytes", [300_000, 400_000, 500_000])
def test_too_few_addresses_for_the_engine_are_told_in_one_line(verb, kilobytes, model):
    ran = shell(f"ulimit -v {kilobytes}; @ {verb} < /dev/null", model)
    assert (ran.returncode, ran.stdout) == (1, b"")
    assert ran.stderr.startswith(b"rookery: There is not enough memory")
    assert ran.stderr.count(b"\n") == 1
