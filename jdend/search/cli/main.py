"""The command line `python -m jdend.search`. Nothing heavy is imported before it is needed."""

import argparse
import sys
import textwrap
import time
from collections.abc import Sequence

from jdend._output import Parser, command_line, complain
from jdend.fields import FIELDS
from jdend.search.cli.arguments import INTERRUPTED, Command, add_options, parse_command

__all__ = ["INTERRUPTED", "command_parser", "main"]

DESCRIPTION = """\
Searches for the dendritic neural network of highest accuracy that has at most
--budget trainable parameters. Networks are ranked on examples held out of the
training set; test accuracy is only reported."""

PARAMETERS = textwrap.fill(
    ", ".join(FIELDS), 76, initial_indent="  parameters: ", subsequent_indent="  "
)

EPILOG = f"""\
examples:
  python -m jdend.search --budget 8000
      the default space, on Fashion-MNIST
  python -m jdend.search --budget 2000 --dataset digits --seeds 5
      each network with five seeds: figures are means ± standard deviations
  python -m jdend.search --budget 8000 --space space.toml --strategy mixed
      a space of your own; lists are gone through, ranges are drawn from
  python -m jdend.search --budget 500,1000,2000,4000,8000 --time 10m
      the best network of each size that ten minutes find
  python -m jdend.search --budget 8000 --strategy random
      networks at random; by default proposals learn from the networks so far,
      and weak ones are stopped early
  python -m jdend.search --budget 8000 --dataset table.csv --target species
      your own data: a CSV file with a header, or an .npz file
  python -m jdend.search --budget 5000 --dry-run
      what would be trained: programs, parameters, memory

a space file (TOML) has a line for each parameter that shall vary, or be
otherwise than in the default space, where the others come from:
  n_neurons = [8, 10, 12]                                     one of these
  n_dendrite_inputs = {{type = "randint", low = 16, high = 96}} 16 to 96
  lr = {{type = "uniform", low = 1e-4, high = 1e-2, log = true}}
  schedule = "cosine"                                         a constant
{PARAMETERS}

The folder of --out holds results.json (every trial), run.json (settings,
times, versions) and report.html, a page about it (docs/report.md). --save-best
saves the best network, for jdend.load and python -m jdend.predict
(docs/models.md). The table goes to standard output, progress to standard error.
Ctrl-C loses nothing: --resume alone goes on with the newest search, or with
that in DIR. python -m jdend.search watch DIR shows the best so far, from
another terminal.
"""


@command_line("jdend.search")
def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code: 0; 2 for bad input; 130 after Ctrl-C."""
    begun = time.monotonic()
    words = tuple(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ("watch",):
        from jdend.search.cli.watch import watch

        return watch(words[1:])

    def parse(words: Sequence[str]) -> Command:
        return parse_command(command_parser(), words, begun)

    command = parse(words)
    try:
        from jdend.search.cli.run import carry_out

        return carry_out(command, parse)
    except KeyboardInterrupt:
        complain("jdend.search: interrupted before anything was trained")
        return INTERRUPTED


def command_parser() -> Parser:
    """The parser of its options."""
    parser = Parser(
        prog="python -m jdend.search",
        usage="%(prog)s [--budget N] [--dataset NAME|FILE] [options]",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_options(parser)
    return parser
