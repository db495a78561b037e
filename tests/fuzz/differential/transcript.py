"""What a server said in one conversation: its messages, made comparable, and how the stream ended."""

import dataclasses
import re
import struct

# The first OID that a database gives to what its users make (FirstNormalObjectId).
FIRST_USER_OID = 16384
SHOWN_BYTES = 160


@dataclasses.dataclass(frozen=True)
class Message:
    kind: str
    payload: bytes

    def fields(self):
        """Of ErrorResponse and NoticeResponse."""
        parts = self.payload.rstrip(b"\0").split(b"\0")
        return {part[:1].decode("latin-1"): part[1:].decode("latin-1") for part in parts if part}

    def __str__(self):
        if self.kind in "EN":
            fields = self.fields()
            told = " ".join(f"{code}={fields[code]!r}" for code in "SCMDHPWR" if code in fields)
        elif self.kind == "T":
            told = " ".join(str(column) for column in columns_of(self.payload))
        else:
            told = repr(self.payload)[2:-1]
        if len(told) > SHOWN_BYTES:
            told = f"{told[:SHOWN_BYTES]}... ({len(self.payload)} bytes)"
        return f"{self.kind} {told}".rstrip()


def split(stream):
    """The whole messages of a stream of bytes; a cut one at its end says nothing and is left out."""
    at, messages = 0, []
    while len(stream) - at >= 5:
        kind, length = struct.unpack_from("!ci", stream, at)
        if at + 1 + length > len(stream):
            break
        messages.append(Message(kind.decode("latin-1"), bytes(stream[at + 5:at + 1 + length])))
        at += 1 + length
    return messages


def columns_of(payload):
    """Of RowDescription: name, table, number, type, size, modifier, format."""
    [count] = struct.unpack_from("!H", payload)
    at, columns = 2, []
    for _ in range(count):
        end = payload.index(b"\0", at)
        columns.append((payload[at:end].decode("latin-1"), *struct.unpack_from("!IhIhih", payload, end + 1)))
        at = end + 19
    return columns


def values_of(payload):
    """Of DataRow."""
    [count] = struct.unpack_from("!H", payload)
    at, values = 2, []
    for _ in range(count):
        [length] = struct.unpack_from("!i", payload, at)
        at += 4
        values.append(None if length < 0 else payload[at:at + length])
        at += max(length, 0)
    return values


class Normaliser:
    """Replaces what differs between two sessions of one server.

    The PID and the secret, OIDs of temporary tables (numbered in the order in which they are met, so that equal ones
    stay equal), names made of such numbers, and the challenges of the login.
    """

    def __init__(self):
        self._pid = None
        self._oids = {}

    def message(self, message):
        change = getattr(self, f"_{message.kind}", None)
        return message if change is None else Message(message.kind, change(message.payload))

    def _oid(self, oid):
        return oid if oid < FIRST_USER_OID else 0xF0000000 + self._oids.setdefault(oid, len(self._oids))

    def _R(self, payload):
        [method] = struct.unpack_from("!I", payload)
        return payload[:4] if method in (5, 11, 12) else payload  # md5, SASLContinue, SASLFinal

    def _K(self, payload):
        [self._pid] = struct.unpack_from("!I", payload)
        return b"pid and %d bytes" % (len(payload) - 4)

    def _A(self, payload):
        [pid] = struct.unpack_from("!I", payload)
        return (b"own " if pid == self._pid else b"other ") + payload[4:]

    def _T(self, payload):
        packed = payload[:2]
        for name, table, number, type_oid, *rest in columns_of(payload):
            packed += name.encode("latin-1") + b"\0" + struct.pack("!IhIhih", self._oid(table), number,
                                                                  self._oid(type_oid), *rest)
        return packed

    def _t(self, payload):
        [count, *oids] = struct.unpack(f"!H{(len(payload) - 2) // 4}I", payload)
        return struct.pack(f"!H{len(oids)}I", count, *map(self._oid, oids))

    def _D(self, payload):
        own = b"pid %d" % (self._pid or 0)
        if own not in payload:
            return payload
        return repr([b"pid" if value == own else value for value in values_of(payload)]).encode()

    def _E(self, payload):
        return re.sub(rb"pg_(temp|toast)_\d+", rb"pg_\1", payload)

    _N = _E


@dataclasses.dataclass
class Transcript:
    messages: list
    ended: str  # "end of stream", "reset" or "hang"
    waits: list = dataclasses.field(default_factory=list)  # so many messages were here after each ["Wait"]

    @classmethod
    def of(cls, stream, ended, waits):
        normaliser = Normaliser()
        return cls([normaliser.message(message) for message in split(stream)], ended, waits)
