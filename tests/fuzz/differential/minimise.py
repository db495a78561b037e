"""Makes a failing case smaller: delta debugging over its messages, then its cuts (Zeller's ddmin)."""

import dataclasses
import time

from case import Schedule

# What still fails after so long is small enough.
SECONDS_MAX = 90


class _Exhausted(Exception):
    pass


class Minimiser:
    """`fails(case)` says whether a case still fails, and has legal messages."""

    def __init__(self, fails):
        self._fails = fails

    def smallest(self, case):
        best = [case]
        deadline = time.monotonic() + SECONDS_MAX

        def holds(candidate):
            if time.monotonic() > deadline:
                raise _Exhausted
            if candidate.ends and self._fails(candidate):
                best[0] = candidate
                return True
            return False

        try:
            self._fewer_schedules(case, holds)
            self._fewer_messages(best, holds)
            self._shorter_texts(best, holds)
            self._plainer_login(best, holds)
        except _Exhausted:
            pass
        return best[0]

    def _fewer_schedules(self, case, holds):
        whole = Schedule(0, "whole", "eager")
        for schedule in (whole, *case.schedules):
            if holds(dataclasses.replace(case, schedules=[schedule])):
                return

    def _fewer_messages(self, best, holds):
        parts = 2
        while len(best[0].messages) >= 2:
            messages = best[0].messages
            size = -(-len(messages) // parts)
            for start in range(0, len(messages), size):
                rest = messages[:start] + messages[start + size:]
                if rest and holds(best[0].with_messages(rest)):
                    parts = max(parts - 1, 2)
                    break
            else:
                if size == 1:
                    return
                parts = min(parts * 2, len(messages))

    def _shorter_texts(self, best, holds):
        for at, message in enumerate(best[0].messages):
            shorter = _shortened(message)
            if shorter != message:
                holds(best[0].with_messages([*best[0].messages[:at], shorter, *best[0].messages[at + 1:]]))

    def _plainer_login(self, best, holds):
        plain = {"version": 0x30000, "parameters": {}}
        if best[0].startup != plain:
            holds(dataclasses.replace(best[0], startup=plain))


def _shortened(value):
    """Data of no consequence."""
    if isinstance(value, list) and value[0] == "CopyData":
        return ["CopyData", value[1][:20]]
    if isinstance(value, list) and value[0] == "Bind":
        return [*value[:4], [one if one is None else one[:8] for one in value[4]], value[5]]
    return value
