"""Database and Kafka for commands that look: those that the environment names, as in a container, else the running system's."""

import os


def conninfo() -> str:
    """libpq connection string of the role that may only read."""
    if os.environ.get("KOMPAS_DB_USER"):
        from runtime.settings import DatabaseSettings, load

        return load(DatabaseSettings, {"KOMPAS_KAFKA": "", **os.environ}).conninfo
    from cli._broker import reader

    return reader()


def writer_conninfo() -> str:
    """libpq connection string of the role that stores; in a container the environment's own role."""
    if os.environ.get("KOMPAS_DB_USER"):
        return conninfo()
    from cli._broker import database
    from local import credentials

    return database(credentials.WRITER)


def kafka_address() -> str:
    """Bootstrap address."""
    if given := os.environ.get("KOMPAS_KAFKA"):
        return given
    from cli._broker import running_plan

    return running_plan().addresses.kafka
