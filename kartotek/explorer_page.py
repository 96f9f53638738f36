"""The explorer for browsers, as `make explorer` built it from `explorer/`; it needs nothing from elsewhere."""

from pathlib import Path
from typing import Any

from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

BUILT = Path(__file__).with_name("explorer")

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "worker-src": "'self'",
    "connect-src": "'self'",
    "style-src": "'self' 'unsafe-inline'",  # the editor writes its colours and measures into the page
    "font-src": "'self' data:",
    "img-src": "'self' data:",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
"""Where the page may get things from."""
HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "; ".join(f"{what} {sources}" for what, sources in POLICY.items()),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def explorer_page() -> Response | None:
    """The page; None where it was not built."""
    page = BUILT / "index.html"
    return HTMLResponse(page.read_bytes(), headers=HEADERS) if page.exists() else None


class Lasting(StaticFiles):
    """Files whose names change with what is in them, so that nobody needs to ask twice."""

    def file_response(self, *args: Any, **options: Any) -> Response:
        """The file, to be kept for a year."""
        response = super().file_response(*args, **options)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def explorer_files() -> StaticFiles:
    """The files that the page asks for, below `/explorer`."""
    return Lasting(directory=BUILT / "files", check_dir=False)
