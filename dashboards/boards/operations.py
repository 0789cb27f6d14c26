"""The board of who runs the platform: the ledger's balance, lag, what was refused, repeated and late, and whether processes speak.

Promises  Nothing of the city's readings is read: counts that the writer keeps.
"""

from catalog.load import Catalogue
from catalog.reasons import Reason
from dashboards.builder.board import Head, Placed, board, query_variable, tag_link
from dashboards.builder.fields import NEUTRAL, Json, Shade, coloured, override
from dashboards.builder.panels import Text, table
from dashboards.load import Board
from dashboards.sql import choices, flow, ledger
from dashboards.texts import Texts


def build(_catalogue: Catalogue, texts: Texts) -> dict[str, Json]:
    """The one dashboard `operations`."""
    head = Head(f"kompas-operations-{texts.language}", texts("operations_board"), texts("operations_board_about"), texts.language)
    seconds = {"unit": "s"}
    reasons = [Shade(reason.value, texts(f"reason_{reason.value}"), NEUTRAL) for reason in Reason]
    rows = [
        [
            Placed(table(Text(texts("ledger"), texts("ledger_about")), ledger.balance(texts), []), 16, 8),
            Placed(table(Text(texts("waiting"), texts("waiting_about")), ledger.waiting(texts), []), 8, 8),
        ],
        [
            Placed(_timed(texts, "gateways", ledger.gateways(texts), "heard"), 12, 7),
            Placed(table(Text(texts("writers"), texts("writers_about")), ledger.stored(texts), []), 12, 7),
        ],
        [Placed(_timed(texts, "partitions", ledger.partitions(texts), "lag"), 24, 12)],
        [
            Placed(table(Text(texts("rejected"), texts("rejected_about")), flow.rejected(texts), [coloured(texts("reason"), reasons)]), 12, 9),
            Placed(table(Text(texts("progress"), texts("progress_about")), flow.progress(texts), [override(texts("behind"), seconds)]), 12, 9),
        ],
    ]
    variables = [query_variable("city", texts("city"), choices.cities(texts))]
    return {"operations": board(head, rows, variables, [tag_link(texts("boards"), ("kompas", texts.language))])}


def _timed(texts: Texts, key: str, sql: str, seconds: str) -> Json:
    return table(Text(texts(key), texts(f"{key}_about")), sql, [override(texts(seconds), {"unit": "s"})])


BOARD = Board(build)
