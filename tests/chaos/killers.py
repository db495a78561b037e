"""The parts that random kills are about: when one may be killed, killed it is, and when it is started again."""

import collections
import time

# Seconds: how long it rests when it is killed, and how long it lives at most once it is ready, at random. Those that
# need long to be ready live longer: nothing would ever arrive otherwise.
Habits = collections.namedtuple("Habits", "rest life weight")


class Part:
    """One process. Used by the main thread only, since the kernel kills what a thread has started when it ends."""

    def __init__(self, name, process, is_ready, habits, chance):
        self.name, self.process = name, process
        self.kills = 0
        self._is_ready, self.habits, self._chance = is_ready, habits, chance
        self._start_at = None  # while it is down
        self._killable_at = 0.0  # None: when it is ready, and some time after
        self._next_look = 0.0

    @property
    def is_down(self):
        return self._start_at is not None

    def look(self):
        """Starts it when its time has come, or when it has ended by itself as it found others missing."""
        now = time.monotonic()
        if not self.is_down and not self.process.running:
            self._start_at = now + 1
        if self.is_down and now >= self._start_at:
            self.process.launch_only()
            self._start_at = None
            # One in four dies while it starts, or soon after.
            soon = self._chance.random() < 0.25
            self._killable_at = now + self._chance.uniform(0, 1) if soon else None
        if not self.is_down and self._killable_at is None and now >= self._next_look:
            self._next_look = now + 0.5
            if self._is_ready():
                self._killable_at = time.monotonic() + self._chance.uniform(*self.habits.life)

    def may_be_killed(self):
        return not self.is_down and self._killable_at is not None and time.monotonic() >= self._killable_at

    def kill(self):
        if self.process.running:
            self.process.kill()
            self.kills += 1
        self._start_at = time.monotonic() + self._chance.uniform(*self.habits.rest)

    def recover(self, seconds):
        """Brings it up, for good."""
        deadline = time.monotonic() + seconds
        while True:
            if not self.process.running:
                self.process.launch_only()
            self._start_at = None
            try:
                self.process.ready(self._is_ready, seconds)
                return
            except AssertionError:
                # It ended: what it needs was not there yet.
                if self.process.running or time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
