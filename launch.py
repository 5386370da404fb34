"""Sets Rookery up on first use and starts it; needs nothing but Python 3.11, 3.12 or 3.13.

    python3 launch.py               open the window (the terminal chat where there is no display)
    python3 launch.py VERB ...      run a verb of the program, e.g. generate, inspect, bench
    python3 launch.py test          run every check and test
    python3 launch.py setup         only set up
    python3 launch.py bundle        make a folder that runs without Python beside it

This file keeps to syntax that any Python understands, so that an old one can be told apart.
"""

import os
import sys

# Where CPU builds of torch come from on Linux, if it answers; elsewhere the usual index has them.
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"

if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    sys.exit(
        "Rookery needs Python 3.11, 3.12 or 3.13, but this is Python %d.%d (%s). "  # noqa: UP031
        "Start it with one of those, for example: python3.12 launch.py"
        % (sys.version_info[0], sys.version_info[1], sys.executable)
    )

if __name__ == "__main__":
    from launcher.start import start

    sys.exit(start(os.path.dirname(os.path.abspath(__file__)), sys.argv[1:], TORCH_CPU_INDEX))
