"""The storages of studies: a journal file in a search's folder, or any other storage of Optuna.

The journal is the default because it is fast: storing a finished trial with all its figures takes
0.25 ms, against 7.3 ms with SQLite (Optuna 5, two cores, `experiments/storage_share.py`). A
population trains a trial in tens of milliseconds.
"""

import random
import re
import time
import warnings
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from jdend._files import os_errors_as
from jdend.study._errors import StudyError
from jdend.study._folder import journal_in

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from sqlalchemy.engine import URL

__all__ = [
    "database_url",
    "open_storage",
    "quiet_optuna",
    "storage_errors",
    "without_password",
    "words_without_passwords",
]

# Workers that start together on an empty database all try to make its tables, and all but one fail.
MAX_ATTEMPTS = 6
# How long SQLite waits while another process writes.
SECONDS_FOR_ANOTHER_WRITER = 60.0


def open_storage(where: str | Path, *, say: Callable[[str], None] | None = None) -> "BaseStorage":
    """Opens a storage of studies; it is made if it does not exist.

    Args:
      where: a URL such as `postgresql://user@host/database` or `sqlite:///file.db`; otherwise the
        path of a journal file, or of a folder that holds one.
      say: called with a line of text if the end of a journal is damaged, which is then cut off;
        None to leave files as they are.

    Raises:
      StudyError: if it cannot be opened, its driver is not installed, or it is a Redis server,
        whose data Optuna unpickles, which can run any code.
    """
    text = str(where)
    if "://" not in text:
        return _open_journal(journal_in(where), say)
    if text.lower().startswith("redis"):
        raise StudyError(
            "redis:// is refused: what such a server sends is unpickled, which can run any code "
            "here; give postgresql://user@host/database, sqlite:///study.db or a journal's path"
        )
    with storage_errors(text):
        return _open_database(text)


def without_password(where: str) -> str:
    """The name of a storage for messages, without secrets. A path is returned unchanged.

    In a URL the password becomes stars, and so do all parameters after `?`, which may hold
    passwords as well. If the URL is not certainly valid, nothing of it is shown.
    """
    if "://" not in where:
        return where
    url = _parsed(where)
    if url is None:
        return "***"
    shown = url.set(query={}).render_as_string(hide_password=True)
    return f"{shown}?***" if url.query else shown


def words_without_passwords(words: Iterable[str]) -> list[str]:
    """The words of a command line, with URLs as `without_password` shows them."""
    shown: list[str] = []
    for word in words:
        option, equals, value = word.rpartition("=") if word.startswith("--") else ("", "", word)
        if "://" in option:  # that was an `=` of the URL
            option, equals, value = word.partition("=")
        shown.append(f"{option}{equals}{without_password(value)}")
    return shown


@contextmanager
def storage_errors(where: str | Path) -> Generator[None]:
    """Turns errors of storages into `StudyError`, in one line and without passwords."""
    text = str(where)
    place = without_password(text)
    if "://" not in text:
        with os_errors_as(StudyError, f"cannot use {place}"):
            yield
        return
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except ImportError as error:
        cause = error.__cause__ if isinstance(error.__cause__, ImportError) else error
        hint = " (pip install 'jdend[postgres]')" if "psycopg" in str(cause) else ""
        needed = cause.name or "of its driver"
        raise StudyError(f"storage {place} needs the package {needed}{hint}") from None
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError, OSError, TypeError) as error:
        cause = error.__cause__ if isinstance(error.__cause__, SQLAlchemyError) else error
        why = _without_secrets(str(getattr(cause, "orig", None) or cause), text)
        raise StudyError(f"cannot use storage {place}: {why}") from None


def _parsed(where: str) -> "URL | None":
    """The parsed URL; None if SQLAlchemy cannot parse it, or may parse it in an unintended way."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import SQLAlchemyError

    try:
        url = make_url(where)
    except (SQLAlchemyError, ValueError):
        return None
    parts = f"{url.host or ''}{url.database or ''}"
    return None if "@" in parts or "?" in parts else url


def _without_secrets(text: str, where: str) -> str:
    """The first line of a driver's message, without the secrets of the URL."""
    url = _parsed(where)
    if url is None:
        return "what it says is left out, as it may hold a password"
    values = [v for v in url.query.values() for v in ([v] if isinstance(v, str) else v)]
    for secret in filter(None, [url.password, *values]):
        text = text.replace(str(secret), "***")
    return next(iter(text.splitlines()), "")


@contextmanager
def quiet_optuna() -> Generator[None]:
    """Suppresses Optuna's messages about new studies and its warnings of experimental features."""
    import optuna

    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(level)


def _open_journal(journal: Path, say: Callable[[str], None] | None) -> "BaseStorage":
    from jdend.study._journal import Journal, cut_off_damage

    with os_errors_as(StudyError, f"cannot use {journal}"):
        damage = cut_off_damage(journal) if say is not None and journal.is_file() else None
        if damage is not None and say is not None:
            say(damage)
        try:
            return Journal(journal)
        except (ValueError, KeyError, TypeError, AssertionError) as error:
            raise StudyError(f"{journal} is no journal of Optuna's, or is damaged") from error


def database_url(url: str) -> str:
    """The URL as SQLAlchemy takes it, with the driver of PostgreSQL that the extra installs."""
    return re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", url)


def _open_database(url: str) -> "BaseStorage":
    import optuna
    from optuna.storages import RDBStorage
    from sqlalchemy import exc

    url = database_url(url)
    if url.startswith("sqlite"):
        options = {"connect_args": {"timeout": SECONDS_FOR_ANOTHER_WRITER}}
    else:
        options = {"pool_pre_ping": True}
    for attempt in range(1, MAX_ATTEMPTS + 1):
        try:
            return RDBStorage(url, engine_kwargs=options)
        except exc.ArgumentError:
            raise StudyError(
                f"--storage {without_password(url)} is no URL of a database: give one such as "
                "postgresql://user@host/database or sqlite:///study.db"
            ) from None
        except exc.OperationalError as error:
            if "already exists" not in str(error) or attempt == MAX_ATTEMPTS:
                raise
        except (exc.IntegrityError, exc.ProgrammingError, optuna.exceptions.StorageInternalError):
            if attempt == MAX_ATTEMPTS:
                raise
        time.sleep(random.uniform(0.1, 0.5) * attempt)
    raise AssertionError
