# SPDX-License-Identifier: MIT
"""Which Pythons there are to compare with."""

import glob
import os
import pathlib
import sys


def find_pythons():
    """The running Python and all others there are, as (name, program)."""
    named = os.environ.get("SNAPJAR_PYTHONS", "").split(":")
    named += sorted(glob.glob(os.path.expanduser("~/.pyenv/versions/*/bin/python")))
    found = [("running", sys.executable)]
    for path in filter(None, named):
        parts = pathlib.Path(path).parts
        found.append((parts[-3] if len(parts) > 2 else path, path))
    return [(name, path) for name, path in found if os.access(path, os.X_OK)]
