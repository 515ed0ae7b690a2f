"""Who sits at the command."""

import getpass
import os


def who() -> str:
    """The name of the person, or the number where a machine knows no name for it, as in many containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
