"""What `python -m jdend.report` does."""

import argparse
import sys
from pathlib import Path

from jdend.report._again import portrait_of
from jdend.report._findings import read_findings
from jdend.report._report import write_report
from jdend.study import StudyError

__all__ = ["run"]


def run(options: argparse.Namespace) -> int:
    """Writes the report; returns the exit code."""
    try:
        if options.storage is None:
            findings = read_findings(options.study)
        else:
            findings = read_findings(None, storage=options.storage, study=options.study)
        out = options.out or (findings.folder or Path()) / "report.html"
        portrait, why_none = None, "--no-training was given"
        if options.training:
            try:
                portrait = portrait_of(findings)
            except StudyError as error:
                why_none = str(error)
        print(write_report(findings, out, portrait=portrait, why_none=why_none))
    except StudyError as error:
        print(f"jdend.report: {error}", file=sys.stderr)
        return 2
    return 0
