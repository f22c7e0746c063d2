"""What `python -m jdend.report` does."""

import argparse

from jdend._output import complain, show
from jdend.report._make import make_report
from jdend.study import StudyError

__all__ = ["report_command"]


def report_command(options: argparse.Namespace) -> int:
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
        complain(f"jdend.report: {error}")
        return 2
    show(str(path))
    return 0
