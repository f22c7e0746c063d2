"""`python -m jdend.report STUDY`: a page about a search, made from its folder or storage."""

import argparse
import sys
from collections.abc import Sequence

from jdend._output import Parser, command_line, complain

__all__ = ["command_parser", "main"]


@command_line("jdend.report")
def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code: 0; 2 for bad input; 130 after Ctrl-C."""
    options = command_parser().parse_args(arguments)
    try:
        from jdend.report._command import report_command

        return report_command(options)
    except KeyboardInterrupt:
        complain("jdend.report: interrupted, nothing was written")
        return 130


def command_parser() -> argparse.ArgumentParser:
    """The parser of its options."""
    parser = Parser(
        prog="python -m jdend.report",
        description="Makes a report of a search, also of one that still runs or was broken off.",
    )
    add = parser.add_argument
    add("study", metavar="STUDY", help="its folder (--out); with --storage, its name there")
    add("--storage", metavar="URL", help="the database that holds it")
    add("--format", default="html", metavar="NAME", help="html (the default), md or png")
    add("--out", metavar="FILE", help="where to write (report.html, … in the folder)")
    add(
        "--no-training",
        dest="training",
        action="store_false",
        help="leave out what takes training the best network again (some seconds)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
