"""Structured logs on standard error: one JSON object a line, without secrets by construction.

Nothing here ever sees a body, a query string or a header other than the request id.
"""

import json
import logging
import sys
import time

from loadcore_target.settings import Settings


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON line; fields given with `extra={"fields": {...}}` are members."""

    def __init__(self, replica: str) -> None:
        super().__init__()
        self._replica = replica

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        document = {
            "time": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "replica": self._replica,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            document["exception"] = self.formatException(record.exc_info)
        return json.dumps(document)


def configure_logging(settings: Settings) -> None:
    """Sends warnings and what the settings ask for to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(settings.replica))
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    if settings.log_requests:
        logging.getLogger("loadcore_target.request").setLevel(logging.INFO)
    logging.getLogger("uvicorn").setLevel(max(settings.log_level_number, logging.WARNING))
