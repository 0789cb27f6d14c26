"""Structured logs: what happened, by name, once per change of state. Normal operation is silent.

Promises  One JSON object per line on standard error; fields carry units in their names; no secrets. A log that cannot be written
          (a full disk) is no reason to fail: the line is lost, the work goes on.
Leaves    Counting per batch to each room's own metrics, which runtime/health shows.
"""

import contextlib
import logging
import sys
from typing import Any, TextIO, cast

import structlog


class _Forgiving:
    """Standard error that never raises."""

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            sys.stderr.flush()


def configure(process: str, level: str = "info") -> None:
    """Set up logging for this process; call once, in main."""
    number = getattr(logging, level.upper(), logging.INFO)
    logging.basicConfig(stream=sys.stderr, level=max(number, logging.WARNING), format="%(name)s %(levelname)s %(message)s")
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(file=cast(TextIO, _Forgiving())),
    )
    structlog.contextvars.bind_contextvars(process=process)


def happened(name: str, **fields: Any) -> None:
    """Say that something changed: `happened("kafka_lost", silent_for_s=3.2)`."""
    structlog.get_logger().info(name, **fields)


def failed(name: str, **fields: Any) -> None:
    """Say that something needs a person or a restart."""
    structlog.get_logger().error(name, **fields)
