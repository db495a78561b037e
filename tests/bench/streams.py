"""Large results and COPY over a bare socket: what the way to PostgreSQL can carry, not what a client can parse.

psql and libpq spend more time on each row than PostgreSQL or a proxy does, and would hide what is measured here. So
libpq only logs in; then the socket is read into one buffer, or written from one, and nothing is looked at but the first
bytes and the last.
"""

import socket
import struct
import time

# ReadyForQuery of an idle session. The benchmarks' rows hold printable ASCII and small lengths, never these bytes.
READY = b"Z\0\0\0\5I"
READ_BYTES = 1 << 20
# What psql puts into one CopyData message.
COPY_DATA_BYTES = 8192
PATIENCE_SECONDS = 300


def frame(kind, payload):
    return kind + struct.pack("!i", len(payload) + 4) + payload


class Wire:
    """The socket of a connection that libpq has opened and that it must not use any more."""

    def __init__(self, connection):
        self._connection = connection
        self._socket = socket.socket(fileno=connection.fileno())
        self._socket.settimeout(PATIENCE_SECONDS)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.sendall(frame(b"X", b""))
        self._socket.detach()
        self._connection.close()

    def _query(self, sql):
        self._socket.sendall(frame(b"Q", sql.encode() + b"\0"))

    def _read_to_ready(self, first):
        """Reads to ReadyForQuery; `first` is the first message's type. Gives the number of bytes and the tag."""
        buffer = memoryview(bytearray(READ_BYTES))
        end, count = b"", 0
        while not end.endswith(READY):
            got = self._socket.recv_into(buffer)
            if got == 0:
                raise AssertionError(f"the connection ended after {count} bytes")
            if count == 0 and buffer[:1] != first:
                raise AssertionError(f"not {first!r} but {bytes(buffer[:got])!r}")
            count += got
            end = (end + bytes(buffer[max(0, got - 64):got]))[-64:]
        return count, end[:-len(READY)].rpartition(b"C\0\0\0")[2][1:-1].decode()

    def read(self, sql, first, tag):
        """Seconds from the statement to the end of its result, and the bytes that came."""
        began = time.monotonic()
        self._query(sql)
        count, found = self._read_to_ready(first)
        seconds = time.monotonic() - began
        _expect(found, tag)
        return seconds, count

    def write(self, sql, messages, times, tag):
        """Seconds from COPY FROM STDIN to its end, and the bytes sent: `messages`, so many times."""
        began = time.monotonic()
        self._query(sql)
        answer = self._socket.recv(READ_BYTES)
        if answer[:1] != b"G":
            raise AssertionError(f"not CopyInResponse but {answer!r}")
        for _ in range(times):
            self._socket.sendall(messages)
        self._socket.sendall(frame(b"c", b""))
        _, found = self._read_to_ready(b"C")
        seconds = time.monotonic() - began
        _expect(found, tag)
        return seconds, len(messages) * times


def _expect(found, tag):
    if found != tag:
        raise AssertionError(f"{found!r} instead of {tag!r}")


def copy_data(line, count):
    """`count` lines in CopyData messages of the size that psql sends."""
    lines = COPY_DATA_BYTES // len(line)
    whole, rest = divmod(count, lines)
    return frame(b"d", line * lines) * whole + (frame(b"d", line * rest) if rest else b"")
