"""The environment that grafana-client lives in: it brings a package that overwrites urllib3, so it stays away from everything else.

Promises  Made from requirements/grafana.lock with hashes, once per content of the lock; whole or absent.
Leaves    What runs in it to dashboards/push.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from runtime.errors import ConfigError

REPOSITORY = Path(__file__).resolve().parent.parent
LOCK = REPOSITORY / "requirements" / "grafana.lock"


def python(folder: Path, lock: Path = LOCK) -> Path:
    """The environment's interpreter, made if it is missing or older than the lock; raises ConfigError with pip's last words."""
    interpreter, stamp = folder / "bin" / "python", folder / "installed.lock"
    wanted = lock.read_bytes()
    if interpreter.exists() and stamp.exists() and stamp.read_bytes() == wanted:
        return interpreter
    shutil.rmtree(folder, ignore_errors=True)
    _run([sys.executable, "-m", "venv", str(folder)])
    _run([str(interpreter), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-input", "--require-hashes", "-r", str(lock)])
    stamp.write_bytes(wanted)
    return interpreter


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ConfigError(" ".join(command[:4]), "an environment for grafana-client", done.stderr.strip()[-400:])
