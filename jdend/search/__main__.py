"""`python -m jdend.search`."""

import _thread
import gc
import os
import signal
import sys
import threading

from jdend.search.cli import main as cli


def main() -> int:
    """Runs the command line and returns its exit code; after Ctrl-C the process ends at once.

    SIGTERM, which schedulers and containers send to end a process, is treated like Ctrl-C.
    """
    # JAX and its neighbours hold a quarter of a million objects that stay. Python would search them
    # for garbage again and again, a tenth of the time of a dry run. Where programs are let go of,
    # it is told to (`jdend.training._kept_populations`).
    gc.set_threshold(100_000, 10, 10)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.unraisablehook = _again
    code = cli.main()
    if code == cli.INTERRUPTED:
        # Everything is written. Python would wait for programs that still compile in another
        # thread, but nobody needs them any more.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    # Nor need it search them all for garbage once more, as it ends.
    gc.freeze()
    return code


def _again(unraisable) -> None:
    """A Ctrl-C while JAX collects garbage, where Python drops exceptions, comes again."""
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        threading.Timer(0.05, _thread.interrupt_main).start()
    else:
        sys.__unraisablehook__(unraisable)


if __name__ == "__main__":
    sys.exit(main())
