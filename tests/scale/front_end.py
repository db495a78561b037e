"""The program build/release/tests/proxy: the front end alone, whose memory is measured."""

import functools
import os
import pathlib
import re
import resource
import subprocess

from processes import REPOSITORY, Process, Room, wait_until

# Besides sockets: libraries, log, epoll, the other program's pipes.
SPARE_DESCRIPTORS = 100


@functools.cache
def room():
    """Of the whole run; `run` closes it."""
    return Room()


def binary():
    path = pathlib.Path(os.environ.get("METADB_PROXY") or REPOSITORY / "build/release/tests/proxy")
    if not path.exists():
        raise AssertionError(f"{path} is missing: script/test scale builds it")
    return path


class FrontEnd(Process):
    """Takes commands in `database`, so that sessions there cost what they cost in the server."""

    def __init__(self, name, upstream_port, database, max_connections):
        super().__init__(room(), name)
        self.launch([binary(), 0, "127.0.0.1", upstream_port, database, 1, max_connections], stdin=subprocess.PIPE)
        self.ready(self._listening, 30)
        self.port = int(self._listening()[1])

    def _listening(self):
        return re.search(r"^listening on port ([0-9]+)$", self.tail(), re.MULTILINE)

    def resident_kb(self):
        """Physical memory as of now (proc(5): VmRSS)."""
        status = pathlib.Path(f"/proc/{self.popen.pid}/status").read_text()
        return int(re.search(r"^VmRSS:\s+([0-9]+) kB", status, re.MULTILINE)[1])

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.popen.pid}/fd"))

    def stop(self):
        """The end of its input is its end. A sanitizer's findings are in its exit code."""
        self.popen.stdin.close()
        wait_until(lambda: not self.running, 30, "the proxy does not end")
        if self.popen.returncode != 0:
            raise AssertionError(f"the proxy ended with {self.popen.returncode}:\n{self.tail()}")


def allow_descriptors(sessions):
    """Each session is two sockets of the proxy, and one of the client and of the backend. Raises the limit for this
    program and its children; says what is missing where that is not allowed."""
    wanted = 2 * sessions + SPARE_DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(wanted, hard)))
        except (ValueError, OSError):
            raise AssertionError(f"{sessions} sessions need {wanted} file descriptors, the hard limit is {hard}: "
                                 f"ulimit -Hn {wanted}, or as root") from None
