"""One session over a raw socket: login, a case's messages cut into pieces, replies read in between."""

import base64
import dataclasses
import functools
import hashlib
import hmac
import os
import select
import socket
import struct
import time

from case import Play
from frontend import packed, password_message, request_packet, startup_packet
from transcript import Transcript, split

HANG_SECONDS = 20
READ_BYTES = 1 << 18
SSL_REQUEST, GSSENC_REQUEST = 80877103, 80877104


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """Where and as whom to log in. `side` says which of a message's two forms this server is sent."""
    side: str  # "postgres" or "metadb"
    port: int
    user: str
    password: str
    database: str
    hang_seconds: float = HANG_SECONDS


class Hang(Exception):
    pass


@functools.lru_cache
def _salted_password(password, salt, iterations):
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)


class Scram:
    """The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677)."""

    def __init__(self, password):
        self._password = password
        self._nonce = base64.b64encode(os.urandom(18)).decode()

    def first(self):
        self._bare = f"n=,r={self._nonce}"
        message = f"n,,{self._bare}".encode()
        return b"SCRAM-SHA-256\0" + struct.pack("!i", len(message)) + message

    def final(self, challenge):
        told = dict(part.split("=", 1) for part in challenge.decode().split(","))
        salted = _salted_password(self._password, base64.b64decode(told["s"]), int(told["i"]))
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        without_proof = f"c=biws,r={told['r']}"
        signed = ",".join([self._bare, challenge.decode(), without_proof]).encode()
        signature = hmac.digest(hashlib.sha256(client_key).digest(), signed, "sha256")
        proof = bytes(a ^ b for a, b in zip(client_key, signature))
        return f"{without_proof},p={base64.b64encode(proof).decode()}".encode()


class Stream:
    """A socket that never waits for the one direction alone, and fails when nothing moves any more."""

    def __init__(self, endpoint, receive_buffer):
        self._socket = socket.socket()
        if receive_buffer:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.settimeout(endpoint.hang_seconds)
        self._socket.connect(("127.0.0.1", endpoint.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)
        self._hang_seconds = endpoint.hang_seconds
        self.received = bytearray()
        self.ended = None
        self._parsed, self._kinds = 0, ""

    def send(self, piece):
        """Reads while it cannot write: a client that does neither would be the one to hang."""
        while piece and not self.ended:
            try:
                sent = self._socket.send(piece)
            except BlockingIOError:
                sent = 0
            except (BrokenPipeError, ConnectionResetError):
                # The server closed; what it said before is still there to be read.
                return
            piece = piece[sent:]
            if piece:
                self._wait([self._socket])

    def _wait(self, writers=()):
        began = time.monotonic()
        readable, writable, _ = select.select([self._socket], writers, [], self._hang_seconds)
        if readable:
            self.drain()
        elif not writable:
            raise Hang(f"nothing moved for {time.monotonic() - began:.0f} s")

    def drain(self):
        """Takes what is here."""
        while not self.ended:
            try:
                got = self._socket.recv(READ_BYTES)
            except BlockingIOError:
                return
            except ConnectionResetError:
                self.ended = "reset"
                return
            if not got:
                self.ended = "end of stream"
            self.received += got

    def pause(self, seconds):
        """Lets the server run ahead until it answers, or for a moment; nothing depends on how long."""
        if not self.ended and select.select([self._socket], [], [], seconds)[0]:
            self.drain()

    def finish_sending(self):
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the server was the first to close

    def kinds(self):
        """One letter for each whole message that is here."""
        while len(self.received) - self._parsed >= 5:
            end = self._parsed + 1 + int.from_bytes(self.received[self._parsed + 1:self._parsed + 5], "big")
            if end > len(self.received):
                break
            self._kinds += chr(self.received[self._parsed])
            self._parsed = end
        return self._kinds

    def read_until(self, is_enough):
        """`is_enough` is asked about kinds()."""
        while not is_enough(self.kinds()) and not self.ended:
            self._wait()

    def read_to(self, length):
        while len(self.received) < length and not self.ended:
            self._wait()

    def read_to_end(self):
        while not self.ended:
            self._wait()

    def close(self):
        self._socket.close()


# What ["Wait"] sends; the client then reads to the end of the answer to the empty query.
WAIT = packed(["Sync"]) + packed(["Query", ""])


class Conversation:
    """`waits`, for the second and further ones: how many messages to wait for at each ["Wait"], as the first one told.

    The first one waits for what an empty query answers. Should that have been another empty query's, it waited for too
    little, and so will the others.
    """

    def __init__(self, endpoint, case, schedule, waits=None):
        self._endpoint = endpoint
        self._case = case
        self._play = Play(schedule)
        self._early = b""
        self._known_waits = waits
        self._waits = []
        self._bytes, self._starts, self._wait_ends = b"", [0], []
        for message in case.messages_for(endpoint.side):
            self._bytes += WAIT if message == ["Wait"] else packed(message)
            self._starts.append(len(self._bytes))
            if message == ["Wait"]:
                self._wait_ends.append(len(self._bytes))

    def run(self):
        stream = Stream(self._endpoint, self._play.receive_buffer)
        try:
            self._prelude(stream)
            if self._log_in(stream):
                self._talk(stream)
            stream.read_to_end()
            ended = stream.ended
        except Hang as hang:
            ended = f"hang: {hang}"
        finally:
            stream.close()
        return Transcript.of(stream.received, ended, self._waits)

    def _prelude(self, stream):
        """SSLRequest and GSSENCRequest, each answered by one byte that is no message.

        PostgreSQL can do GSSAPI and would begin with it, so it is not asked.
        """
        requests = [code for code in self._case.startup.get("requests", [])
                    if code != GSSENC_REQUEST or self._endpoint.side == "metadb"]
        for code in requests:
            self._send(stream, request_packet(code))
            stream.read_to(1)
            if stream.received not in (b"N", b""):
                raise AssertionError(f"answer to {code}: {bytes(stream.received)!r}")
            stream.received.clear()

    def _send(self, stream, data):
        for piece in self._play.pieces(data, [0, len(data)]):
            stream.send(piece)

    def _log_in(self, stream):
        at = 0
        startup = self._case.startup
        parameters = {"user": self._endpoint.user, "database": self._endpoint.database, **startup["parameters"]}
        self._send(stream, startup_packet(startup["version"], parameters))
        password = startup.get("password", self._endpoint.password)
        scram = Scram(password)
        while True:
            message, at = self._next_message(stream, at)
            if message is None or message.kind in "EZ":
                return message is not None and message.kind == "Z"
            if message.kind != "R":
                continue
            [method] = struct.unpack_from("!I", message.payload)
            if method == 10:
                self._send(stream, password_message(scram.first()))
            elif method == 11:
                early = startup.get("early", 0)
                self._early = self._bytes[:self._starts[min(early, len(self._starts) - 1)]]
                self._send(stream, password_message(scram.final(message.payload[4:])) + self._early)
            elif method not in (0, 12):
                raise AssertionError(f"authentication method {method} is not spoken here")

    def _next_message(self, stream, at):
        stream.read_to(at + 5)
        if len(stream.received) < at + 5:
            return None, at
        [length] = struct.unpack_from("!i", stream.received, at + 1)
        stream.read_to(at + 1 + length)
        found = split(stream.received[at:at + 1 + length])
        return (found[0] if found else None), at + 1 + length

    def _talk(self, stream):
        begin = len(self._early)
        for end in self._wait_ends:
            if end <= begin:
                self._waits.append(0)  # sent with the login
                continue
            answers = len(stream.kinds())
            self._send_range(stream, begin, end)
            self._wait(stream, answers)
            begin = end
        self._send_range(stream, begin, len(self._bytes))
        if self._case.end == "half close":
            stream.finish_sending()

    def _send_range(self, stream, begin, end):
        starts = [start - begin for start in self._starts if begin <= start <= end]
        for piece in self._play.pieces(self._bytes[begin:end], starts):
            stream.send(piece)
            if self._play.is_eager:
                stream.drain()
            pause = self._play.pause()
            if pause:
                stream.pause(pause)

    def _wait(self, stream, answers):
        number = len(self._waits)
        if self._known_waits is None:
            stream.read_until(lambda kinds: kinds[answers:].endswith("IZ"))
        else:
            stream.read_until(lambda kinds: len(kinds) >= self._known_waits[number])
        self._waits.append(len(stream.kinds()))


def converse(endpoint, case, schedule, waits=None):
    return Conversation(endpoint, case, schedule, waits).run()
