"""Compares the source with the tables that metadb made of it, by SQL on both sides."""

import collections

FOREVER = "9999-12-31 00:00:00+00"
SHOWN = 5


def _counter(rows):
    return collections.Counter(tuple(row) for row in rows)


def describe_counter(kind, counter):
    return [f"{kind}: {row} x {count}" for row, count in list(counter.items())[:SHOWN]]


def current_differences(table, source, target, schema):
    """Row by row: the source's table and our current table. Empty if they are equal."""
    rows = []
    for connection, name in ((source, table.qualified), (target, f'"{schema}"."{table.name}"')):
        cursor = connection.cursor()
        cursor.execute(f"SELECT {table.images()} FROM {name}")
        rows.append(_counter(cursor.fetchall()))
    return describe_counter(f"{table.name} lacks", rows[0] - rows[1]) + describe_counter(f"{table.name} has", rows[1] - rows[0])


Version = collections.namedtuple("Version", "id start end current state")


def read_history(table, target, schema):
    """All versions by key, in the order of (__start, __id)."""
    cursor = target.cursor()
    cursor.execute(f"""SELECT __id, __start::text, __end::text, __current, {table.images()}
                       FROM "{schema}"."{table.name}__" ORDER BY __start, __id""")
    versions = collections.defaultdict(list)
    for identity, start, end, current, *values in cursor.fetchall():
        state = table.state(values)
        versions[table.key_of(state)].append(Version(identity, start, end, current, state))
    return versions


def expected_versions(states, columns):
    """Consecutive equal states make one version. Gives (state, ended by the next version?) for each."""
    made = []
    previous = None
    for state in states:
        complete = None if state is None else {column: state.get(column) for column in columns}
        if complete == previous:
            continue
        if complete is not None:
            made.append([complete, False])
        if previous is not None and complete is not None:
            made[-2][1] = True
        previous = complete
    return made, previous is not None


def key_problems(found, states, columns):
    """What is wrong with the versions of one key."""
    wanted, lives = expected_versions(states, columns)
    problems = []
    if [version.state for version in found] != [state for state, _ in wanted]:
        return [f"versions {[version.state for version in found]} instead of {[state for state, _ in wanted]}"]
    if [version.id for version in found] != sorted(version.id for version in found):
        problems.append("__id does not grow along the versions")
    for version in found:
        if version.start > version.end:
            problems.append(f"a version runs backwards: {version}")
        if version.current != (version.end == FOREVER):
            problems.append(f"__current and __end do not agree: {version}")
    for version, following, (_, contiguous) in zip(found, found[1:], wanted):
        if version.end > following.start:
            problems.append(f"versions overlap: {version}, {following}")
        if contiguous and version.end != following.start:
            problems.append(f"a gap between versions: {version}, {following}")
    currents = [version for version in found if version.current]
    if currents != (found[-1:] if lives else []):
        problems.append(f"current versions: {currents}, the row {'lives' if lives else 'is gone'}")
    return problems


def history_differences(journal, table, target, schema):
    """The history table and the journal of the changes. Empty if they agree in every version."""
    columns = list(table.types)
    if not table.key:
        wanted = _counter(tuple(state.get(column) for column in columns) for state in journal.keyless[table.name])
        cursor = target.cursor()
        cursor.execute(f'SELECT {table.images()} FROM "{schema}"."{table.name}__"')
        found = _counter(cursor.fetchall())
        return describe_counter("history lacks", wanted - found) + describe_counter("history has", found - wanted)
    versions = read_history(table, target, schema)
    problems = []
    for key in versions.keys() | journal.states[table.name].keys():
        for problem in key_problems(versions.get(key, []), journal.states[table.name].get(key, []), columns):
            problems.append(f"{table.name} {key}: {problem}")
    return problems[:SHOWN] + ([f"... {len(problems)} problems in all"] if len(problems) > SHOWN else [])


def fingerprint(target, schema, table):
    """One value for the whole content of a history table, with its bookkeeping columns."""
    cursor = target.cursor()
    cursor.execute(f"""SELECT count(*), md5(string_agg(t::text, '' ORDER BY __id)) FROM "{schema}"."{table}__" t""")
    return cursor.fetchone()
