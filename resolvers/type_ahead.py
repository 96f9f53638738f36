"""Searches of somebody who types: of a text that grows letter by letter, only some go out.

A front end that searches while somebody types asks once for each letter, and looks at the last answer only. So a search
whose text has grown out of one that went out just now waits a little, and is given up when a still longer one comes
meanwhile. Each server sees to that for itself.
"""

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass

from plugins.contract import RateLimited

PAUSE = 0.3
"""Seconds between two calls for a text that grows, at least."""
GROWTH = 3
"""By how many letters it grows from one search to the next, at most."""


class Overtaken(RateLimited):
    """A search for a longer text came before this one went out."""

    def __init__(self, text: str) -> None:
        super().__init__(f"A search for a longer text overtook this one; ask again if {text!r} is still wanted.", 1.0)


@dataclass
class _Typing:
    """A text that grows, and when it may go out again."""

    text: str = ""
    next_at: float = 0.0


class TypeAhead:
    """The texts that are being typed just now."""

    def __init__(self) -> None:
        self._typed: dict[tuple[Hashable, str], _Typing] = {}

    async def wait(self, typist: Hashable, text: str, pause: float = PAUSE) -> None:
        """Return when this text may go out; raises Overtaken where it need not any more.

        Between two calls for a text that grows lie so many seconds of `pause`.
        """
        loop = asyncio.get_running_loop()
        typing = self._grown(typist, text)
        try:
            if (rest := typing.next_at - loop.time()) > 0:
                await asyncio.sleep(rest)
            if typing.text != text:
                raise Overtaken(text)
            typing.next_at = loop.time() + pause
        finally:
            loop.call_later(2 * pause, self._forget, typist, text, typing)

    def _grown(self, typist: Hashable, text: str) -> _Typing:
        """What the text has grown out of, or a new beginning."""
        earlier = ((typist, text[:-letters]) for letters in range(GROWTH + 1) if letters < len(text))
        found = next((self._typed.pop(key) for key in earlier if key in self._typed), _Typing())
        found.text = text
        self._typed[typist, text] = found
        return found

    def _forget(self, typist: Hashable, text: str, typing: _Typing) -> None:
        """Let go of a text that has neither grown nor been asked for again."""
        is_idle = typing.next_at <= asyncio.get_running_loop().time()
        if is_idle and self._typed.get((typist, text)) is typing:
            del self._typed[typist, text]
