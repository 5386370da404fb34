"""What the launcher makes of pip's words."""

import pytest

from launcher.pip import diagnosis, in_words
from launcher.words import (
    NO_CERTIFICATE,
    NO_NETWORK,
    NO_PERMISSION,
    NO_ROOM,
    NO_VERSION,
    PIP_FAILED,
)

REFUSED = "WARNING: Retrying after connection broken by 'NewConnectionError(<...>)': /simple/torch/"
UNFOUND = "ERROR: No matching distribution found for torch==2.13.0"


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (f"{REFUSED}\n{UNFOUND}", NO_NETWORK),
        ("Temporary failure in name resolution", NO_NETWORK),
        ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]", NO_CERTIFICATE),
        ("ERROR: Could not install packages: [Errno 28] No space left on device", NO_ROOM),
        ("ERROR: [Errno 13] Permission denied: '/x'", NO_PERMISSION),
        (UNFOUND, NO_VERSION),
        ("ERROR: something new went wrong", PIP_FAILED),
        ("", PIP_FAILED),
    ],
)
def test_each_failure_has_its_sentence(said: str, sentence: str) -> None:
    assert diagnosis(said)[0] == sentence


def test_the_missing_package_is_named() -> None:
    assert diagnosis(UNFOUND)[1] == {"package": "torch==2.13.0"}
    conflict = "The conflict is caused by:\n    The user requested (constraint) torch==2.5.0\n"
    assert diagnosis(conflict)[1] == {"package": "torch==2.5.0"}


def test_an_unknown_failure_keeps_pips_last_word() -> None:
    facts = diagnosis("Collecting x\nERROR: first\nERROR: something new went wrong\n")[1]
    assert facts == {"reason": "something new went wrong"}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            "  Downloading PySide6_Essentials-6.11.3-cp310-abi3-win_amd64.whl (80.3 MB)",
            "fetched PySide6-Essentials 6.11.3 (80.3 MB)",
        ),
        ("  Downloading h11-0.16.0-py3-none-any.whl (37 kB)", ""),
        ("Using cached torch-2.13.0-cp312-none.whl (1.2 GB)", "fetched torch 2.13.0 (1.2 GB)"),
        ("Installing collected packages: mpmath, sympy, torch", "installing 3 packages"),
        ("Installing collected packages: torch", "installing 1 package"),
        ("Collecting numpy>=1.26", ""),
    ],
)
def test_progress_is_told_in_words(line: str, words: str) -> None:
    assert in_words(line) == words
