"""Mosquitto: nobody is anonymous, every user may do one thing, sessions survive a restart.

Promises  `ask` logs in as the gateway by an MQTT 3.1.1 CONNECT of its own, so an answer means that passwords work, too.
Leaves    Who the users are to the caller.
"""

import os
import signal
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from local import credentials, tools
from local.child import with_parent
from local.outage import QUEUE, Queue
from local.servers.server import ServerProcess


class MqttUser(NamedTuple):
    """A user and what it may do, as lines of an access list: `topic read city/#`."""

    name: str
    rules: tuple[str, ...]


_SAID = ("$SYS/broker/publish/messages/dropped", "$SYS/broker/uptime")
"""What the broker says of itself and the gateway tells the ledger."""
LARGEST_PACKET_BYTES = 3 << 20
"""The whole PUBLISH, with its topic. A payload that fits is one that the gateway keeps untouched where it refuses it, and that Kafka takes.
Not `message_size_limit`: what is above that one Mosquitto 2.0 drops, and tells an MQTT 3.1.1 device that it has it."""
GATEWAY = MqttUser(credentials.MQTT_GATEWAY, ("topic read city/#", *(f"topic read {topic}" for topic in _SAID)))
SIMULATOR = MqttUser(credentials.MQTT_SIMULATOR, ("topic write city/#",))


def device_user(device: str, city: str) -> MqttUser:
    """A device of its own: writes below its own topic and nowhere else."""
    return MqttUser(device, (f"topic write city/{city}/{device}/#",))


def configuration(folder: Path, host: str, port: int, queue: Queue = QUEUE) -> str:
    """The text of mosquitto.conf.

    The gateway says itself how many messages it holds (ReceiveMaximum). The queue holds what comes while the gateway is
    away (local/outage.py has the sizes); above it messages are dropped, and the gateway reads the `$SYS` counter of drops.
    Who sends a packet above LARGEST_PACKET_BYTES is disconnected without an acknowledgement, before any memory is taken for it.
    """
    lines = [
        "per_listener_settings false",
        f"listener {port} {host}",
        "allow_anonymous false",
        f"password_file {folder / 'passwords'}",
        f"acl_file {folder / 'access'}",
        "max_inflight_messages 0",
        f"max_queued_messages {queue.messages}",
        f"max_queued_bytes {queue.payload_bytes}",
        f"max_packet_size {LARGEST_PACKET_BYTES}",
        "persistence true",
        f"persistence_location {folder / 'data'}/",
        f"autosave_interval {queue.autosave_s}",
        "persistent_client_expiration 7d",
        "set_tcp_nodelay true",
        "log_dest stderr",
        "log_type error",
        "log_type warning",
        "log_type notice",
        "connection_messages false",
    ]
    if os.geteuid() == 0:
        lines.append("user root")  # it would change to a user that may not enter our folder
    return "\n".join(lines) + "\n"


class Mosquitto(ServerProcess):
    """One broker on `host:port` for `users`, whose passwords lie in `secrets`."""

    name = "mosquitto"

    def __init__(self, folder: Path, log: Path, host: str, port: int, secrets: Path) -> None:
        super().__init__(folder, log)
        self.host, self.port, self.secrets = host, port, secrets
        self.users: Sequence[MqttUser] = (GATEWAY, SIMULATOR)
        self.queue = QUEUE

    def install(self) -> None:
        """Broker, its password tool and the two clients."""
        packages = ("mosquitto", "mosquitto-clients")
        for program in ("mosquitto", "mosquitto_passwd", "mosquitto_pub"):
            tools.require(program, packages, self.log.with_name("install.log"))

    def prepare(self) -> None:
        """Write configuration, hashed passwords and access list."""
        (self.folder / "data").mkdir(parents=True, exist_ok=True)
        tools.keep_text(self.folder / "mosquitto.conf", configuration(self.folder, self.host, self.port, self.queue))
        plain = "".join(f"{user.name}:{credentials.ensure(credentials.mqtt_file(self.secrets, user.name))}\n" for user in self.users)
        rules = "\n".join(line for user in self.users for line in (f"user {user.name}", *user.rules, ""))
        credentials.write(self.folder / "access", rules)
        credentials.write(self.folder / "hashing", plain.rstrip("\n"))
        program = tools.find("mosquitto_passwd") or "mosquitto_passwd"
        tools.run([program, "-U", str(self.folder / "hashing")], self.log.with_name("install.log"))
        (self.folder / "hashing").replace(self.folder / "passwords")

    def command(self) -> Sequence[str]:
        """The broker in the foreground."""
        return with_parent([tools.find("mosquitto") or "mosquitto", "-c", str(self.folder / "mosquitto.conf")])

    def reload(self) -> None:
        """Take up changed users without ending a session."""
        self.prepare()
        if self.child is not None:
            self.child.signal(signal.SIGHUP)

    def ask(self) -> str | None:
        """Log in as the gateway."""
        user = credentials.MQTT_GATEWAY
        return login(self.host, self.port, user, credentials.ensure(credentials.mqtt_file(self.secrets, user)))


def login(host: str, port: int, user: str, password: str) -> str | None:
    """One MQTT 3.1.1 CONNECT with a clean session: None where it is accepted, else what came."""
    variable = b"\x00\x04MQTT\x04\xc2\x00\x0a"  # protocol, level 4, user + password + clean session, keep-alive 10 s
    body = variable + b"".join(len(part).to_bytes(2, "big") + part for part in (b"", user.encode(), password.encode()))
    if len(body) > 127:
        return f"user and password: wanted at most 100 bytes, got {len(body)}"
    try:
        with socket.create_connection((host, port), 2.0) as connection:
            connection.settimeout(2.0)
            connection.sendall(bytes([0x10, len(body)]) + body)
            answer = connection.recv(4)
            connection.sendall(b"\xe0\x00")
    except OSError as error:
        return str(error)
    return None if answer == b"\x20\x02\x00\x00" else f"CONNACK {answer.hex() or 'none'}"
