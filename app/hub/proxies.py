"""The address of a proxy and the password in it, which the system's keyring keeps."""

import contextlib

_SERVICE = "rookery-proxy"
HIDDEN = "••••"


def parted(address: str) -> tuple[str, str]:
    """An address without its password, and the password as it was typed; "" where it has none."""
    scheme, mark, rest = address.strip().rpartition("://")
    person, at, host = rest.rpartition("@")
    name, _, password = person.partition(":")
    return f"{scheme}{mark}{name}{at}{host}", password


def joined(address: str, password: str) -> str:
    """An address with the password behind its name; as it is where it has no name."""
    scheme, mark, rest = address.rpartition("://")
    name, at, host = rest.rpartition("@")
    return f"{scheme}{mark}{name}:{password}@{host}" if at and password else address


def shown(address: str) -> str:
    """An address as it may stand on the screen."""
    bare, password = parted(address)
    return joined(bare, HIDDEN if password else "")


def completed(typed: str, before: str) -> str:
    """What a person means who edited ``shown(before)``: the scheme and the hidden password."""
    text = typed.strip()
    text = f"http://{text}" if text and "://" not in text else text
    bare, password = parted(text)
    return joined(bare, parted(before)[1] if password == HIDDEN else password)


def whole_proxy(address: str) -> str:
    """An address with the password that the keyring keeps for it, if it has a name and no password.

    Asks the keyring: to be called in a thread.
    """
    bare, password = parted(address)
    if password or "@" not in bare:
        return address.strip()
    import keyring
    import keyring.errors

    with contextlib.suppress(keyring.errors.KeyringError):
        return joined(bare, keyring.get_password(_SERVICE, bare) or "")
    return bare


def keep_proxy(address: str, before: str = "") -> str:
    """Put the password into the keyring; what may be written into a file.

    Where there is no keyring that is the whole address.  The password kept for ``before`` is
    forgotten if that was another one.  Asks the keyring: to be called in a thread.
    """
    import keyring
    import keyring.errors

    bare, password = parted(address)
    gone = parted(before)[0]
    with contextlib.suppress(keyring.errors.KeyringError):
        if gone != bare and "@" in gone and keyring.get_password(_SERVICE, gone):
            keyring.delete_password(_SERVICE, gone)
    if password:
        try:
            keyring.set_password(_SERVICE, bare, password)
        except keyring.errors.KeyringError:
            return address.strip()
    return bare
