"""Is what metadb said what PostgreSQL said? README.md states what is compared."""

import itertools

from known import is_known

# Where two things are wrong with a message: which is told first, PostgreSQL's and ours, and the case that shows it.
FIRST_TOLD = [("26000", "42P03", "taken_portal_of_unknown_statement"), ("08P01", "42P03", "taken_portal_of_unknown_statement"),
              ("25P02", "42P03", "taken_portal_of_unknown_statement")]
SHOWN_BEFORE, SHOWN_AFTER = 6, 4
# Said after an illegal message during COPY, and after the end of the stream there, which is legal.
LOST_SYNCHRONIZATION = "terminating connection because protocol synchronization was lost"
END_OF_STREAM = "unexpected EOF on client connection with an open transaction"


def is_illegal(transcript):
    """The generator's fault: what a server says then depends on timing."""
    told = [message.fields().get("M") for message in transcript.messages if message.kind == "E"]
    return LOST_SYNCHRONIZATION in told and END_OF_STREAM not in told


def _is_from_postgres(message):
    """PostgreSQL's own errors name the routine that raised them."""
    return "R" in message.fields()


def _same_report(expected, actual, is_lenient):
    if _is_from_postgres(actual):
        return False  # its own words, and not the same ones
    wanted, told = expected.fields(), actual.fields()
    if wanted["V"] != told.get("V") or told.get("S") != told.get("V") or not told.get("M"):
        return False
    sqlstate = wanted["C"]
    return told.get("C") == sqlstate or (is_lenient and any((sqlstate, told.get("C")) == (one, other) and is_known(case)
                                                            for one, other, case in FIRST_TOLD))


def _same_tag(expected, actual):
    tag = actual.payload.rstrip(b"\0").decode()
    wanted = expected.payload.rstrip(b"\0").decode()
    return (tag == "LIST" and wanted.startswith("SELECT ")) or (tag == "ALTER SYSTEM" and wanted == "CALL")


def _is_same(expected, actual, has_commands, is_lenient):
    if expected == actual:
        return True
    if not has_commands or expected is None or actual is None or expected.kind != actual.kind:
        return False
    if expected.kind in "EN":
        return _same_report(expected, actual, is_lenient)
    return expected.kind == "C" and _same_tag(expected, actual)


def _is_cut(expected, actual):
    """Did PostgreSQL end the session by FATAL, and one side lose the tail of what was said?

    A server that ends so leaves input unread, which makes the end a reset, and a reset discards what was said and not
    sent yet, or not taken. How much that is goes by timing, between PostgreSQL and a client alone as well.
    """
    last = expected.messages[-1] if expected.messages else None
    is_fatal = last is not None and last.kind == "E" and last.fields().get("V") == "FATAL"
    return is_fatal and {expected.ended, actual.ended} <= {"end of stream", "reset"}


def difference(expected, actual, has_commands, is_lenient=True):
    """None if the transcripts agree, else where they part. Lenient: what a stored case is known for is overlooked."""
    pairs = itertools.zip_longest(expected.messages, actual.messages)
    for at, (one, other) in enumerate(pairs):
        if other is None and _is_cut(expected, actual):
            return None
        if not _is_same(one, other, has_commands, is_lenient):
            return _shown(expected, actual, at)
    if expected.ended != actual.ended and not _is_cut(expected, actual):
        return _shown(expected, actual, len(expected.messages))
    return None


def _shown(expected, actual, at):
    lines = [f"the replies differ from number {at + 1} on:"]
    for message in expected.messages[max(0, at - SHOWN_BEFORE):at]:
        lines.append(f"    both        {message}")
    for side, transcript in (("PostgreSQL", expected), ("metadb", actual)):
        rest = [*map(str, transcript.messages[at:at + SHOWN_AFTER]), f"({transcript.ended})"]
        lines += [f"    {side:11} {line}" for line in rest[:SHOWN_AFTER]]
    return "\n".join(lines)
