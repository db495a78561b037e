"""Relays that do one thing wrong, to see that the fuzzer finds it out."""

import dataclasses
import select
import socket
import threading

from case import Case, Schedule

HANG_SECONDS = 0.5

# Three statements, a row, an error; the last with a twin as a command has one.
CASE = Case(about="", startup={"version": 0x30000, "parameters": {}}, schedules=[Schedule(1, "random", "pauses")],
            messages=[["Query", "begin"], ["Query", "select 'row'"], ["Query", "select 1/0"], ["Query", "rollback"],
                      {"metadb": ["Query", "select 5"], "postgres": ["Query", "select 5"]}, ["Sync"], ["Terminate"]])


def on(kind, change):
    """Applies `change` to the first message of this kind after the login."""
    def fault(messages):
        at = next((at for at, message in enumerate(messages) if message[:1] == kind), None)
        return messages if at is None else messages[:at] + change(messages[at]) + messages[at + 1:]
    return fault


# What a relay does to all that PostgreSQL says between login and close.
FAULTS = {
    "leaves a row out": on(b"D", lambda message: []),
    "says a message twice": on(b"C", lambda message: [message, message]),
    "swaps two messages": lambda messages: [messages[1], messages[0], *messages[2:]],
    "changes a transaction's status": on(b"Z", lambda message: [message[:5] + b"I"]),
    "changes a byte of a row": on(b"D", lambda message: [message.replace(b"row", b"raw")]),
    "changes an SQLSTATE": on(b"E", lambda message: [message.replace(b"22012", b"22013")]),
    "has a last word": lambda messages: [*messages, b"N\0\0\0\x09Mbye\0\0"[:10]],
    "stops in the middle": lambda messages: messages[:len(messages) // 2],
    "never closes": None,
}


def _split(stream):
    messages = []
    while len(stream) >= 5:
        end = 1 + int.from_bytes(stream[1:5], "big")
        messages.append(bytes(stream[:end]))
        stream = stream[end:]
    return messages


class FaultyRelay:
    """Serves one connection, on a thread. The login passes; the rest is held back to the end and given with a fault."""

    def __init__(self, target, fault):
        self._target = target
        self._fault = FAULTS[fault]
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        self.endpoint = dataclasses.replace(target, side="metadb", port=port, hang_seconds=HANG_SECONDS)
        self._closed, self._closer = socket.socketpair()
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._closer.close()
        self._thread.join()
        self._listener.close()
        self._closed.close()

    def _serve(self):
        client, _ = self._listener.accept()
        with client, socket.create_connection(("127.0.0.1", self._target.port)) as server:
            said = self._relay(client, server)
            if self._fault is None:
                client.sendall(said)
                select.select([self._closed], [], [])  # until the fuzzer has had enough
            else:
                client.sendall(b"".join(self._fault(_split(said))))

    def _relay(self, client, server):
        """Returns what the server said after its first ReadyForQuery."""
        said, is_login = b"", True
        while True:
            for one in select.select([client, server], [], [])[0]:
                data = one.recv(65536)
                if one is client:
                    server.sendall(data)
                    continue
                if not data:
                    return said
                said += data
                if is_login:
                    kinds = [message[:1] for message in _split(said)]
                    passed = len(said) if b"Z" not in kinds else sum(map(len, _split(said)[:kinds.index(b"Z") + 1]))
                    client.sendall(said[:passed])
                    is_login = b"Z" not in kinds
                    said = b"" if is_login else said[passed:]
