"""Gets torch's CPU build: Linux indexes mostly offer one with several GB of CUDA instead."""

import http.client
import json
import os
import re
import sys
import threading
import urllib.request

from .pip import Pip
from .words import ONLY_CUDA, SetupError, tell

PROBE_LIMIT_S = 2.0


def install_torch(pip: Pip, index: str) -> None:
    """Install the pinned torch alone (its dependencies come with the rest), unless it is there.

    On Linux from ``index``, PyTorch's own of CPU builds, if that answers within two seconds;
    else from the configured index, and there only a build without CUDA (ROOKERY_TORCH=any takes
    what there is).  Raises SetupError.
    """
    version = pinned(pip.place.constraints.read_text(encoding="utf-8"))
    if pip.version("torch").partition("+")[0] == version:
        return
    wanted = f"torch=={version}"
    if sys.platform != "linux":
        pip.install("--no-deps", wanted)
        return
    if _may_ask() and answers(index):
        tell("  taking torch from PyTorch's index of CPU builds")
        try:
            pip.install("--no-deps", "--index-url", index, wanted)
        except SetupError as failure:
            tell(f"  PyTorch's own index did not work out ({failure}); trying the usual one")
        else:
            return
    else:
        tell("  taking torch from the usual package index")
    if os.environ.get("ROOKERY_TORCH") != "any" and brings_cuda(pip.report(wanted)):
        raise SetupError(ONLY_CUDA.format(index=index, again=pip.again), intact=True)
    pip.install("--no-deps", wanted)


def pinned(constraints: str) -> str:
    """torch's version in the text of a constraints file."""
    found = re.search(r"^torch==(\S+)", constraints, re.MULTILINE)
    if found is None:
        raise ValueError("the constraints pin no version of torch")
    return found[1]


def answers(index: str, limit_s: float = PROBE_LIMIT_S) -> bool:
    """Whether the package index has a page of torch and shows it in time, name look-up included."""
    outcome: list[bool] = []

    def ask() -> None:
        request = urllib.request.Request(f"{index}/torch/", method="HEAD")
        try:
            with urllib.request.urlopen(request, timeout=limit_s) as reply:
                outcome.append(reply.status == 200)
        except (OSError, http.client.HTTPException):
            outcome.append(False)

    probe = threading.Thread(target=ask, daemon=True)
    probe.start()
    probe.join(limit_s)
    return outcome == [True]


def brings_cuda(report: str) -> bool:
    """Whether pip's report of a dry run lists CUDA libraries among what the packages need."""
    if not report:
        return False
    packages = json.loads(report).get("install", [])
    needs = [
        need
        for package in packages
        for need in package.get("metadata", {}).get("requires_dist", [])
        if "extra ==" not in need
    ]
    return any(need.lower().startswith(("nvidia-", "cuda-")) for need in needs)


def _may_ask() -> bool:
    return not os.environ.get("PIP_NO_INDEX")
