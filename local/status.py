"""What `./kompas status --json` says: one object with servers, processes, mqtt, kafka, database, counts and urls.

Promises  Asks each process for /readyz and Kafka for its logs' ends now; no password in it, only the files where they lie.
Leaves    Counting rows to the writer.
"""

import os
from pathlib import Path
from typing import Any

import msgspec
from aiokafka.errors import KafkaError

from catalog.cities import topic_of
from catalog.load import load_catalogue
from catalog.packs import configured
from local import credentials, example, outage, pages, report, space, topics
from local.plan import Plan
from local.state import Part, RunState
from runtime.clock import iso_s

Found = dict[str, Any]


def gather(what: Plan, now: RunState | None, *, in_docker: bool = False) -> Found:
    """The object; `now` is None where nothing runs."""
    at = what.addresses
    found: Found = {"running": now is not None, "phase": now.phase if now else "stopped", "pid": (now.pid or None) if now else None}
    found["in_docker"] = in_docker
    found |= {"since": iso_s(now.started_us) if now else None, "cities": at.cities.split(",")}
    found["servers"] = {name: _part(part, f"{at.db_host}:{part.port}") for name, part in (now.servers if now else {}).items()}
    found["processes"] = {name: _process(part) for name, part in (now.processes if now else {}).items()}
    found["mqtt"] = _mqtt(what) | _outage(what)
    found["kafka"] = {"bootstrap": at.kafka, "topics": _ends(at.kafka) if now and now.servers["kafka"].state == "up" else {}}
    found["database"] = {
        "host": at.db_host,
        "port": at.db_port,
        "name": at.db_name,
        "roles": {role: str(credentials.role_file(at.secrets, role)) for role in credentials.ROLES},
    }
    stored = report.fetch(what.ports["writer"]) if now else report.EMPTY
    found["counts"], found["rejected"] = dict(stored.counts), dict(stored.rejected)
    found["ledger"] = stored.ledger._asdict() if stored.ledger else None
    left = space.least(space.folders(what.layout))
    found["disk"] = {"folder": str(left.folder), "free_mb": left.free_mb, "problem": space.problem(left)}
    found["urls"] = commands(what, in_docker=in_docker)
    found["logs"] = str(what.layout.logs)
    return found


def well(found: Found) -> bool:
    """Whether everything runs and can do its job."""
    parts = [*found["servers"].values(), *found["processes"].values()]
    return bool(found["running"]) and found["disk"]["problem"] is None and all(part["state"] == "up" and part.get("ready", True) for part in parts)


def commands(what: Plan, *, in_docker: bool = False) -> dict[str, str]:
    """Where to point what, as commands that work as they stand."""
    at = what.addresses
    reader = credentials.role_file(at.secrets, credentials.READER)
    grafana = f"data source PostgreSQL {at.db_host}:{at.db_port}, database {at.db_name}, user {credentials.READER}, password in {reader}"
    if in_docker:
        grafana = f"http://{at.db_host}:{what.ports['grafana']}, user admin, password in {at.secrets / credentials.GRAFANA_ADMIN}"
    chosen = choose(what)
    found = {"example_publish": example.publish(chosen, at)} if chosen else {}
    found |= {
        "kcat": example.kcat(at),
        "psql": example.psql(at),
        "mosquitto_sub": example.mosquitto_sub(at),
        "grafana": grafana,
    }
    return found | {f"{process.name}_health": f"http://{at.db_host}:{what.ports[process.name]}/readyz" for process in what.processes}


def choose(what: Plan) -> example.Example | None:
    """The manual device of the example."""
    folder = os.environ.get("KOMPAS_CATALOG_DIR")
    catalogue = configured(load_catalogue(Path(folder) if folder else None), what.packs)
    return example.choose(what.manual_devices, catalogue.kinds, catalogue.kpis)


def _mqtt(what: Plan) -> Found:
    at = what.addresses
    users = (credentials.MQTT_GATEWAY, credentials.MQTT_SIMULATOR)
    return {
        "host": at.mqtt_host,
        "port": at.mqtt_port,
        "topic": "city/<city>/<device>/<format>",
        "users": {user: str(credentials.mqtt_file(at.secrets, user)) for user in users},
        "manual_devices": {
            device.id: {
                "kind": device.kind,
                "area": device.area,
                "topic": topic_of(device),
                "password_file": str(credentials.mqtt_file(at.secrets, device.id)),
            }
            for device in what.manual_devices
        },
    }


def _outage(what: Plan) -> Found:
    """How much the broker can hold while nobody takes it, and whether this machine has the room."""
    queue, fits = outage.QUEUE, outage.held(outage.QUEUE)
    memory_mb, disk_mb = space.memory_mb(), space.free_mb(what.layout.server("mosquitto"))
    return {
        "outage_messages": fits.messages,
        "outage_s_at_1000": fits.seconds,
        "outage_payload_bytes": outage.PAYLOAD_BYTES,
        "outage_memory_mb": fits.memory_mb,
        "outage_disk_mb": fits.disk_mb,
        "memory_free_mb": memory_mb,
        "disk_free_mb": disk_mb,
        "autosave_s": queue.autosave_s,
        "outage_problem": outage.problem(queue, memory_mb, disk_mb),
    }


def _part(part: Part, address: str) -> Found:
    since = iso_s(part.since_us) if part.since_us else None
    return {"state": part.state, "pid": part.pid, "address": address, "since": since, "restarts": part.restarts} | (
        {"reason": part.reason, "log": part.log} if part.reason else {"log": part.log}
    )


def _process(part: Part) -> Found:
    page = pages.get(part.port, "/readyz")
    try:
        wrong = msgspec.json.decode(page.body).get("wrong", {}) if page.status else {"health": page.body}
    except (msgspec.DecodeError, AttributeError):
        wrong = {"health": f"answered {page.status}"}
    return _part(part, f"http://127.0.0.1:{part.port}") | {"ready": page.status == 200, "wrong": wrong}


def _ends(bootstrap: str) -> Found:
    try:
        return dict(topics.ends(bootstrap))
    except (KafkaError, OSError, TimeoutError) as error:
        return {"error": str(error)}
