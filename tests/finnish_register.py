"""The Finnish register on this machine: it has the companies of our own fixtures and speaks as the real one does."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

import orjson

from tests.recorded import OURS

COMPANIES: list[dict[str, Any]] = orjson.loads((OURS / "fi" / "several.json").read_bytes())["companies"]


class Ytj(BaseHTTPRequestHandler):
    """Finds companies by number or by a part of a name."""

    called: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        self.called.append(asked.path)
        found = [company for company in COMPANIES if _meets(company, dict(parse_qsl(asked.query)))]
        content = orjson.dumps({"totalResults": len(found), "companies": found})
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        pass


def _meets(company: dict[str, Any], asked: dict[str, str]) -> bool:
    if "businessId" in asked:
        return bool(company["businessId"]["value"] == asked["businessId"])
    return any(asked.get("name", "").casefold() in name["name"].casefold() for name in company["names"])


@contextmanager
def finnish_register() -> Iterator[str]:
    """The base URL at which it answers."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Ytj)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/opendata"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
