"""A database that several tests share."""

import uuid

import pytest
from database import server


@pytest.fixture(scope="session")
def postgres_server():
    with server() as url:
        yield url


@pytest.fixture
def postgres(postgres_server):
    """The URL of an empty database."""
    import psycopg

    name = f"test_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"create database {name}")
    return postgres_server.rpartition("/")[0] + f"/{name}"
