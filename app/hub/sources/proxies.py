"""Keeps the password of a proxy's address in the system's keyring, not in the settings."""

import contextlib

from app.errors import KeyringLocked

_SERVICE = "rookery-proxy"
HIDDEN = "••••"


def parted(address: str) -> tuple[str, str]:
    """An address without its password, and the password as typed; "" if it has none."""
    scheme, mark, rest = address.strip().rpartition("://")
    person, at, host = rest.rpartition("@")
    name, _, password = person.partition(":")
    return f"{scheme}{mark}{name}{at}{host}", password


def joined(address: str, password: str) -> str:
    """An address with the password added; unchanged if it has no user name."""
    scheme, mark, rest = address.rpartition("://")
    name, at, host = rest.rpartition("@")
    return f"{scheme}{mark}{name}:{password}@{host}" if at and password else address


def shown(address: str, *, kept: bool = False) -> str:
    """An address for the screen, its password hidden; ``kept``: the keyring has the password."""
    bare, password = parted(address)
    return joined(bare, HIDDEN if password or kept else "")


def completed(typed: str, before: str) -> str:
    """The address that a person means who edited ``shown(before)``.

    Scheme and hidden password are taken from ``before``; a password that only the keyring has stays
    hidden, and ``keep_proxy`` deals with it.
    """
    text = typed.strip()
    text = f"http://{text}" if text and "://" not in text else text
    bare, password = parted(text)
    return joined(bare, parted(before)[1] or HIDDEN if password == HIDDEN else password)


def whole_proxy(address: str) -> str:
    """An address with its password from the keyring, if it has a user but no password.

    Asks the keyring: call it in a thread.
    """
    bare, password = parted(address)
    if password:
        return address.strip()
    with contextlib.suppress(KeyringLocked):
        return joined(bare, kept_password(bare))
    return bare


def kept_password(bare: str) -> str:
    """The password that the keyring has for an address; "" if it has none or is missing.

    Raises KeyringLocked if it refuses.  Call it in a thread.
    """
    if "@" not in bare:
        return ""
    import keyring
    import keyring.errors

    try:
        return keyring.get_password(_SERVICE, bare) or ""
    except keyring.errors.NoKeyringError:
        return ""
    except keyring.errors.KeyringError as error:
        raise KeyringLocked(str(error)) from error


def keep_proxy(address: str, before: str = "") -> str:
    """Put the password into the keyring; what may be written into a file.

    Where there is no keyring that is the whole address.  A hidden password is the one of
    ``before``.  The one kept for ``before`` is forgotten where the address is another or has none
    any more.  Raises KeyringLocked, with nothing changed, where the keyring does not let go of it,
    or does not move one that it alone has to another address.  Asks the keyring: to be called in a
    thread.
    """
    bare, password = parted(address)
    gone, had = parted(before)
    had = "" if had == HIDDEN else had
    hidden = password == HIDDEN
    if hidden and gone == bare:
        return joined(bare, had)
    if hidden:
        password = had or kept_password(gone)
    now = bare
    if password:
        now = _put(bare, password, in_file=not hidden or bool(had))
    if gone != bare:
        with contextlib.suppress(KeyringLocked):
            _forget(gone)
    elif not password:
        _forget(bare)
    return now


def _put(bare: str, password: str, *, in_file: bool) -> str:
    """The address to store; with the password only if no keyring takes it and that is allowed."""
    import keyring
    import keyring.errors

    try:
        keyring.set_password(_SERVICE, bare, password)
    except keyring.errors.KeyringError as error:
        if not in_file:
            raise KeyringLocked(str(error)) from error
        return joined(bare, password)
    return bare


def _forget(bare: str) -> None:
    import keyring
    import keyring.errors

    try:
        if kept_password(bare):
            keyring.delete_password(_SERVICE, bare)
    except keyring.errors.KeyringError as error:
        raise KeyringLocked(str(error)) from error
