"""Names in a pickle that no checkpoint has a use for: they would start programs or change files.

The list only decides who is warned of.  Nothing that a pickle names is run here, listed or not.
"""

_MODULES = frozenset(
    (
        "os", "posix", "nt", "posixpath", "ntpath", "subprocess", "_posixsubprocess", "sys",
        "shutil", "socket", "_socket", "importlib", "imp", "runpy", "ctypes", "_ctypes", "pty",
        "marshal", "webbrowser", "urllib", "http", "ftplib", "smtplib", "requests", "aiohttp",
        "pip", "ensurepip", "zipimport", "pkgutil", "bdb", "pdb", "pydoc", "timeit", "trace",
        "cProfile", "profile", "asyncio", "signal", "multiprocessing", "venv", "pickle",
        "_pickle", "cloudpickle", "dill", "shelve", "commands", "popen2",
    )
)  # fmt: skip
_BUILTINS = frozenset(
    (
        "eval", "exec", "execfile", "compile", "open", "file", "input", "breakpoint", "apply",
        "__import__", "globals", "locals", "vars", "setattr", "delattr", "reload",
    )
)  # fmt: skip
_FULL = frozenset(
    {
        "operator.attrgetter",
        "operator.methodcaller",
        "code.InteractiveInterpreter",
        "code.InteractiveConsole",
        "code.interact",
        "codeop.compile_command",
        "types.CodeType",
        "types.FunctionType",
        "torch.load",
        "torch.serialization.load",
        "torch.jit._serialization.load",
        "torch.jit.load",
        "torch.storage._load_from_bytes",
        "torch.hub.load",
        "torch.utils.cpp_extension.load",
        "torch.utils.cpp_extension.load_inline",
        "numpy.load",
        "numpy.testing._private.utils.runstring",
        "joblib.load",
        "io.open",
        "_io.open",
        "io.FileIO",
        "_io.FileIO",
        "pathlib.Path.write_bytes",
        "pathlib.Path.write_text",
        "pathlib.Path.unlink",
    }
)


def is_dangerous(module: str, name: str) -> bool:
    """Whether to warn of a file that names ``name`` of ``module``."""
    whole = f"{module}.{name}"
    parts = name.split(".")
    if module.split(".", 1)[0] in ("builtins", "__builtin__", "__builtins__"):
        return bool(_BUILTINS.intersection(parts))
    reached = _MODULES.intersection(parts[:-1])  # torch.os.system is os.system
    listed = whole in _FULL or whole.replace("_operator.", "operator.", 1) in _FULL
    return bool(listed or reached or module.split(".", 1)[0] in _MODULES)
