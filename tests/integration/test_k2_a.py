"""Local."""
import sys, tempfile
sys.path.insert(0, "/work/main")
import psycopg, pytest
from pathlib import Path
from tests.day import pack, play
from simulators.worlds import world
from catalog.load import load_catalogue
class FakeSystem:
    def conninfo(self, role="kompas_reader"):
        return Path("/tmp/k2/conn_pg" if role=="postgres" else "/tmp/k2/conn").read_text()
_f = Path(tempfile.mkdtemp()); pack.write(_f, load_catalogue()); _w = world(pack.CITY, _f)
class FakeDay:
    system = FakeSystem()
    there = _w
    sent = play.script(_w)
    catalogue = _w.catalogue
    def connect(self, role="kompas_reader"):
        return psycopg.connect(self.system.conninfo(role), autocommit=True, options="-c timezone=UTC")
@pytest.fixture(scope="session")
def day(): return FakeDay()
from tests.integration.test_check_sql import *
from tests.integration.test_check_sql import held
