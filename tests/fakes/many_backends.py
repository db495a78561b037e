#!/usr/bin/python3 -B
"""A PostgreSQL for any number of sessions, in one process: many_backends.py

Prints its port. Everybody may log in with the password `secret`, which it asks for in clear text. It answers the
simple protocol:

    echo WORDS          one row with these words
    rows COUNT BYTES    so many rows of so many bytes
    endless             rows until the connection ends
    hoard               COPY FROM STDIN whose data nobody reads, until any session says `read on`
    tell                one row: bytes written by endless, sessions that are open
"""

import asyncio
import struct

PASSWORD = "secret"
CHUNK_BYTES = 64 * 1024
BACKLOG = 4096


def frame(kind, payload=b""):
    return kind + struct.pack("!i", len(payload) + 4) + payload


def row(value):
    return frame(b"D", struct.pack("!hi", 1, len(value)) + value)


# One column of type text.
COLUMNS = frame(b"T", struct.pack("!h", 1) + b"words\0" + struct.pack("!ihihih", 0, 0, 25, -1, -1, 0))
READY = frame(b"Z", b"I")
ENDLESS_ROWS = row(b"x" * 1000) * (CHUNK_BYTES // 1011)


def result(rows, count):
    return COLUMNS + rows + frame(b"C", b"SELECT %d\0" % count) + READY


class Session(asyncio.Protocol):
    opened = 0
    open = set()
    endless_bytes = 0

    def connection_made(self, transport):
        self._transport = transport
        self._received = b""
        self._is_started = self._is_endless = self._is_hoarding = self._is_full = False
        Session.opened += 1
        self._number = Session.opened
        Session.open.add(self)

    def connection_lost(self, _error):
        self._is_endless = False
        Session.open.discard(self)

    def data_received(self, data):
        self._received += data
        while not self._is_hoarding and self._take_one():
            pass

    def _take_one(self):
        """One message from what was received; False if none is whole."""
        at = 1 if self._is_started else 0
        if len(self._received) < at + 4:
            return False
        end = at + struct.unpack_from("!i", self._received, at)[0]
        if len(self._received) < end:
            return False
        kind, payload = self._received[:at], self._received[at + 4:end]
        self._received = self._received[end:]
        self._answer(kind, payload)
        return not self._transport.is_closing()

    def _answer(self, kind, payload):
        if kind == b"":
            self._is_started = True
            self._transport.write(frame(b"R", struct.pack("!i", 3)))
        elif kind == b"p":
            self._log_in(payload)
        elif kind == b"Q":
            self._query(payload[:-1])
        elif kind == b"c":
            self._transport.write(frame(b"C", b"COPY 0\0") + READY)
        elif kind == b"X":
            self._transport.close()

    def _log_in(self, payload):
        if payload != PASSWORD.encode() + b"\0":
            self._transport.write(frame(b"E", b"SFATAL\0VFATAL\0C28P01\0Mwrong password\0\0"))
            self._transport.close()
            return
        self._transport.write(frame(b"R", struct.pack("!i", 0)) + frame(b"S", b"client_encoding\0UTF8\0")
                              + frame(b"K", struct.pack("!ii", self._number, self._number)) + READY)

    def _query(self, text):
        word, _, rest = text.partition(b" ")
        if word == b"rows":
            count, size = map(int, rest.split())
            self._transport.write(result(row(b"x" * size) * count, count))
        elif word == b"endless":
            self._transport.write(COLUMNS)
            self._is_endless = True
            self._go_on()
        elif word == b"hoard":
            self._is_hoarding = True
            self._transport.write(frame(b"G", struct.pack("!bhh", 0, 1, 0)))
            self._transport.pause_reading()
        elif word == b"tell":
            self._transport.write(result(row(b"%d %d" % (Session.endless_bytes, len(Session.open))), 1))
        else:
            if text == b"read on":
                Session._read_on()
            self._transport.write(result(row(rest), 1))

    @staticmethod
    def _read_on():
        for session in Session.open:
            if session._is_hoarding:
                session._is_hoarding = False
                session._transport.resume_reading()

    # ---- endless: as much as the connection takes, and other sessions in between.

    def _go_on(self):
        if self._is_endless and not self._is_full:
            self._transport.write(ENDLESS_ROWS)
            Session.endless_bytes += len(ENDLESS_ROWS)
            asyncio.get_running_loop().call_soon(self._go_on)

    def pause_writing(self):
        self._is_full = True

    def resume_writing(self):
        self._is_full = False
        self._go_on()


async def main():
    server = await asyncio.get_running_loop().create_server(Session, "127.0.0.1", 0, backlog=BACKLOG)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
