"""Letting TensorFlow Datasets download and prepare a data set; needs TensorFlow.

It runs in a process of its own (`python -m jdend.data._prepare`), because TensorFlow occupies
accelerators and writes to the terminal.
"""

import argparse
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from jdend.data._catalog import Entry
from jdend.data._errors import Unavailable

_ROOT = str(Path(__file__).parents[2])
_REASON_MARKER = "jdend: failed: "
"""Marks the line with the reason among TensorFlow's own output."""


def prepare(
    entry: Entry, root: Path, *, manual_dir: Path | None = None, python: str | None = None
) -> None:
    """Makes TFDS prepare `entry` below `root` as array_record.

    Args:
      manual_dir: a folder with the publisher's files, which TFDS checks and then does not download.
      python: the interpreter that has TensorFlow; default: this one.

    Raises:
      Unavailable: if TensorFlow is missing or TFDS fails.
    """
    if entry.tfds is None:
        raise Unavailable(f"TFDS has no {entry.name}")
    if python is None:
        require_tensorflow()
    command = [python or sys.executable, "-m", "jdend.data._prepare", entry.tfds, str(root)]
    if manual_dir is not None:
        command += ["--manual-dir", str(manual_dir)]
    environment = {
        **os.environ,
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        # The other interpreter need not have jdend installed.
        "PYTHONPATH": os.pathsep.join([_ROOT, os.environ.get("PYTHONPATH", "")]),
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        _, marker, reason = done.stdout.rpartition(_REASON_MARKER)
        ended = f"the process ended with {done.returncode}"
        raise Unavailable(f"TFDS could not prepare it: {reason.strip() if marker else ended}")


def require_tensorflow() -> None:
    """Raises `Unavailable` if this interpreter lacks TensorFlow; does not import it."""
    if importlib.util.find_spec("tensorflow") is None:
        raise Unavailable("preparing needs TensorFlow: pip install 'jdend[prepare]'")


def _main() -> None:
    parser = argparse.ArgumentParser(prog="python -m jdend.data._prepare", description=__doc__)
    parser.add_argument("name", help="name in TFDS, such as emnist/balanced")
    parser.add_argument("root", help="folder to prepare it in")
    parser.add_argument("--manual-dir", help="folder with the publisher's files")
    arguments = parser.parse_args()

    try:
        _download_and_prepare(arguments.name, arguments.root, arguments.manual_dir)
    except Exception as error:
        # The process that started this one reports the reason.
        lines = str(error).splitlines() or [type(error).__name__]
        print(f"{_REASON_MARKER}{lines[0]}", flush=True)
        sys.exit(1)


def _download_and_prepare(name: str, root: str, manual_dir: str | None) -> None:
    import tensorflow_datasets as tfds

    builder = tfds.builder(name, data_dir=root, file_format="array_record")
    # Google's ready-made copies are TFRecords, which only TensorFlow reads.
    config = tfds.download.DownloadConfig(manual_dir=manual_dir, try_download_gcs=False)
    builder.download_and_prepare(download_config=config)


if __name__ == "__main__":
    _main()
