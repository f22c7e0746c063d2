"""What `python -m jdend.report` does."""

import argparse
import sys

from jdend.report._make import make_report
from jdend.study import StudyError

__all__ = ["run"]


def run(options: argparse.Namespace) -> int:
    """Writes the report; returns the exit code."""
    in_storage = options.storage is not None
    try:
        path = make_report(
            None if in_storage else options.study,
            storage=options.storage,
            study=options.study if in_storage else None,
            form=options.format,
            out=options.out,
            training=options.training,
        )
    except StudyError as error:
        print(f"jdend.report: {error}", file=sys.stderr)
        return 2
    print(path)
    return 0
