"""Modules of a user's own, which register strategies, pruners or architectures."""

import importlib
import importlib.util
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from jdend._files import user_path
from jdend.search.errors import SearchError

__all__ = ["import_plugins"]


def import_plugins(plugins: Sequence[str]) -> None:
    """Imports modules by name, or files that end in `.py`, in order.

    Raises:
      SearchError: in one line, for one that cannot be imported, for whatever reason.
    """
    for plugin in plugins:
        try:
            if plugin.endswith(".py"):
                _import_file(user_path(plugin, SearchError))
            else:
                importlib.import_module(plugin)
        except Exception as error:  # whatever a user's file may raise
            raise SearchError(f"--plugin {plugin} cannot be imported: {_said(error)}") from error


def _import_file(path: Path) -> None:
    name = f"jdend_plugin_{path.stem}"  # so that it takes no other module's place
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses look for it
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise


def _said(error: Exception) -> str:
    """What an error says, and in which line of the user's file."""
    if isinstance(error, FileNotFoundError) and error.filename is not None:
        return f"there is no file {error.filename}"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename != __file__ and "importlib" not in frame.filename
    ]
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {' '.join(str(error).split())}{where}"
