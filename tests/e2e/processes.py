"""Processes of an end-to-end test: started in one temporary folder, gone when the test program is."""

import ctypes
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
CACHE = pathlib.Path(os.environ.get("METADB_E2E_CACHE") or pathlib.Path.home() / ".cache/metadb-e2e")
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


class Timeout(AssertionError):
    pass


def wait_until(condition, seconds, what, pause=0.05):
    """Polls until condition() is true and returns its value. `what` may be a function, asked on failure."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Timeout(f"after {seconds} s: {what() if callable(what) else what}")
        time.sleep(pause)


def free_ports(count):
    """Ports nobody listens on now; taken together, so that they differ."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def as_postgres():
    """Popen arguments for programs that refuse to run as root."""
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam("postgres")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def own(path):
    """Gives a folder to the user of as_postgres()."""
    if os.geteuid() == 0:
        shutil.chown(path, "postgres", "postgres")


def plain_environment():
    """METADB_... is how the server is configured: what is meant for the tests must not reach it."""
    return {name: value for name, value in os.environ.items() if not name.startswith("METADB_")}


def _die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Room:
    """The temporary folder of a run. Kept, with all logs, when something failed."""

    def __init__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="metadb-e2e."))
        # PostgreSQL runs as another user and has to reach its folder below.
        self.path.chmod(0o755)
        self._processes = []

    def folder(self, name):
        path = self.path / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def adopt(self, process):
        self._processes.append(process)

    def close(self, keep):
        for process in reversed(self._processes):
            process.close()
        if keep:
            print(f"logs of all processes: {self.path}", file=sys.stderr)
        else:
            shutil.rmtree(self.path, ignore_errors=True)


class Process:
    """One child process whose output goes to NAME.log.

    Start it from the main thread only: the kernel kills it when the thread that started it ends.
    """

    def __init__(self, room, name):
        self.room = room
        self.name = name
        self.log = room.path / f"{name}.log"
        self.popen = None
        room.adopt(self)

    def launch(self, command, **options):
        environment = {**plain_environment(), **options.pop("environment", {})}
        with open(self.log, "ab") as log:
            self.popen = subprocess.Popen(
                [str(part) for part in command], stdin=options.pop("stdin", subprocess.DEVNULL), stdout=log, stderr=log,
                cwd=self.room.path, env=environment, preexec_fn=_die_with_parent, start_new_session=True, **options)

    @property
    def running(self):
        return self.popen is not None and self.popen.poll() is None

    def ready(self, condition, seconds):
        """Waits for condition(), and fails at once when the process ends before."""
        def check():
            if not self.running:
                raise AssertionError(f"{self.name} ended with {self.popen.returncode}:\n{self.tail()}")
            return condition()
        try:
            wait_until(check, seconds, f"{self.name} is not ready")
        except Timeout as error:
            raise Timeout(f"{error}\n{self.tail()}") from None

    def tail(self, lines=40):
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def kill(self):
        if self.popen is not None:
            self.popen.kill()
            self.popen.wait()

    def close(self):
        self.kill()


def run(command, seconds=60, **options):
    """Runs a program to its end and returns its standard output; its failure is an AssertionError with its words."""
    done = subprocess.run([str(part) for part in command], capture_output=True, timeout=seconds,
                          check=False, **options)
    if done.returncode != 0:
        raise AssertionError(f"{command[0]} ended with {done.returncode}: "
                             f"{done.stdout.decode(errors='replace')}{done.stderr.decode(errors='replace')}")
    return done.stdout.decode(errors="replace")
