"""`metadb demo` as a reader of the README runs it."""

import os
import pty
import signal
import threading

from metadb import binary
from processes import Process


class Demo(Process):
    """`metadb demo` on a terminal, where it stays up."""

    def __init__(self, room, broker_port):
        super().__init__(room, f"demo-{broker_port}")
        ours, theirs = pty.openpty()
        self._reader = threading.Thread(target=self._copy, args=[ours], daemon=True)
        self._reader.start()
        self.launch([binary(), "demo", "--broker", broker_port], stdin=theirs, stdout=theirs)
        os.close(theirs)

    def _copy(self, terminal):
        """Keeps what appears on the terminal in the log, until nobody has it open any more."""
        with open(self.log, "ab", buffering=0) as log:
            try:
                while shown := os.read(terminal, 4096):
                    log.write(shown.replace(b"\r\n", b"\n"))
            except OSError:
                pass
        os.close(terminal)

    def shown(self):
        return self.log.read_text() if self.log.exists() else ""

    def interrupt(self):
        """Its exit code."""
        self.popen.send_signal(signal.SIGINT)
        code = self.popen.wait(30)
        self._reader.join(10)
        return code
