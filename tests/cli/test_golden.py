"""The command line on real small checkpoints: greedy text is the golden one, token for token."""

import json
import subprocess
import sys

import numpy as np
import pytest

FILES = ("tiny-4.0.pth", "tiny-5.2.safetensors", "tiny-6.0.pth")


@pytest.mark.parametrize("file", FILES)
def test_generate_writes_the_golden_tokens(golden, file):
    results = np.load(golden / f"{file.rsplit('.', 1)[0]}.golden.npz")
    prompt = ",".join(map(str, results["greedy_prompt"]))
    wanted = results["greedy"].tolist()
    command = [sys.executable, "-m", "app", "generate", "--model", str(golden / file)]
    command += ["--tokens", prompt, "--max-tokens", str(len(wanted)), "--temperature", "0"]
    ran = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout)["tokens"] == wanted
