"""The `skypile` command before anything is loaded: Ctrl-C in the half second that loading takes ends in a line, too."""

import sys


def main() -> None:
    """Load the command line and run it."""
    try:
        from skypile.cli import main as run
    except KeyboardInterrupt:
        print("skypile: interrupted", file=sys.stderr)
        sys.exit(130)  # what shells say of a program that Ctrl-C ended; failures.INTERRUPTED is not loaded yet
    run()
