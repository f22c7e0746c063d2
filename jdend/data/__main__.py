"""The command line: `python -m jdend.data fetch NAME` and `python -m jdend.data list`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from jdend._files import user_path
from jdend._output import Parser, command_line, complain, show
from jdend.data import DataError, _catalog, is_file_name, load, names
from jdend.data._cache import cached_source, default_data_dir

_EPILOG = """\
examples:
  python -m jdend.data fetch fashion-mnist
  python -m jdend.data fetch mnist --from ~/downloads/mnist     the publisher's four IDX files
  python -m jdend.data fetch mnist --from ~/tensorflow_datasets  prepared by TFDS as array_record
  python -m jdend.data list

Data sets are cached as decoded arrays in JDEND_DATA_DIR, by default in your cache folder.
"""


@command_line("jdend.data")
def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code: 0, or 2 for what `DataError` covers."""
    options = command_parser().parse_args(arguments)
    try:
        return _list(options) if options.command == "list" else _fetch(options)
    except DataError as error:
        complain(f"jdend.data: {error}")
        return 2


def command_parser() -> argparse.ArgumentParser:
    """The parser of its options."""
    parser = Parser(
        prog="python -m jdend.data",
        description="Gets data sets and shows which ones are known and cached.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="fetch|list")
    fetch = commands.add_parser("fetch", help="get a data set, verify it and cache it")
    fetch.add_argument("name", metavar="NAME", help=", ".join(names()))
    fetch.add_argument(
        "--from",
        dest="from_dir",
        metavar="DIR",
        help="take it from the publisher's files, or a set prepared by TFDS, in this folder",
    )
    fetch.add_argument("--offline", action="store_true", help="do not download")
    fetch.add_argument("--refresh", action="store_true", help="get it even if it is cached")
    listing = commands.add_parser("list", help="show the known data sets and which are cached")
    for command in (fetch, listing):
        command.add_argument(
            "--data-dir", metavar="DIR", help="where the cache is (default: JDEND_DATA_DIR)"
        )
    return parser


def _fetch(options: argparse.Namespace) -> int:
    if is_file_name(options.name):
        raise DataError(f"{options.name} is a file already; use it with --dataset {options.name}")
    dataset = load(
        options.name,
        data_dir=options.data_dir,
        from_dir=options.from_dir,
        download=not options.offline,
        refresh=options.refresh,
    )
    shape = " x ".join(map(str, dataset.train_images.shape[1:]))
    show(
        f"{dataset.name}: {len(dataset.train_labels)} training and {len(dataset.test_labels)} test "
        f"images of {shape}, {dataset.n_classes} classes\n"
        f"source: {dataset.source}\n"
        f"SHA-256: {dataset.digest}"
    )
    # What could not be cached has been reported, but was not fetched for later either.
    return 0 if cached_source(_catalog.find(options.name), _data_dir(options)) else 2


def _list(options: argparse.Namespace) -> int:
    data_dir = _data_dir(options)
    show(f"{'name':<14} {'classes':>7}  {'image':<11} {'training':>8} {'test':>6}  about")
    for entry in _catalog.ENTRIES:
        shape = " x ".join(map(str, entry.image_shape))
        show(
            f"{entry.name:<14} {entry.n_classes:>7}  {shape:<11} {entry.n_train:>8} "
            f"{entry.n_test:>6}  {entry.about}"
        )
    show(f"\ncached in {data_dir}:")
    cached = {entry.name: cached_source(entry, data_dir) for entry in _catalog.ENTRIES}
    for name, source in cached.items():
        if source is not None:
            show(f"  {name}: from {source}")
    if not any(cached.values()):
        show("  nothing yet; get one with python -m jdend.data fetch NAME")
    return 0


def _data_dir(options: argparse.Namespace) -> Path:
    return user_path(options.data_dir, DataError) if options.data_dir else default_data_dir()


if __name__ == "__main__":
    sys.exit(main())
