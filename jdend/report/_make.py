"""From a study to a report on disk, for the command line and after a search."""

import importlib.util
import shlex
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from jdend._messages import reason
from jdend.study import StudyError

if TYPE_CHECKING:
    from jdend.report._best_network import Observed

__all__ = ["make_report", "report_after_search"]


def make_report(
    where: str | Path | None,
    *,
    storage: str | None = None,
    study: str | None = None,
    form: str = "html",
    out: str | Path | None = None,
    training: bool = True,
    observed: "Observed | None" = None,
    say: Callable[[str], None] = lambda line: None,
) -> Path:
    """Writes the report of a study, also of one that was interrupted.

    Args:
      where: the folder of a search, or its `results.json`; None if there is only a storage.
      storage, study: where the study is stored, see `read_record`.
      form: `html`, one page; `md`, Markdown with pictures in a folder beside it; `png`, a picture.
      out: the file; by default `report.html`, … in the study's folder, or in the current one.
      training: whether to train the best network again, for the sections that need its weights.
      observed: the training of a network, which is not trained again if it is the best one.
      say: called with a line of text if another one was observed.

    Returns:
      The file.

    Raises:
      StudyError: if there is no study, a package is missing, or the file cannot be written.
    """
    for package in ("plotly", "matplotlib"):
        if importlib.util.find_spec(package) is None:
            raise StudyError(f"a report needs {package}: pip install 'jdend[report]'")
    from jdend.report._best_network import portrait_of
    from jdend.report._record import read_record
    from jdend.report._report import FORMATS, write_report
    from jdend.training import enable_program_cache

    if form not in FORMATS:
        raise StudyError(f"unknown format {form!r}: give {', '.join(FORMATS)}")
    record = read_record(where, storage=storage, study=study)
    portrait, why_none = None, "the report was asked for without training"
    if training:
        enable_program_cache()
        try:
            portrait = portrait_of(record, observed=observed, say=say)
        except StudyError as error:
            why_none = str(error)
    path = Path(out or (record.folder or Path()) / f"report.{form}")
    return write_report(record, path, form=form, portrait=portrait, why_none=why_none)


def report_after_search(
    folder: str | Path, say: Callable[[str], None], observed: "Observed | None" = None
) -> None:
    """Writes `report.html` beside a search's results. If that fails, a message gives the reason and
    the command to try again; the results are not touched.

    Args:
      folder: that of the search.
      say: called with lines of text for the user.
      observed: the training of the best network, if it was just trained; None to train it again.
    """
    again = f"python -m jdend.report {shlex.quote(str(folder))}"
    if importlib.util.find_spec("plotly") is None:
        say("no report: it needs Plotly, pip install 'jdend[report]'")
        return
    started = time.monotonic()
    if observed is None:
        say("the report: the best network is trained again for it (--no-report leaves it out)")
    try:
        path = make_report(folder, observed=observed, say=say)
        say(f"the report is in {path} ({time.monotonic() - started:.0f} s)")
    except KeyboardInterrupt:
        say(f"no report: interrupted; {again} writes it")
    except Exception as error:  # a search that is finished must not end in a trace
        say(f"no report: {reason(error)}; {again} tries again")
