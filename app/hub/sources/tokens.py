"""Tokens for private repositories, kept in the system's keyring and nowhere else."""

import contextlib

from app.errors import KeyringMissing

_SERVICE = "rookery"


def token_for(address: str) -> str:
    """The token for the endpoint at ``address``; "" if there is none, or no keyring."""
    import keyring
    import keyring.errors

    with contextlib.suppress(keyring.errors.KeyringError):
        return keyring.get_password(_SERVICE, address) or ""
    return ""


def keep_token(address: str, token: str) -> None:
    """Keep ``token`` for the endpoint; "" forgets the one that is there.

    Raises KeyringMissing where the system has no keyring or it is locked.
    """
    import keyring
    import keyring.errors

    try:
        if token:
            keyring.set_password(_SERVICE, address, token)
        elif keyring.get_password(_SERVICE, address):
            keyring.delete_password(_SERVICE, address)
    except keyring.errors.KeyringError as error:
        if token or not isinstance(error, keyring.errors.NoKeyringError):
            raise KeyringMissing(str(error)) from error
