"""Finland's YTJ, from answers in its shape about companies that do not exist."""

import httpx

from kartotek.testing import RegistryConformance
from plugins.finland import Ytj
from tests.recorded import recorded


class TestYtj(RegistryConformance):
    adapter = Ytj("fi-FI")
    known = "2900100-7"
    spellings = ("29001007", "FI29001007", " fi 2900100-7 ", "FI-29001007")
    unknown = "2900101-5"
    strangers = ("2900100-8", "290010-7", "SE2900100701", "Nokia 2")
    finds = "nordsken"
    persons = ("Virtanen",)

    def answer(self, request: httpx.Request) -> httpx.Response:
        params = request.url.params
        if params.get("businessId") == self.known or params.get("name") == self.finds:
            return recorded("fi", "one" if "businessId" in params else "several")
        return recorded("fi", "none")
