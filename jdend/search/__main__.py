"""`python -m jdend.search`."""

import os
import signal
import sys

from jdend.search import cli


def main() -> int:
    """Runs the command line and returns its exit code; after Ctrl-C the process ends at once.

    SIGTERM, by which schedulers and containers end a process, is taken for Ctrl-C.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    code = cli.main()
    if code == cli.INTERRUPTED:
        # Everything is written. A program that still compiles in another thread, for which Python
        # would wait, is of no use any more.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


if __name__ == "__main__":
    sys.exit(main())
