"""`python -m jdend.exporting DIR stablehlo|c [PATH]`: a saved network as a program."""

import sys
from collections.abc import Sequence

from jdend._output import Parser, command_line, complain, show


@command_line("jdend.exporting")
def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code: 0, or 2 for what cannot be exported."""
    options = command_parser().parse_args(arguments)

    from jdend.exporting import ExportError, export
    from jdend.models import ModelError

    try:
        written = export(options.model, options.format, options.path, weights=options.weights)
    except (ExportError, ModelError) as error:
        complain(f"jdend.exporting: {error}")
        return 2
    show(str(written))
    return 0


def command_parser() -> Parser:
    """The parser of its options."""
    parser = Parser(
        prog="python -m jdend.exporting",
        description="Writes a saved network as a program that runs without jdend, and its size.",
        allow_abbrev=False,
    )
    parser.add_argument("model", metavar="DIR", help="where it is saved")
    parser.add_argument("format", metavar="FORMAT", help="stablehlo or c")
    parser.add_argument("path", metavar="PATH", nargs="?", help="default model.FORMAT")
    parser.add_argument("--weights", metavar="KIND", help="of c: float32 (default) or int8")
    return parser


if __name__ == "__main__":
    sys.exit(main())
