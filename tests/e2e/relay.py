"""A TCP relay before a server: it can cut, refuse, stall and slow down what passes, and cut at a chosen place."""

import socket
import struct
import threading
import time

PIECE = 65536
TO_SERVER, TO_CLIENT = "to server", "to client"


class Relay:
    """Listens on `port` and carries bytes to 127.0.0.1:`target`. Its threads end with the test program."""

    def __init__(self, port, target):
        self.port, self.target = port, target
        self.delay = 0.0  # seconds before each piece goes on
        self.piece = PIECE  # bytes at most that go on at once
        self._passing = threading.Event()
        self._passing.set()
        self._watch = None  # asked about each piece: (direction, bytes) -> how many of them go on, then the cut
        self._lock = threading.Lock()
        self._pairs = set()
        self._half_closed = set()
        self._listener = None
        self.cuts = 0
        self.allow()

    def allow(self):
        """Accepts connections, again."""
        if self._listener:
            return
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(64)
        self._listener = listener
        threading.Thread(target=self._accept, args=[listener], daemon=True).start()

    def refuse(self):
        """Nobody listens here any more, and all connections are cut."""
        listener, self._listener = self._listener, None
        if listener:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.cut()

    def cut(self):
        """Resets all connections, as a network does whose router forgets them."""
        with self._lock:
            pairs, self._pairs = self._pairs, set()
            self._half_closed.clear()
        for pair in pairs:
            self._reset(pair)

    def stall(self):
        """Connections stay, also new ones, and nothing passes."""
        self._passing.clear()

    def go_on(self):
        self._passing.set()

    def cut_where(self, watch):
        """At the first piece about which watch(direction, bytes) gives a number: so many bytes go on, then all
        connections are cut. Others pass."""
        self._watch = watch

    def _accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                self._reset((client,))
                continue
            pair = (client, server)
            with self._lock:
                self._pairs.add(pair)
            for direction, one, other in ((TO_SERVER, client, server), (TO_CLIENT, server, client)):
                threading.Thread(target=self._carry, args=[pair, direction, one, other], daemon=True).start()

    def _carry(self, pair, direction, one, other):
        try:
            while piece := one.recv(self.piece):
                self._passing.wait()
                if self.delay:
                    time.sleep(self.delay)
                watch = self._watch
                allowed = watch(direction, piece) if watch else None
                if allowed is not None:
                    self._watch = None
                    self.cuts += 1
                    other.sendall(piece[:allowed])
                    self.cut()
                    return
                other.sendall(piece)
            other.shutdown(socket.SHUT_WR)
            with self._lock:
                is_over = pair in self._half_closed
                self._half_closed.add(pair)
            if is_over:
                self._forget(pair)
        except OSError:
            self._forget(pair)

    def _forget(self, pair):
        with self._lock:
            self._pairs.discard(pair)
            self._half_closed.discard(pair)
        self._reset(pair)

    @staticmethod
    def _reset(pair):
        for one in pair:
            try:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it has ended already
            one.close()
