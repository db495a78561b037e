"""What sequences with commands leave out, because metadb is known to differ there.

Each rule is a difference that docs/wire.md states as decided. Where a stored case shows it, the rule applies as long as
that case says "known": without that word the fuzzer goes there.
"""

import re

from frontend import octets
from known import is_known
from plain import name_of, portal_of, without_left_portals

ENDS_OF_PIPELINE = ("Sync", "Query", "FunctionCall", "Wait")
# Ends a transaction or a part of it, and the portals in it.
CONTROL = re.compile(r"\b(commit|end|rollback|abort|release|savepoint|prepare transaction)\b", re.IGNORECASE)
# Opens a command that changes something.
CHANGE = re.compile(r"\b(alter|create|drop|pause|register|sync)\b", re.IGNORECASE)
# PostgreSQL's, refused in a pipeline after anything else was executed.
ALONE = re.compile(r"\b(discard all|alter system|vacuum|(create|drop) database)\b", re.IGNORECASE)
# PostgreSQL's, refused where a snapshot was taken before, as Parse or Bind of a SELECT does.
FIRST = re.compile(r"\bisolation level\b", re.IGNORECASE)
# Changes client_encoding, which is told with ReadyForQuery.
ENCODING = re.compile(r"\b(client_encoding|names|reset|discard all)\b", re.IGNORECASE)
# Sent after a Sync it is executed, and leaves no transaction and no portal, whatever was before.
END_OF_ALL = [["Sync"], ["Query", "rollback"]]


def _fields(message):
    return message if isinstance(message, list) else message["metadb"]


def statement_of(message):
    """The statement that a message names, if any."""
    fields = _fields(message)
    if fields[0] == "Parse":
        return fields[1]
    if fields[0] == "Bind":
        return fields[2]
    return fields[2] if fields[0] in ("Describe", "Close") and fields[1] == "S" else None


def _portals_of(messages, is_such):
    """Names of the portals that may stand for such a text, whatever failed in between."""
    statements = {statement_of(message) for message in messages
                  if name_of(message) == "Parse" and is_such(_fields(message)[2], message)}
    return {portal_of(message) for message in messages
            if name_of(message) == "Bind" and statement_of(message) in statements}


def _uses_one_of(message, portals):
    """Whether it would find the portal there, or gone: Close does either way, and a new unnamed one replaces the old."""
    portal, name = portal_of(message), name_of(message)
    return portal in portals and name != "Close" and (portal or name != "Bind")


def no_sync_among_data(messages):
    """No Sync among the data of a COPY, which may be answered or not."""
    kept = []
    for at, message in enumerate(messages):
        rest = (name_of(later) for later in messages[at + 1:])
        following = next((name for name in rest if name not in ("Flush", "Sync")), "")
        if name_of(message) != "Sync" or not following.startswith("Copy"):
            kept.append(message)
    return kept


def unnamed_in_its_pipeline(messages):
    """Where a command may have left PostgreSQL's unnamed statement behind, that is used in the pipeline that makes it."""
    kept, is_made, is_left, is_parsed = [], False, False, False
    for message in messages:
        name = name_of(message)
        is_parse = name == "Parse" and statement_of(message) == ""
        is_made = is_made or (is_parse and isinstance(message, list))
        is_left = is_left or (is_made and isinstance(message, dict) and (is_parse or name == "Query"))
        is_parsed = is_parse or (is_parsed and name not in ENDS_OF_PIPELINE)
        if statement_of(message) != "" or is_parsed or not is_left:
            kept.append(message)
        if kept[-2:] == END_OF_ALL:
            is_made = is_left = False
    return kept


def _is_utf8(text):
    try:
        octets(text).decode("utf-8")
        return True
    except UnicodeDecodeError:
        return False


def readable_after_unnamed_command(messages):
    """What would replace or end an unnamed command is a text that PostgreSQL can read."""
    kept, is_made = [], False
    for message in messages:
        is_ending = name_of(message) == "Query" or (name_of(message) == "Parse" and statement_of(message) == "")
        if is_ending and isinstance(message, dict):
            is_made = is_made or name_of(message) == "Parse"
        elif is_ending and is_made and not _is_utf8(message[2 if message[0] == "Parse" else 1]):
            continue
        kept.append(message)
    return kept


def no_portal_after_control(messages):
    """A portal from before transaction control is not used until all has ended."""
    controls = _portals_of(messages, lambda text, _: CONTROL.search(text))
    kept, bound, ended = [], set(), set()
    for message in messages:
        name, portal = name_of(message), portal_of(message)
        if _uses_one_of(message, ended):
            continue
        if name == "Bind":
            bound.add(portal)
            ended.discard(portal)
        elif (name == "Execute" and portal in controls) or (name == "Query" and CONTROL.search(str(_fields(message)[1]))):
            ended |= bound
            bound = set()
        kept.append(message)
        if kept[-2:] == END_OF_ALL:
            bound, ended = set(), set()
    return kept


def ascii_while_encoding_changes(messages):
    """Commands are in ASCII after a change of the encoding, until its answer was waited for."""
    changes = _portals_of(messages, lambda text, _: ENCODING.search(text))
    kept, is_after = [], False
    for message in messages:
        if is_after and isinstance(message, dict) and not str(_fields(message)).isascii():
            continue
        name = name_of(message)
        if name == "Wait":
            is_after = False
        elif (name == "Execute" and portal_of(message) in changes) or (name == "Query" and ENCODING.search(str(_fields(message)[1]))):
            is_after = True
        kept.append(message)
    return kept


def unnamed_alone(messages):
    """The unnamed statement, which may be a command, is bound to the unnamed portal: names are of one side alone."""
    return [message for message in messages if name_of(message) != "Bind" or statement_of(message) or not portal_of(message)]


def _changes(messages):
    return _portals_of(messages, lambda text, message: isinstance(message, dict) and CHANGE.search(text))


def no_change_after_change(messages):
    """One command that changes something in a pipeline."""
    changes = _changes(messages)
    kept, is_after = [], False
    for message in messages:
        is_change = name_of(message) == "Execute" and portal_of(message) in changes
        if name_of(message) in ENDS_OF_PIPELINE:
            is_after = False
        elif is_change and is_after:
            continue
        is_after = is_after or is_change
        kept.append(message)
    return kept


def nothing_alone_after_command(messages):
    """What PostgreSQL refuses in a pipeline or transaction does not follow a command there, of which PostgreSQL does
    not know."""
    commands = _portals_of(messages, lambda _, message: isinstance(message, dict))
    alone, first = (_portals_of(messages, lambda text, message, e=expression: isinstance(message, list) and e.search(text))
                    for expression in (ALONE, FIRST))

    def runs(message, expression, portals):
        return (name_of(message) == "Execute" and portal_of(message) in portals) or (
            name_of(message) == "Query" and isinstance(message, list) and expression.search(message[1]))

    kept, is_executed, is_seen = [], False, False
    for message in messages:
        if (is_executed and runs(message, ALONE, alone)) or (is_seen and runs(message, FIRST, first)):
            continue
        is_command = isinstance(message, dict) or portal_of(message) in commands
        is_seen = is_seen or is_command
        if name_of(message) in ENDS_OF_PIPELINE:
            is_executed = False
        elif is_command:
            is_executed = is_executed or name_of(message) == "Execute"
        kept.append(message)
        # A transaction block may go on through many pipelines.
        is_seen = is_seen and kept[-2:] != END_OF_ALL
    return kept


def no_portal_after_change(messages):
    """PostgreSQL commits after a change that it ran in a pipeline, which ends the portals of the pipeline."""
    changes = _changes(messages)
    kept, bound, ended = [], set(), set()
    for message in messages:
        name, portal = name_of(message), portal_of(message)
        if name in ENDS_OF_PIPELINE:
            bound, ended = set(), set()
        elif _uses_one_of(message, ended):
            continue
        elif name == "Bind":
            bound.add(portal)
            ended.discard(portal)
        elif name == "Execute" and portal in changes:
            ended |= bound | {portal}
        kept.append(message)
    return kept


# Those without a case: what is said there goes by timing, or by which of the portals is met.
RULES = [
    (no_sync_among_data, None),
    (without_left_portals, None),
    (no_portal_after_change, None),
    (ascii_while_encoding_changes, ["encoding_changed_in_pipeline", "encoding_changed_before_sync"]),
    (unnamed_alone, ["portal_taken_by_postgres"]),
    (readable_after_unnamed_command, ["unreadable_query"]),
    (unnamed_in_its_pipeline, ["unnamed_statement_kept"]),
    (no_portal_after_control, ["portal_ends_with_rollback", "portal_ends_with_savepoint"]),
    (nothing_alone_after_command, ["discard_after_list_in_pipeline", "isolation_level_after_list_in_pipeline",
                                   "isolation_level_after_list_in_block"]),
    (no_change_after_change, ["change_after_change_in_pipeline"]),
]


def without_known_differences(messages):
    """What one rule takes away may have kept another one satisfied: until all are."""
    while True:
        kept = messages
        for rule, cases in RULES:
            if cases is None or any(map(is_known, cases)):
                kept = rule(kept)
        if kept == messages:
            return kept
        messages = kept
