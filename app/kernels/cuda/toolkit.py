"""Loads the libraries of one CUDA version, even if another version was loaded before."""

import ctypes
import sys
from pathlib import Path

_WINDOWS = {("nvrtc", 12): "nvrtc64_120_0.dll", ("nvrtc", 13): "nvrtc64_130_0.dll"}
_PACKAGES = {"cublasLt": "cublas", "nvrtc": "cuda_nvrtc"}  # of CUDA 12, each with its own folder


def loaded(name: str, major: int) -> ctypes.CDLL:
    """A library such as "cublas" of CUDA 13, from its Python package or from the system.

    Later loads by the library's own name get this one.  Raises OSError if it is not installed.
    """
    file = file_name(name, major, sys.platform)
    for folder in _folders(name, major, sys.platform):
        for root in sys.path:
            path = Path(root or ".").absolute() / folder / file
            if path.is_file():
                return ctypes.CDLL(str(path))
    try:
        return ctypes.CDLL(file)
    except OSError:
        return ctypes.CDLL(_elsewhere(name, file))


def file_name(name: str, major: int, platform: str) -> str:
    """The file name as NVIDIA has it, e.g. libcublas.so.13."""
    if platform == "win32":
        return _WINDOWS.get((name, major), f"{name}64_{major}.dll")
    return f"lib{name}.so.{major}"


def _folders(name: str, major: int, platform: str) -> tuple[str, ...]:
    """The folders in which NVIDIA's Python packages keep it."""
    inner = "bin" if platform == "win32" else "lib"
    if major == 12:
        return (f"nvidia/{_PACKAGES.get(name, name)}/{inner}",)
    whole = f"nvidia/cu{major}/{inner}"
    return (f"{whole}/x86_64", whole) if platform == "win32" else (whole,)


def _elsewhere(name: str, file: str) -> str:
    """The path in an installed CUDA. Raises OSError if there is none of this version."""
    try:
        from cuda.pathfinder import load_nvidia_dynamic_lib

        path = load_nvidia_dynamic_lib(name).abs_path or ""
    except (ImportError, RuntimeError) as failure:
        raise OSError(f"{file} is not installed") from failure
    if Path(path).name.startswith(file):
        return path
    raise OSError(f"{file} is not installed")
