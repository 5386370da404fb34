"""``rookery log``: where the log is, its last lines, and what processes that crashed have left."""

import os
from argparse import Namespace
from datetime import datetime

from app.cli.output import emit, print_json
from app.store.paths import standard_paths
from app.system.crash_log import crashes
from app.system.log import NAME
from app.system.log_file import tail


def run(options: Namespace) -> int:
    """Print the path of the log, or as many of its last lines as were asked for."""
    folder = standard_paths(os.environ.get("ROOKERY_HOME", "")).logs
    path = folder / NAME
    lines = tail(path, options.tail)
    if options.json:
        left = [
            {
                "path": str(crash.path),
                "kind": crash.kind,
                "time": datetime.fromtimestamp(crash.when_s).astimezone().isoformat("T", "seconds"),
            }
            for crash in crashes(folder)
        ]
        told = {"log": str(path), "exists": path.is_file(), "crashes": left}
        print_json({**told, "lines": lines} if options.tail else told)
    elif options.tail:
        emit("\n".join(lines), end="\n" if lines else "")
    else:
        emit(str(path))
    return 0
