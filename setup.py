"""Adds to a wheel, which pyproject.toml describes, the native kernels for this machine.

Where no compiler is there, the wheel holds the sources only, and the program computes with PyTorch.
"""

import os
import runpy
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

KERNELS = Path(__file__).resolve().parent / "app" / "kernels" / "native"
WANTED = os.environ.get("ROOKERY_NATIVE", "").lower() not in ("off", "0", "no", "false")


class BuildWithKernels(build_py):
    """Compiles the library into the folder that becomes the wheel."""

    def run(self) -> None:
        """Everything else first."""
        super().run()
        if not WANTED or self.editable_mode:
            return
        kernels = runpy.run_path(str(KERNELS / "build.py"))
        try:
            kernels["build"](Path(self.build_lib).resolve() / "app" / "kernels" / "native")
        except kernels["BuildError"] as failure:
            self.warn(f"The native kernels were not built: {failure}")


class WheelOfAMachine(bdist_wheel):
    """A wheel for one system and processor, but for any Python: the library knows none."""

    def get_tag(self) -> tuple[str, str, str]:
        """See bdist_wheel."""
        tag: tuple[str, str, str] = super().get_tag()
        return ("py3", "none", tag[2]) if WANTED else tag


class WithKernels(Distribution):
    """Holds a library where one is built."""

    def has_ext_modules(self) -> bool:
        """See Distribution."""
        return WANTED


setup(
    distclass=WithKernels,
    cmdclass={"build_py": BuildWithKernels, "bdist_wheel": WheelOfAMachine},
    package_data={
        "app.kernels.cuda": ["*.cu", "*.cuh"],
        "app.kernels.native": ["*.cpp", "*.h", "kernels/*.h"],
    },
)
