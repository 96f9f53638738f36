"""VIES, which checks VAT numbers: what is no answer never makes a number invalid."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from kartotek.testing import GARBAGE
from plugins.client import LARGEST_ANSWER, RegistryClient
from plugins.vies import REASONS, VIES, VatAnswer, VatValidity, check_vat_number
from tests.recorded import RECORDED, recorded

Handler = Callable[[httpx.Request], httpx.Response]


def check(vat_number: str, handler: Handler) -> VatAnswer:
    async def run() -> VatAnswer:
        async with RegistryClient(VIES.base_url, transport=httpx.MockTransport(handler)) as client:
            return await check_vat_number(client, vat_number)

    return asyncio.run(run())


def always(name: str) -> Handler:
    return lambda request: recorded("vies", name)


def saying(**members: Any) -> Handler:
    return lambda request: httpx.Response(200, json=members)


def test_a_valid_number_is_told_with_its_name():
    assert check("FI29001007", always("valid")) == VatAnswer(
        vat_number="FI29001007", validity=VatValidity.VALID, name="NORDSKEN OY"
    )


def test_a_number_that_the_member_state_denies_is_not_valid():
    assert check("FI29001007", always("not-valid")) == VatAnswer(
        vat_number="FI29001007", validity=VatValidity.NOT_VALID
    )


def test_a_name_that_is_not_disclosed_is_none():
    answer = check("DE136695976", always("not-disclosed"))
    assert (answer.validity, answer.name) == (VatValidity.VALID, None)


@pytest.mark.parametrize(
    ("text", "spelt", "path"),
    [
        ("FI29001007", "FI29001007", "/ms/FI/vat/29001007"),
        (" fi 2900100-7 ", "FI29001007", "/ms/FI/vat/29001007"),
        ("EL094259216", "EL094259216", "/ms/EL/vat/094259216"),
        ("GR094259216", "EL094259216", "/ms/EL/vat/094259216"),
        ("XI980780684", "XI980780684", "/ms/XI/vat/980780684"),
        ("IE1S23456L", "IE1S23456L", "/ms/IE/vat/1S23456L"),
    ],
)
def test_it_is_asked_in_its_own_spelling(text: str, spelt: str, path: str):
    asked: list[str] = []

    def note(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return recorded("vies", "valid")

    assert check(text, note).vat_number == spelt
    assert asked == [VIES.base_url + path]


@pytest.mark.parametrize("text", ["NO923609016MVA", "GB980780684", "CHE100155212MWST", "", "FI", "29001007", "FI/../x"])
def test_what_it_does_not_know_is_not_asked(text: str):
    def refuse(request: httpx.Request) -> httpx.Response:
        raise AssertionError(request.url)

    answer = check(text, refuse)
    assert answer.validity is VatValidity.COULD_NOT_TELL
    assert answer.reason


@pytest.mark.parametrize("code", [*REASONS, "SOMETHING_NEW", "", None])
@pytest.mark.parametrize("is_valid", [True, False, None])
def test_an_error_is_no_answer(code: str | None, is_valid: bool | None):
    for members in (
        {"isValid": is_valid, "userError": code},
        {"valid": is_valid, "userError": code},
        {"isValid": is_valid, "userError": "INVALID", "errorWrappers": [{"error": code}]},
    ):
        if is_valid and not code and "errorWrappers" not in members:
            continue  # a plain yes
        answer = check("FI29001007", saying(**members))
        assert answer.validity is VatValidity.COULD_NOT_TELL, members
        assert answer.reason


def test_answers_that_contradict_themselves_are_none():
    for members in (
        {"isValid": True, "userError": "INVALID"},
        {"isValid": False, "userError": "VALID"},
        {"userError": "INVALID"},
        {"isValid": "false", "userError": "INVALID"},
    ):
        assert check("FI29001007", saying(**members)).validity is VatValidity.COULD_NOT_TELL, members


def test_the_other_way_to_answer_is_understood():
    assert check("FI29001007", saying(valid=True, name="NORDSKEN OY")).name == "NORDSKEN OY"
    assert check("FI29001007", saying(valid=False, userError="INVALID")).validity is VatValidity.NOT_VALID


def test_a_member_state_that_is_down_is_named_as_the_reason():
    answer = check("FI29001007", always("failed"))
    assert (answer.validity, answer.reason) == (VatValidity.COULD_NOT_TELL, REASONS["MS_UNAVAILABLE"])


@pytest.mark.parametrize("content", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_is_no_answer(content: bytes):
    answer = check("FI29001007", lambda request: httpx.Response(200, content=content))
    assert answer.validity is VatValidity.COULD_NOT_TELL
    assert answer.reason


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 410, 429, 500, 502, 503, 504])
def test_a_refusal_is_no_answer(status: int):
    answer = check(
        "FI29001007", lambda request: httpx.Response(status, json={"isValid": False, "userError": "INVALID"})
    )
    assert answer.validity is VatValidity.COULD_NOT_TELL
    assert answer.reason


@pytest.mark.parametrize(
    ("status", "content", "reason"),
    [
        (400, {"actionSucceed": False, "errorWrappers": [{"error": "INVALID_INPUT"}]}, REASONS["INVALID_INPUT"]),
        (500, {"actionSucceed": False, "errorWrappers": [{"error": "MS_UNAVAILABLE"}]}, REASONS["MS_UNAVAILABLE"]),
        (429, None, REASONS["GLOBAL_MAX_CONCURRENT_REQ"]),
        (503, None, REASONS["SERVICE_UNAVAILABLE"]),
        (404, None, "VIES answered something that is no answer."),
    ],
)
def test_a_refusal_says_why(status: int, content: Any, reason: str):
    assert check("FI29001007", lambda request: httpx.Response(status, json=content)).reason == reason


@pytest.mark.parametrize("error", [httpx.ReadTimeout, httpx.ConnectError])
def test_silence_is_no_answer(error: type[httpx.TransportError]):
    def fail(request: httpx.Request) -> httpx.Response:
        raise error("silence", request=request)

    assert check("FI29001007", fail).validity is VatValidity.COULD_NOT_TELL


def test_a_flood_is_no_answer():
    flood = b'{"name": "' + b"x" * (LARGEST_ANSWER + 1) + b'"}'
    assert check("FI29001007", lambda request: httpx.Response(200, content=flood)).validity is (
        VatValidity.COULD_NOT_TELL
    )


@pytest.mark.skipif(not RECORDED.is_dir(), reason="no recorded answers here")
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("valid-pl", VatAnswer(vat_number="PL7740001454", validity=VatValidity.VALID, name="ORLEN SPÓŁKA AKCYJNA")),
        (
            "error-shape",
            VatAnswer(vat_number="PL7740001454", validity=VatValidity.COULD_NOT_TELL, reason=REASONS["MS_UNAVAILABLE"]),
        ),
    ],
)
def test_recorded_answers_are_read(name: str, expected: VatAnswer):
    content = (RECORDED / f"vies/{name}.json").read_bytes()
    assert check("PL7740001454", lambda request: httpx.Response(200, content=content)) == expected
