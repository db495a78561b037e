"""The small library of `metadb demo`: its tables, and the changes of an afternoon. All names are invented."""

GIVEN = ["Alda", "Bero", "Cira", "Dovan", "Elke", "Faro", "Gisa", "Hanno"]
FAMILY = ["Amberfield", "Brightwater", "Cloverhill", "Dunmore", "Elderwick"]
ADJECTIVE = ["Silent", "Crooked", "Northern", "Patient", "Hollow", "Amber", "Restless", "Borrowed"]
NOUN = ["Lighthouse", "Orchard", "Compass", "Harbour", "Ledger", "Winter", "Bridge"]
KIND = ["book", "book", "book", "map", "recording"]

PATRONS, ITEMS, LOANS = 40, 60, 20


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def patron(number):
    name = f"{GIVEN[number % 8]} {FAMILY[number // 8 % 5]}"
    return f"({number}, {quoted(name)}, date '2021-03-01' + {number * 29}, true)"


def item(number):
    title = f"The {ADJECTIVE[number % 8]} {NOUN[number % 7]}"
    author = f"{FAMILY[number % 5]}, {GIVEN[(number * 3) % 8]}"
    pages = 90 + number * 37 % 400
    return (f"({number}, {quoted(f'L-{number:05d}')}, {quoted(title)}, {quoted(author)}, "
            f"{quoted(KIND[number % 5])}, {number * 137 % 4000 / 100 + 5:.2f}, "
            f"'{{\"pages\": {pages}, \"subjects\": [\"{NOUN[(number + 2) % 7].lower()}\"]}}')")


def loan(number):
    return (f"({number}, {number * 7 % PATRONS}, {number * 11 % ITEMS}, "
            f"timestamptz '2026-09-01 09:00+00' + interval '7 hours' * {number}, date '2026-09-22' + {number // 3})")


def rows(make, numbers):
    return ",\n".join(make(number) for number in numbers)


SCHEMA = f"""
CREATE SCHEMA library;
SET search_path = library;
CREATE TABLE patrons (id integer PRIMARY KEY, name text NOT NULL, joined date NOT NULL, active boolean NOT NULL);
CREATE TABLE items (id integer PRIMARY KEY, barcode text NOT NULL, title text NOT NULL, author text,
                    kind text NOT NULL, price numeric(8,2), details jsonb);
CREATE TABLE loans (id bigint PRIMARY KEY, patron_id integer NOT NULL, item_id integer NOT NULL,
                    loaned_at timestamptz NOT NULL, due date NOT NULL, returned_at timestamptz, fine numeric(6,2));
INSERT INTO patrons VALUES {rows(patron, range(1, PATRONS + 1))};
INSERT INTO items VALUES {rows(item, range(1, ITEMS + 1))};
INSERT INTO loans VALUES {rows(loan, range(1, LOANS + 1))};
"""


def returned(number, fine="NULL"):
    return (f"UPDATE loans SET returned_at = loaned_at + interval '{number % 20 + 2} days 3 hours', fine = {fine} "
            f"WHERE id = {number}")


CHANGES = [
    f"INSERT INTO loans VALUES {loan(21)}",
    returned(3),
    f"INSERT INTO loans VALUES {loan(22)}, {loan(23)}",
    "UPDATE items SET title = 'The Silent Orchard, second edition' WHERE id = 8",
    returned(5, "1.50"),
    "UPDATE loans SET due = due + 14 WHERE id = 7",
    f"INSERT INTO loans VALUES {loan(24)}",
    "UPDATE patrons SET name = 'Cira Elderwick-Dunmore' WHERE id = 34",
    returned(7),
    "UPDATE loans SET due = due + 14 WHERE id = 9",
    "UPDATE loans SET due = due + 14 WHERE id = 9",
    "INSERT INTO items VALUES " + item(61),
    f"INSERT INTO loans VALUES {loan(25)}, {loan(26)}, {loan(27)}",
    returned(21),
    "UPDATE items SET price = price * 0.9 WHERE kind = 'map' AND id < 30",
    "UPDATE patrons SET active = false WHERE id IN (4, 13)",
    returned(9, "0.75"),
    "UPDATE items SET details = details || '{\"condition\": \"worn\"}' WHERE id IN (8, 12)",
    "DELETE FROM patrons WHERE id = 13",
    returned(22),
    f"INSERT INTO loans VALUES {loan(28)}",
    "BEGIN; UPDATE items SET title = title || ' (lost)' WHERE id = 17; "
    "UPDATE loans SET fine = 12.00 WHERE id = 7; COMMIT",
    returned(24),
    "DELETE FROM items WHERE id = 17",
    "INSERT INTO loans (id, patron_id, item_id, loaned_at, due) "
    "VALUES (65, 39, 61, '2026-09-09 16:20+00', '2026-09-30')",
]
