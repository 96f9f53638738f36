"""The commands, as they are typed."""

import fcntl
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from schema.api import schema
from tests.processes import KARTOTEK, environment, running

ACME = ("--organization", "Acme Oy", "--country", "FI", "--currency", "EUR", "--timezone", "Europe/Helsinki")


def kartotek(*words: object, url: str | None = None) -> subprocess.CompletedProcess[str]:
    settings = {"KARTOTEK_DATABASE_URL": url} if url else {}
    command = [str(KARTOTEK), *map(str, words)]
    return subprocess.run(
        command, capture_output=True, text=True, env=environment(**settings), check=False, timeout=120
    )


def ask(url: str, token: str, query: str, **variables: Any) -> Any:
    asked = {"query": query, "variables": variables}
    answer = httpx.post(url, json=asked, headers={"Authorization": f"Bearer {token}"}, timeout=30)
    return answer.json()["data"]


Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def demo() -> Iterator[Ask]:
    """Asks a demo that has just been started."""
    with tempfile.TemporaryDirectory(prefix="kartotek-test-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        with running("demo", "--port", 0, "--customers", 60, "--data-dir", Path(folder) / "data") as (_, words):
            yield partial(ask, words[1], words[3])


def test_a_new_organisation_is_served_and_its_token_opens_it(data_dir: Path):
    made = kartotek("init", *ACME, "--admin", "anna@acme.example", "--data-dir", data_dir)
    assert made.returncode == 0, made.stderr
    word, token = made.stdout.split()
    assert word == "token"
    with running("serve", "--port", 0, "--data-dir", data_dir) as (_, (ready, url)):
        assert ready == "ready"
        answer = ask(
            url, token, "{ roles { name } salesStatuses { name } invoiceStatuses { name } users { totalCount } }"
        )
    assert [role["name"] for role in answer["roles"]] == ["Administrator", "Manager", "Sales", "Viewer"]
    assert [status["name"] for status in answer["salesStatuses"]] == ["In progress", "Lost", "Won"]
    assert [status["name"] for status in answer["invoiceStatuses"]] == ["Credited", "Draft", "Paid", "Sent"]
    assert answer["users"] == {"totalCount": 1}


def test_demo_has_something_to_say_and_says_the_same_the_second_time(data_dir: Path):
    query = "{ customers { totalCount } kpis { billingThisMonth { value { amount } } activeCustomers { value } } }"
    answers = []
    for _ in range(2):
        with running("demo", "--port", 0, "--customers", 60, "--data-dir", data_dir) as (_, words):
            assert [words[0], words[2]] == ["ready", "token"]
            answers.append(ask(words[1], words[3], query))
    assert answers[0] == answers[1]
    assert answers[0]["customers"]["totalCount"] > 50
    assert answers[0]["kpis"]["activeCustomers"]["value"] > 0


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_who_is_told_to_stop_leaves_no_database_running(data_dir: Path, how: signal.Signals):
    with running("demo", "--port", 0, "--customers", 20, "--data-dir", data_dir) as (process, words):
        assert words[0] == "ready"
        process.send_signal(how)
        process.wait(30)
    with (data_dir / "server.lock").open("rb") as held_while_it_runs:
        fcntl.flock(held_while_it_runs, fcntl.LOCK_EX | fcntl.LOCK_NB)


SEARCH = """query($country: CountryCode!, $text: String!) {
  registrySearch(text: $text, country: $country) {
    problems { message } hits { company { name businessId } customer { id } }
  }
}"""
IMPORT = """mutation($country: CountryCode!, $number: String!) {
  importCustomer(country: $country, businessId: $number) {
    customer { name addresses { city } industry { name } registryLink { registryId } } problems { message }
  }
}"""
OURS = """{ customers(filter: { country: { eq: "NO" }, businessId: { isNull: false } }, first: 1) {
  nodes { name businessId }
} }"""


@pytest.mark.parametrize(("country", "text", "registry_id"), [("FI", "kaisla", "fi-ytj"), ("NO", "fjord", "no-brreg")])
def test_the_demo_has_companies_to_import_without_any_network(demo: Ask, country: str, text: str, registry_id: str):
    found = demo(SEARCH, country=country, text=text)["registrySearch"]
    assert found["problems"] == []
    hit = found["hits"][0]
    assert text in hit["company"]["name"].casefold()
    assert hit["customer"] is None
    imported = demo(IMPORT, country=country, number=hit["company"]["businessId"])["importCustomer"]
    assert imported["problems"] == []
    assert imported["customer"]["registryLink"]["registryId"] == registry_id
    assert imported["customer"]["addresses"]
    assert imported["customer"]["industry"]


def test_the_registers_of_the_demo_know_its_customers(demo: Ask):
    (customer,) = demo(OURS)["customers"]["nodes"]
    (hit,) = demo(SEARCH, country="NO", text=customer["businessId"])["registrySearch"]["hits"]
    assert hit["company"]["name"] == customer["name"].upper()
    assert hit["customer"]


def test_tokens_are_made_listed_and_revoked(data_dir: Path):
    kartotek("init", *ACME, "--admin", "anna@acme.example", "--data-dir", data_dir)
    made = kartotek("token", "create", "web shop", "--scope", "READ", "--data-dir", data_dir)
    assert made.stdout.startswith("token kartotek_"), made.stderr
    listed = kartotek("token", "list", "--data-dir", data_dir).stdout
    (line,) = (line for line in listed.splitlines() if "web shop" in line)
    assert "READ" in line
    (token_id,) = (word for word in line.split() if word.startswith("tok_"))
    assert kartotek("token", "revoke", token_id, "--data-dir", data_dir).returncode == 0
    assert "web shop" not in kartotek("token", "list", "--data-dir", data_dir).stdout


def test_what_is_wrong_is_told_in_a_sentence(data_dir: Path, database_url: str):
    for words, reason in (
        (("token", "list"), "There is no organisation yet"),
        (("init", "--organization", "X", "--admin", "nobody", "--currency", "ZZZ"), "currency"),
    ):
        failed = kartotek(*words, url=database_url)
        assert failed.returncode == 1
        assert reason in failed.stderr
        assert "Traceback" not in failed.stderr


def test_a_database_of_another_version_is_not_touched(server: str):
    failed = kartotek("token", "list", url=server)
    assert failed.returncode == 1
    assert "kartotek migrate" in failed.stderr


def test_a_taken_port_is_told(database_url: str):
    with running("serve", "--port", 0, url=database_url) as (_, (_, url)):
        port = url.rsplit(":", 1)[1].split("/")[0]
        failed = kartotek("serve", "--port", port, url=database_url)
    assert failed.returncode == 1
    assert "--port" in failed.stderr


def test_schema_prints_the_sdl():
    assert kartotek("schema").stdout.strip() == schema.as_str().strip()
