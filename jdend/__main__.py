"""The command `jdend`: what jdend does from a terminal, by one name each. `python -m jdend` too.

Each is also a module: `jdend search` is `python -m jdend.search`. Nothing heavy is imported before
it is needed.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence

from jdend import __version__
from jdend._messages import did_you_mean
from jdend._output import command_line, complain, show

__all__ = ["main"]

# What each is for, and the module that does it.
COMMANDS = {
    "search": ("find the best network within a budget", "jdend.search.__main__"),
    "watch": ("the best networks of a search, while it runs", "jdend.search.__main__"),
    "report": ("a page about a search", "jdend.report.__main__"),
    "predict": ("classify with a saved network", "jdend.predict"),
    "export": ("a saved network as C or StableHLO", "jdend.exporting.__main__"),
    "data": ("get data sets, and see which are here", "jdend.data.__main__"),
    "kernels": ("what computes dendrites on this machine", "jdend.kernels.__main__"),
    "completion": ("completion for a shell: bash or zsh", ""),
}
SHELLS = ("bash", "zsh")

HELP = f"""\
usage: jdend COMMAND [options]

Finds the best dendritic neural network that fits a parameter budget.

{chr(10).join(f"  {name:<11} {what}" for name, (what, _) in COMMANDS.items())}

jdend COMMAND --help says more of each, jdend --version which jdend it is. To begin:
  jdend search --dataset digits --budget 1500 --out run --save-best
  eval "$(jdend completion bash)"     so that Tab completes, in ~/.bashrc
"""


@command_line("jdend")
def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code: 2 for an unknown command, else the own one
    of the command."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    name, rest = (words[0], words[1:]) if words else ("--help", [])
    if name in ("-h", "--help", "help"):
        show(HELP.rstrip())
        return 0
    if name == "--version":
        show(f"jdend {__version__}")
        return 0
    if name not in COMMANDS:
        complain(f"jdend: unknown command {name!r}{did_you_mean(name, COMMANDS)}")
        return 2
    if name == "completion":
        return _completion(rest)
    sys.argv = [f"jdend {name}", *(["watch"] if name == "watch" else []), *rest]
    return importlib.import_module(COMMANDS[name][1]).main()


def _completion(words: Sequence[str]) -> int:
    """Prints the script that completes for a shell."""
    shell = words[0] if words else "bash"
    if shell not in SHELLS or len(words) > 1:
        complain(f"jdend: no completion for {' '.join(words)!r}{did_you_mean(shell, SHELLS)}")
        return 2
    import shtab

    show(shtab.complete(_all_commands(), shell))
    return 0


def _all_commands() -> argparse.ArgumentParser:
    """One parser of all commands, with their own options."""
    from jdend.data.__main__ import command_parser as data
    from jdend.exporting.__main__ import command_parser as exporting
    from jdend.kernels.__main__ import command_parser as kernels
    from jdend.predict import command_parser as predict
    from jdend.report.__main__ import command_parser as report
    from jdend.search.cli.main import command_parser as search
    from jdend.search.cli.watch import command_parser as watch

    parsers = {
        "search": search,
        "watch": watch,
        "report": report,
        "predict": predict,
        "export": exporting,
        "data": data,
        "kernels": kernels,
    }
    whole = argparse.ArgumentParser(prog="jdend")
    commands = whole.add_subparsers(dest="command")
    for name, parser in parsers.items():
        own = parser()
        _complete_files(own)
        commands.add_parser(name, help=COMMANDS[name][0], parents=[own], add_help=False)
    commands.add_parser("completion", help=COMMANDS["completion"][0]).add_argument(
        "shell", choices=SHELLS
    )
    return whole


def _complete_files(parser: argparse.ArgumentParser) -> None:
    """Options and arguments that are said to be files or folders are completed as such."""
    import shtab

    for action in parser._actions:
        kind = str(action.metavar)
        if "FILE" in kind or "PATH" in kind:
            action.complete = shtab.FILE  # pyright: ignore[reportAttributeAccessIssue]
        elif "DIR" in kind or "STUDY" in kind:
            action.complete = shtab.DIRECTORY  # pyright: ignore[reportAttributeAccessIssue]


if __name__ == "__main__":
    sys.exit(main())
