"""Create or update folders, data source and boards in a Grafana: `python -m dashboards.push`, in the environment of grafana-client.

Promises  Reads the document of dashboards/publication on standard input, KOMPAS_GRAFANA_URL and KOMPAS_GRAFANA_TOKEN from the
          environment; says every step in one line; pushed again, it changes nothing but what is new. Exit code 1 at the first refusal.
Leaves    What to publish to dashboards/publication. Imports nothing of ours that needs the main environment.
"""

import json
import os
import sys
from typing import Any

from grafana_client import GrafanaApi
from grafana_client.client import GrafanaClientError, GrafanaException

Json = dict[str, Any]
_NOT_FOUND = 404


def push(api: Any, document: Json) -> list[str]:
    """Send the document; returns what was done, one line per step. Raises GrafanaException where Grafana refuses."""
    done = [_folder(api, folder) for folder in document["folders"]]
    if document["data_source"] is not None:
        done.append(_data_source(api, document["data_source"]))
    return done + [_board(api, board) for board in document["boards"]]


def _folder(api: Any, folder: Json) -> str:
    if _there(api.folder.get_folder, folder["uid"]):
        api.folder.update_folder(folder["uid"], title=folder["title"], overwrite=True)
        return f"updated folder {folder['uid']}"
    api.folder.create_folder(folder["title"], uid=folder["uid"])
    return f"created folder {folder['uid']}"


def _data_source(api: Any, source: Json) -> str:
    if _there(api.datasource.get_datasource_by_uid, source["uid"]):
        api.datasource.update_datasource_by_uid(source["uid"], source)
        return f"updated data source {source['uid']}"
    api.datasource.create_datasource(source)
    return f"created data source {source['uid']}"


def _board(api: Any, board: Json) -> str:
    dashboard = {**board["dashboard"], "id": None}
    api.dashboard.update_dashboard({"dashboard": dashboard, "folderUid": board["folder"], "overwrite": True})
    return f"sent board {dashboard['uid']}"


def _there(get: Any, uid: str) -> bool:
    try:
        get(uid)
    except GrafanaClientError as error:
        if error.status_code != _NOT_FOUND:
            raise
        return False
    return True


def main() -> int:
    """The command."""
    try:
        api = GrafanaApi.from_url(os.environ["KOMPAS_GRAFANA_URL"], credential=os.environ["KOMPAS_GRAFANA_TOKEN"], timeout=30.0)
        for line in push(api, json.load(sys.stdin)):
            sys.stdout.write(line + "\n")
    except (GrafanaException, OSError) as error:
        sys.stderr.write(f"Grafana at {os.environ['KOMPAS_GRAFANA_URL']}: wanted its boards taken, got {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
