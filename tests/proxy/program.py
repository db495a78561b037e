"""A program of the suites: it and all that it starts end with it, or when the run is interrupted."""

import os
import signal
import subprocess

from processes import Process, as_postgres


class Program(Process):
    def __init__(self, room, name):
        super().__init__(room, name)
        self._is_waited_for = False

    def run(self, command, environment, seconds):
        """Runs it as the user of the server, who has to read and write the same files. Returns the exit code, or
        None if it had to be ended after so many seconds."""
        self.launch(command, environment=environment, **as_postgres())
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        finally:
            self.kill()

    def kill(self):
        if self.popen is not None and not self._is_waited_for:
            try:
                os.killpg(self.popen.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass  # All of them ended by themselves.
            self._is_waited_for = True
        super().kill()
