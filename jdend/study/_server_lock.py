"""The lock of a study that a database's server keeps: one process, whatever machine it is on.

PostgreSQL calls it an advisory lock. It belongs to a connection, which stays open, and goes with
it: no clock is compared, and nothing is left to clean up.
"""

import hashlib
import os
import re
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from jdend.study._storage import database_url, storage_errors

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

__all__ = ["ServerLock", "is_on_a_server"]

# So a server notices within a minute that the machine at the other end is gone, and what closes
# idle connections does not close this one. Servers of an older version lack the last.
SETTINGS = {
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "idle_session_timeout": "0",
}
# After that the server has missed a connection that is gone.
SECONDS_TO_BE_MISSED = 90.0
SET = "SELECT set_config(name, :value, false) FROM pg_settings WHERE name = :name"
# PostgreSQL tells the two halves of a number apart.
HOLDER = """
SELECT a.application_name, extract(epoch FROM a.backend_start)
FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND l.classid::bigint = :high AND l.objid::bigint = :low
"""


def is_on_a_server(where: str) -> bool:
    """Whether the server of a storage can keep a lock: PostgreSQL's can."""
    return re.match(r"postgres(ql)?(\+\w+)?://", where.lower()) is not None


class ServerLock:
    """A lock of a study, on its server.

    Args:
      where: the URL of the storage.
      name: the name of the study.
      refused: makes the error of a lock that another process has, from who that is.

    Raises:
      StudyError: if the server cannot be used, and what `refused` makes.
    """

    def __init__(self, where: str, name: str, refused: Callable[[str], Exception]):
        self._where, self._name, self._refused = where, name, refused
        self._own_name = f"jdend {os.getpid()}@{socket.gethostname()}"
        self._connection = self._connected()

    def renew(self) -> None:
        """Takes the lock again if the connection was lost, as when the server starts anew.

        Raises:
          StudyError: as when it was made.
        """
        try:
            self._run(self._connection, "SELECT 1")
        except Exception:  # whatever a driver says of a connection that is gone
            self.release()
            self._connection = self._connected(SECONDS_TO_BE_MISSED)

    def release(self) -> None:
        with suppress(Exception):
            self._connection.close()

    def _connected(self, patience: float = 0.0) -> "Connection":
        """A connection that has the lock.

        Args:
          patience: for how many seconds this process's own lost connection may have it yet.
        """
        until = time.monotonic() + patience
        while True:
            connection, holder = self._asked()
            if connection is not None:
                return connection
            if holder[0] != self._own_name or time.monotonic() > until:
                raise self._refused(_described(*holder))
            time.sleep(1.0)

    def _asked(self) -> "tuple[Connection | None, tuple[str | None, Any]]":
        """A connection that has the lock; None where another has it, and which one that is."""
        with storage_errors(self._where):
            import sqlalchemy
            from sqlalchemy.pool import NullPool

            engine = sqlalchemy.create_engine(
                database_url(self._where), poolclass=NullPool, isolation_level="AUTOCOMMIT"
            )
            connection = engine.connect()
            try:
                for setting, value in {**SETTINGS, "application_name": self._own_name}.items():
                    self._run(connection, SET, name=setting, value=value)
                (schema,) = self._run(connection, "SELECT current_schema()")[0]
                key = _number(f"jdend {schema} {self._name}")
                if self._run(connection, "SELECT pg_try_advisory_lock(:key)", key=key)[0][0]:
                    return connection, (None, None)
                found = self._run(
                    connection, HOLDER, high=key >> 32 & 0xFFFFFFFF, low=key & 0xFFFFFFFF
                )
            except BaseException:
                connection.close()
                raise
        connection.close()
        return None, (found[0][0], found[0][1]) if found else (None, None)

    def _run(self, connection: "Connection", statement: str, **values: object) -> list[Any]:
        from sqlalchemy import text

        return list(connection.execute(text(statement), values).all())


def _number(text: str) -> int:
    """A whole number of 64 bits, with a sign."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big", signed=True)


def _described(application: str | None, begun: Any) -> str:
    """Who holds a lock, by what it says of itself."""
    own = re.fullmatch(r"jdend (\d+)@(.*)", application or "")
    who = f"process {own[1]} on {own[2]}" if own else "another process"
    if begun is None:  # of another user's processes the server may not say it
        return who
    return f"{who}, since {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(float(begun)))}"
