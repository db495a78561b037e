"""Frontend messages as bytes (PostgreSQL documentation, "Message Formats").

A message is a list, as it stands in a case file: its name, then its fields in the order of the documentation. A text
holds one character for each byte, so that any bytes can be written.
"""

import struct


def octets(text):
    return text.encode("latin-1")


def text_of(value):
    """The text whose octets() are `value` in UTF-8."""
    return value.encode("utf-8").decode("latin-1")


def _named(text):
    return octets(text) + b"\0"


def _formats(codes):
    return struct.pack(f"!H{len(codes)}H", len(codes), *codes)


def _values(values):
    packed = struct.pack("!H", len(values))
    for value in values:
        packed += struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + octets(value)
    return packed


def _parse(name, text, types):
    return _named(name) + _named(text) + struct.pack(f"!H{len(types)}I", len(types), *types)


def _bind(portal, statement, formats, values, result_formats):
    return _named(portal) + _named(statement) + _formats(formats) + _values(values) + _formats(result_formats)


def _function_call(function, formats, values, result_format):
    return struct.pack("!I", function) + _formats(formats) + _values(values) + struct.pack("!H", result_format)


def _target(kind, name):
    return octets(kind) + _named(name)


_BODIES = {
    "Query": (b"Q", _named),
    "Parse": (b"P", _parse),
    "Bind": (b"B", _bind),
    "Describe": (b"D", _target),
    "Execute": (b"E", lambda portal, rows: _named(portal) + struct.pack("!i", rows)),
    "Close": (b"C", _target),
    "Sync": (b"S", bytes),
    "Flush": (b"H", bytes),
    "Terminate": (b"X", bytes),
    "FunctionCall": (b"F", _function_call),
    "CopyData": (b"d", octets),
    "CopyDone": (b"c", bytes),
    "CopyFail": (b"f", _named),
}


def packed(message):
    kind, body = _BODIES[message[0]]
    payload = body(*message[1:])
    return kind + struct.pack("!i", len(payload) + 4) + payload


def startup_packet(version, parameters):
    body = struct.pack("!I", version)
    for name, value in parameters.items():
        body += _named(name) + _named(value)
    return struct.pack("!i", len(body) + 5) + body + b"\0"


def request_packet(code):
    """SSLRequest and GSSENCRequest."""
    return struct.pack("!iI", 8, code)


def password_message(payload):
    return b"p" + struct.pack("!i", len(payload) + 4) + payload
