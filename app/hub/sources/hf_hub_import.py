"""Imports huggingface_hub, which fails if an environment variable of its own has a bad value."""

import os

from app.errors import NetworkSettingRefused

_SWITCHES = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
_YES = ("1", "ON", "YES", "TRUE")


def load_hf_hub() -> None:
    """Import the package.  Raises NetworkSettingRefused (facts variable, given, why)."""
    try:
        from huggingface_hub import HfApi, constants  # noqa: F401
    except ValueError as error:
        variable = _culprit(str(error))
        if not variable:
            raise
        given, why = os.environ[variable], "number-wanted"
        raise NetworkSettingRefused(variable=variable, given=given, why=why) from error


def refuse_offline() -> None:
    """Raises NetworkSettingRefused if HF_HUB_OFFLINE or its like forbids using the network."""
    if is_offline():
        variable = next((name for name in _SWITCHES if os.environ.get(name)), _SWITCHES[0])
        given = os.environ.get(variable, "1")
        why = "network-forbidden"
        raise NetworkSettingRefused(variable=variable, given=given, why=why)


def is_offline() -> bool:
    """Whether the environment forbids using the network, also if the import fails."""
    try:
        load_hf_hub()
    except NetworkSettingRefused:
        return any(os.environ.get(name, "").upper() in _YES for name in _SWITCHES)
    import huggingface_hub

    return huggingface_hub.is_offline_mode()


def _culprit(said: str) -> str:
    """The HF_ variable whose value the error message ``said`` quotes; "" if there is none."""
    named = (name for name in sorted(os.environ) if name.startswith(("HF_", "HUGGING")))
    return next((name for name in named if repr(os.environ[name]) in said), "")
