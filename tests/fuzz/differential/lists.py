"""What `list` answers on the fuzzer's server, and a SELECT that answers the same."""

# Tables of the catalog that `list` shows, filled once so that there is something to show.
FILLING = """
    INSERT INTO metadb.origin (name) VALUES ('reshare'), ('consortium'), ('größe'), ('d'), ('e'), ('a list');
    INSERT INTO metadb.auth (username, comment) VALUES ('ann', 'née Ä'), ('ben', '');
    INSERT INTO metadb.transform_json VALUES ('s', 't', 'c', '$', 'map');
    INSERT INTO metadb.dead_letter (source_name, topic, part, "offset", record_time, sqlstate, error, set_aside)
        SELECT 's', 't', 0, i, '2024-02-29 12:00:00.25+00', '22023', 'no ' || i, '1999-12-31 23:59:59+00'
        FROM generate_series(1, 4) i;
"""
NAMES = ["authorizations", "config", "data_mappings", "data_origins", "data_sources", "dead_letters", "external_sql",
         "status", "tables", "topics", "users"]
_TYPES = {16: "bool", 20: "int8", 23: "int4", 25: "text", 701: "float8", 1184: "timestamptz"}


def _literal(value):
    """In ASCII, so that it means the same in every client_encoding."""
    if value is None:
        return "NULL"
    quoted = str(value).replace("\\", "\\\\").replace("'", "''")
    return "E'" + "".join(c if c.isascii() else f"\\u{ord(c):04x}" for c in quoted) + "'"


def model_of(columns, rows):
    """`columns` are names with type OIDs, `rows` texts. Constants have no table, as what `list` shows has none."""
    types = [_TYPES[oid] for _, oid in columns]
    shown = rows or [[None] * len(columns)]
    values = ", ".join("(" + ", ".join(f"{_literal(value)}::{kind}" for value, kind in zip(row, types)) + ")" for row in shown)
    names = ", ".join(f'"{name}"' for name, _ in columns)
    return f"SELECT * FROM (VALUES {values}) AS l ({names})" + ("" if rows else " WHERE false")
