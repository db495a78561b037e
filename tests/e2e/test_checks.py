"""The checks of the end-to-end tests themselves: each fault that they are there to find is found. Needs no parts."""

import unittest

from compare import FOREVER, Version, expected_versions, key_problems
from rows_model import RowsModel

COLUMNS = ["id", "v"]


def state(value):
    return {"id": "1", "v": value}


def day(number):
    return f"2026-01-{number:02d} 00:00:00+00"


def version(identity, first, last, value):
    """From day to day; last None: the current version."""
    return Version(identity, day(first), FOREVER if last is None else day(last), last is None, state(value))


A, B = state("a"), state("b")
GOOD = [version(1, 1, 2, "a"), version(2, 2, None, "b")]


class Expected(unittest.TestCase):
    def test_equal_states_make_one_version(self):
        self.assertEqual(expected_versions([A, A, B, B], COLUMNS), ([[A, True], [B, False]], True))

    def test_a_row_that_comes_back_makes_a_version_even_if_equal(self):
        self.assertEqual(expected_versions([A, None, A, None], COLUMNS), ([[A, False], [A, False]], False))

    def test_a_column_added_later_is_null_in_older_states(self):
        made, _ = expected_versions([{"id": "1"}, {"id": "1", "v": None}], COLUMNS)
        self.assertEqual(made, [[{"id": "1", "v": None}, False]])


class Problems(unittest.TestCase):
    def check(self, found, states, words):
        problems = " ".join(key_problems(found, states, COLUMNS))
        self.assertIn(words, problems) if words else self.assertEqual(problems, "")

    def test_a_good_history_has_none(self):
        self.check(GOOD, [A, B], None)

    def test_a_deleted_row_may_rest(self):
        self.check([version(1, 1, 2, "a"), version(2, 5, None, "b")], [A, None, B], None)

    def test_versions_of_no_length_are_good(self):
        self.check([version(1, 1, 1, "a"), version(2, 1, None, "b")], [A, B], None)

    def test_a_lost_version_is_found(self):
        self.check(GOOD[1:], [A, B], "instead of")

    def test_a_doubled_version_is_found(self):
        self.check([version(1, 1, 2, "a"), *GOOD[1:], version(3, 2, None, "b")], [A, B], "instead of")

    def test_an_overlap_is_found(self):
        self.check([version(1, 1, 3, "a"), version(2, 2, None, "b")], [A, B], "overlap")

    def test_a_gap_is_found(self):
        self.check([version(1, 1, 2, "a"), version(2, 3, None, "b")], [A, B], "gap")

    def test_a_version_that_runs_backwards_is_found(self):
        self.check([version(1, 3, 2, "a"), version(2, 3, None, "b")], [A, B], "backwards")

    def test_a_current_version_of_a_deleted_row_is_found(self):
        self.check(GOOD, [A, B, None], "the row is gone")

    def test_a_live_row_without_current_version_is_found(self):
        self.check([version(1, 1, 2, "a")], [A], "the row lives")

    def test_ids_against_the_order_are_found(self):
        self.check([version(2, 1, 2, "a"), version(1, 2, None, "b")], [A, B], "__id")

    def test_current_and_end_that_disagree_are_found(self):
        self.check([Version(1, day(1), day(2), True, A)], [A], "do not agree")


class Model(unittest.TestCase):
    """Rows as (value of v, whether current)."""

    def setUp(self):
        self.model = RowsModel(["id"])
        self.model.upsert(state("a"))

    def expect(self, *rows):
        self.assertEqual([(row.values.get("v"), row.current) for row in self.model.rows], list(rows))

    def test_an_equal_state_makes_no_version(self):
        self.model.upsert(state("a"))
        self.expect(("a", True))

    def test_another_state_ends_the_one_before(self):
        self.model.upsert(state("b"))
        self.expect(("a", False), ("b", True))

    def test_a_row_that_comes_back_makes_a_version(self):
        self.model.remove(state("a"))
        self.model.upsert(state("a"))
        self.expect(("a", False), ("a", True))

    def test_a_column_that_is_gone_is_null(self):
        self.model.upsert({"id": "1"})
        self.expect(("a", False), (None, True))

    def test_a_truncate_ends_all(self):
        self.model.upsert({"id": "2", "v": "b"})
        self.model.truncate()
        self.expect(("a", False), ("b", False))

    def test_under_another_key_rows_are_found_by_it(self):
        self.model.change_key(["v"])
        self.model.upsert({"id": "2", "v": "a"})
        self.expect(("a", False), ("a", True))

    def test_without_a_key_one_of_equal_rows_ends(self):
        self.model.change_key([])
        self.model.upsert(state("a"))
        self.model.replace(state("a"), state("b"))
        self.expect(("a", False), ("a", True), ("b", True))

    def test_a_wider_type_holds_for_all_versions(self):
        self.model.upsert(state("b"))
        self.model.recast("v", {"a": "A", "b": "B"})
        self.expect(("A", False), ("B", True))
