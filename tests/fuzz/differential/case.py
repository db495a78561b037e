"""A sequence of messages with its login and its cuts: what is sent, kept, replayed and made smaller."""

import dataclasses
import json
import random
import re

from frontend import packed

# Runs of one character are written by their length in a case file.
_LONG_RUN = re.compile(r"((.)\2{63,})", re.DOTALL)
_BUFFER = 65536


@dataclasses.dataclass(frozen=True)
class Schedule:
    """How the bytes are cut and when replies are read; the same for the same seed.

    cuts: whole, messages, bytes, edges (each message's first bytes alone), random, buffer (near multiples of metadb's
    buffer). reads: eager, pauses, late (only when nothing can be written any more).
    """
    seed: int
    cuts: str
    reads: str
    receive_buffer: int = 0

    CUTS = ("whole", "messages", "bytes", "edges", "random", "buffer")
    READS = ("eager", "pauses", "late")

    @classmethod
    def drawn(cls, rng):
        return cls(rng.randrange(1 << 30), rng.choice(cls.CUTS), rng.choice(cls.READS), rng.choice([0, 0, 4096]))


class Play:
    """A schedule as one conversation follows it."""

    def __init__(self, schedule):
        self.is_eager = schedule.reads != "late"
        self.receive_buffer = schedule.receive_buffer
        self._cuts = schedule.cuts
        self._pauses = schedule.reads == "pauses"
        self._rng = random.Random(schedule.seed)

    def pause(self):
        """Seconds to give the server before the next piece."""
        if not self._pauses or self._rng.random() < 0.7:
            return 0
        return self._rng.choice([0.0002, 0.001, 0.004])

    def pieces(self, data, starts):
        """`data` in pieces; `starts` are the places where a message begins."""
        ends = sorted({*self._ends(len(data), starts), len(data)})
        at = 0
        for end in ends:
            if end > at:
                yield data[at:end]
                at = end

    def _ends(self, length, starts):
        rng = self._rng
        if length == 0:
            return []
        if self._cuts == "messages":
            return [start for start in starts if rng.random() < 0.8]
        if self._cuts == "bytes":
            # The first of them one by one; the rest would take the whole run.
            return [*range(1, min(length, 600)), *(rng.randrange(1, length) for _ in range(100))]
        if self._cuts == "edges":
            near = [start + offset for start in starts for offset in range(1, 7)]
            return [end for end in near if end < length and rng.random() < 0.4]
        if self._cuts == "random":
            return [rng.randrange(length) for _ in range(min(length, rng.choice([1, 5, 50])))]
        if self._cuts == "buffer":
            near = [multiple + rng.randint(-6, 6) for multiple in range(_BUFFER, length, _BUFFER)]
            return [end for end in near if 0 < end < length]
        return []


@dataclasses.dataclass
class Case:
    """`messages` holds lists (sent to both servers alike) and dictionaries with a list for each side."""
    about: str
    startup: dict
    messages: list
    schedules: list
    end: str = "server closes"  # or "half close": the client ends its stream, and reads on
    known: str = ""             # why this case differs today; it fails once it does not

    @property
    def has_commands(self):
        return any(isinstance(message, dict) for message in self.messages)

    @property
    def ends(self):
        """The server has a reason to close; and where metadb answers itself, nothing is left unflushed at the end."""
        if self.has_commands:
            return self.messages[-2:] == [["Sync"], ["Terminate"]]
        return self.end == "half close" or self.messages[-1:] == [["Terminate"]]

    def messages_for(self, side):
        return [message[side] if isinstance(message, dict) else message for message in self.messages]

    def with_messages(self, messages):
        return dataclasses.replace(self, messages=messages)

    def bytes_for(self, side):
        return sum(len(packed(message)) for message in self.messages_for(side) if message != ["Wait"])

    @classmethod
    def load(cls, path):
        stored = json.loads(path.read_text())
        stored["schedules"] = [Schedule(**schedule) for schedule in stored["schedules"]]
        stored["messages"] = _expanded(stored["messages"])
        return cls(**stored)

    def dump(self):
        """JSON with one message a line."""
        head = {"about": self.about, "known": self.known, "startup": self.startup, "end": self.end,
                "schedules": [dataclasses.asdict(schedule) for schedule in self.schedules]}
        lines = [f"  {json.dumps(name)}: {json.dumps(value)}," for name, value in head.items() if name != "known" or value]
        messages = ",\n".join(f"    {json.dumps(_shortened(message))}" for message in self.messages)
        return "\n".join(["{", *lines, '  "messages": [', messages, "  ]", "}", ""])


def _shortened(value):
    if isinstance(value, list):
        return [_shortened(part) for part in value]
    if isinstance(value, dict):
        return {name: _shortened(part) for name, part in value.items()}
    if not isinstance(value, str) or not _LONG_RUN.search(value):
        return value
    parts, at = [], 0
    for run in _LONG_RUN.finditer(value):
        parts += [value[at:run.start()], {"of": run[2], "times": len(run[1])}]
        at = run.end()
    return {"text": [*parts, value[at:]]}


def _expanded(value):
    if isinstance(value, list):
        return [_expanded(part) for part in value]
    if not isinstance(value, dict):
        return value
    if "text" in value:
        return "".join(part if isinstance(part, str) else part["of"] * part["times"] for part in value["text"])
    return {name: _expanded(part) for name, part in value.items()}
