"""Ports: the fixed ones of Kompas, free ones for tests, and who holds a taken one.

Promises  The defaults stay away from the servers' own usual ports; KOMPAS_PORT_<NAME> moves each.
Leaves    Listening to the servers.
"""

import os
import random
import socket
from collections import deque
from collections.abc import Iterable, Mapping

import psutil

from local.errors import MachineError
from runtime.errors import ConfigError

DEFAULTS: Mapping[str, int] = {
    "mqtt": 21883,
    "kafka": 29092,
    "kafka_controller": 29093,
    "database": 25432,
    "gateway": 28081,
    "worker": 28082,
    "writer": 28083,
    "demo": 28084,
    "restater": 28085,
    "grafana": 23000,  # in containers only
}
HOST = "127.0.0.1"
_FREE = [port for port in range(10_000, 32_000) if port not in DEFAULTS.values()]
"""Below what Linux gives to connections (32768 and up where nobody has changed it)."""
_promised: deque[int] = deque()
"""A name in the machine's abstract name space for each port given out, as an open file: until a server listens, nothing else tells others
that it is taken."""
_PROMISES = 512


def chosen(environment: Mapping[str, str]) -> dict[str, int]:
    """Port by name: the default, or what KOMPAS_PORT_<NAME> says."""
    ports = {}
    for name, default in DEFAULTS.items():
        variable = f"KOMPAS_PORT_{name.upper()}"
        text = environment.get(variable, str(default))
        if not text.isdigit() or not 1 <= int(text) <= 65_535:
            raise ConfigError(variable, "a port from 1 to 65535", text)
        ports[name] = int(text)
    if len(set(ports.values())) != len(ports):
        raise ConfigError("KOMPAS_PORT_*", "a port of its own for each", ports)
    return ports


def free(count: int) -> list[int]:
    """`count` different ports that nobody listens on at this moment, of those that the system gives to no connection by itself.

    A port of the system's own range may be a connection's a moment later, and a server that starts again on it finds it in use. A port
    given out is not given out again, by this or any other process, while this one lives (of the last 512).
    """
    found: list[int] = []
    chance = random.SystemRandom()
    while len(found) < count:
        port = chance.choice(_FREE)
        if not taken(port) and _promise(port):
            found.append(port)
    return found


def _promise(port: int) -> bool:
    """Keep the port for this process; False where it is another caller's. The kernel forgets it with the process."""
    name = socket.socket(socket.AF_UNIX)
    try:
        name.bind(f"\0kompas-port-{port}")
    except OSError:
        name.close()
        return False
    _promised.append(name.detach())
    if len(_promised) > _PROMISES:
        os.close(_promised.popleft())
    return True


def taken(port: int) -> bool:
    """Whether something listens on the port."""
    with socket.socket() as probe:
        # a server that has just stopped leaves connections in TIME_WAIT; they do not hold the port against us
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False


def holder(port: int) -> str:
    """Who listens on the port, as far as this user may see."""
    try:
        for connection in psutil.net_connections("inet"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except psutil.Error:
        pass
    return "another program"


def require_free(ports: Mapping[str, int], names: Iterable[str]) -> None:
    """Raise MachineError for the first of the named ports that is taken."""
    for name in names:
        port = ports[name]
        if taken(port):
            raise MachineError(
                f"port {port} ({name}) is in use by {holder(port)}",
                f"stop it, or choose another port: KOMPAS_PORT_{name.upper()}=<port> ./kompas up",
            )
