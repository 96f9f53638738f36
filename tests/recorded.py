"""Answers of registries, in files: ours about companies that do not exist, and recorded ones where they are at hand."""

import os
from pathlib import Path

import httpx
import pytest

OURS = Path(__file__).parent / "registries"
SHARED = Path(os.environ.get("KARTOTEK_SHARED", Path(__file__).parent.parent.parent / "shared"))
RECORDED = SHARED / "registries"
"""Where answers lie that were recorded from the registries themselves; tests of them are skipped where it is not."""


def recorded(country: str, name: str, status: int = 200) -> httpx.Response:
    """An answer of ours."""
    content = (OURS / country / f"{name}.json").read_bytes()
    return httpx.Response(status, content=content, headers={"Content-Type": "application/json"})


needs_recordings = pytest.mark.skipif(not RECORDED.is_dir(), reason="no recorded answers are at hand")


def recording(country: str, name: str, status: int = 200) -> httpx.Response:
    """An answer that was recorded from the registry itself."""
    return httpx.Response(status, content=(RECORDED / country / f"{name}.json").read_bytes())
