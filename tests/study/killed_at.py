"""A search that kills itself (SIGKILL) before or after the n-th call of a function of jdend's.

python killed_at.py OWNER NAME N before|after WORDS OF THE SEARCH ...
"""

import os
import pkgutil
import signal
import sys

from jdend.search.cli.main import main


def kill_at(owner_name: str, name: str, number: int, when: str) -> None:
    owner = pkgutil.resolve_name(owner_name)
    function, calls = getattr(owner, name), []

    def killing(*arguments, **keywords):
        calls.append(name)
        if len(calls) == number and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*arguments, **keywords)
        if len(calls) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, killing)


if __name__ == "__main__":
    kill_at(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
    sys.exit(main(sys.argv[5:]))
