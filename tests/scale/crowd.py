"""Many sessions of one client program: the protocol by hand, since five thousand libpq connections take too much."""

import asyncio
import pathlib
import struct
import sys

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1] / "fakes"))

from many_backends import COLUMNS, PASSWORD, READY, frame, result, row  # noqa: E402

DATABASE = "crowd"
# How many log in at the same time.
WAVE = 100
PATIENCE_SECONDS = 120
STREAM_BYTES = 256 * 1024


class Refused(Exception):
    """What the server said instead of letting the client in."""


class Session:
    def __init__(self, reader, writer):
        self.reader, self._writer = reader, writer

    @classmethod
    async def open(cls, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=STREAM_BYTES)
        session = cls(reader, writer)
        parameters = f"user\0crowd\0database\0{DATABASE}\0\0".encode()
        writer.write(struct.pack("!ii", len(parameters) + 8, 0x30000) + parameters)
        while True:
            kind, payload = await session._message()
            if kind == b"R" and payload == struct.pack("!i", 3):
                writer.write(frame(b"p", PASSWORD.encode() + b"\0"))
            elif kind == b"E":
                session.abort()
                raise Refused(payload.replace(b"\0", b" ").decode())
            elif kind == b"Z":
                return session

    async def _message(self):
        kind, length = struct.unpack("!ci", await self.reader.readexactly(5))
        return kind, await self.reader.readexactly(length - 4)

    def send(self, query):
        self._writer.write(frame(b"Q", query.encode() + b"\0"))

    async def expect(self, answer):
        """Reads exactly the answer; anything else, or too little, is an error."""
        got = await self.reader.readexactly(len(answer))
        if got != answer:
            raise AssertionError(f"{got[:200]!r} instead of {answer[:200]!r}")

    async def echo(self, words):
        self.send(f"echo {words}")
        await self.expect(result(row(words.encode()), 1))

    async def rows(self, count, size):
        self.send(f"rows {count} {size}")
        await self.expect(result(row(b"x" * size) * count, count))

    async def read_on(self):
        self.send("read on")
        await self.expect(result(row(b"on"), 1))

    async def tell(self):
        """Bytes that endless has written so far, sessions that are open."""
        self.send("tell")
        await self.expect(COLUMNS)
        _, payload = await self._message()
        await self._message()
        await self.expect(READY)
        return tuple(int(number) for number in payload[6:].split())

    async def fill(self, data):
        """Writes until the connection takes no more for a second. Gives the bytes that it took."""
        count = 0
        while True:
            self._writer.write(data)
            count += len(data)
            try:
                await asyncio.wait_for(self._writer.drain(), 1)
            except asyncio.TimeoutError:
                return count

    def write(self, data):
        self._writer.write(data)

    async def close(self):
        """Says Terminate and reads to the end of the stream."""
        self._writer.write(frame(b"X"))
        while await self.reader.read(STREAM_BYTES):
            pass
        self._writer.close()

    def abort(self):
        self._writer.transport.abort()


async def in_waves(count, make):
    """Gives what make(number) gives for each number, WAVE at a time."""
    made = []
    while len(made) < count:
        numbers = range(len(made), min(count, len(made) + WAVE))
        made += await asyncio.gather(*(make(number) for number in numbers))
    return made


def run(coroutine, seconds=PATIENCE_SECONDS):
    return asyncio.run(asyncio.wait_for(coroutine, seconds))
