"""Do the comparisons find what they are for?"""

import pathlib
import unittest

from libpq_pipeline import by_direction, by_shape
from outcome import Outcome, differing, explain, judge


def outcome(files, failed=(), ended=()):
    texts = {name: text.encode() for name, text in files.items()}
    return Outcome(pathlib.Path("."), texts, set(failed), list(ended), 0)


PLAIN = outcome({"a": "1\n", "b": "2\n"})


class Differing(unittest.TestCase):
    def test_says_nothing_of_equal_runs(self):
        self.assertEqual(differing(PLAIN, outcome({"a": "1\n", "b": "2\n"})), [])

    def test_finds_one_byte(self):
        self.assertEqual(differing(PLAIN, outcome({"a": "1\n", "b": "2 \n"})), ["b"])

    def test_finds_what_is_missing_and_what_is_too_much(self):
        self.assertEqual(differing(PLAIN, outcome({"a": "1\n", "c": "2\n"})), ["b", "c"])

    def test_finds_an_empty_result_that_was_none(self):
        self.assertEqual(differing(PLAIN, outcome({"a": "1\n", "b": "2\n", "c": ""})), ["c"])

    def test_finds_failures_and_ends(self):
        self.assertEqual(differing(PLAIN, outcome({"a": "1\n", "b": "2\n"}, failed=["a"])), ["a"])
        self.assertEqual(differing(PLAIN, outcome({"a": "1\n", "b": "2\n"}, ended=["b ended with 2"])),
                         ["(b ended with 2)"])

    def test_shows_the_lines(self):
        shown = explain("b", PLAIN, outcome({"a": "1\n", "b": "3\n"}))
        self.assertIn("-2", shown)
        self.assertIn("+3", shown)


class Judge(unittest.TestCase):
    def test_what_two_direct_runs_agree_in_differs(self):
        self.assertEqual(judge(PLAIN, PLAIN, outcome({"a": "1\n", "b": "3\n"})), (["b"], []))

    def test_what_the_second_direct_run_gives_is_unsteady(self):
        third = outcome({"a": "1\n", "b": "3\n"})
        self.assertEqual(judge(PLAIN, third, third), ([], ["b"]))

    def test_what_no_direct_run_gives_differs(self):
        self.assertEqual(judge(PLAIN, outcome({"a": "1\n", "b": "3\n"}), outcome({"a": "1\n", "b": "4\n"})),
                         (["b"], []))


class Traces(unittest.TestCase):
    def test_only_the_order_between_the_directions_is_left_out(self):
        self.assertEqual(by_direction(b"F\t1\nB\t2\nF\t3\n"), by_direction(b"F\t1\nF\t3\nB\t2\n"))
        self.assertNotEqual(by_direction(b"F\t1\nF\t3\n"), by_direction(b"F\t3\nF\t1\n"))
        self.assertNotEqual(by_direction(b"F\t1\nB\t2\n"), by_direction(b"F\t1\n"))

    def test_shape_leaves_out_numbers_and_repetition(self):
        once, twice = b"F\tB 1\nF\tE 2\nF\tS\n", b"F\tB 10\nF\tE 2\nF\tB 3\nF\tE 44\nF\tS\n"
        self.assertEqual(by_shape(once), by_shape(twice))

    def test_shape_finds_another_order_and_a_lost_message(self):
        whole = b"B\t1 D\nB\t2 C\nB\t1 D\nB\t2 C\nB\tE\n"
        self.assertNotEqual(by_shape(whole), by_shape(b"B\t1 D\nB\t2 C\nB\t2 C\nB\t1 D\nB\tE\n"))
        self.assertNotEqual(by_shape(whole), by_shape(b"B\t1 D\nB\t2 C\nB\t1 D\nB\tE\n"))
        self.assertNotEqual(by_shape(whole), by_shape(b"B\t1 D\nB\t2 C\nB\t1 D\nB\t2 C\n"))

    def test_shape_finds_a_lost_row(self):
        def trace(rows):
            return b"".join(b"B\t12\tDataRow\t 1 %d '%d'\n" % (len(str(row)), row) for row in rows)
        self.assertEqual(by_shape(trace(range(12))), by_shape(trace(range(120))))
        self.assertNotEqual(by_shape(trace(range(12))), by_shape(trace([0, 1, 3, 4])))


if __name__ == "__main__":
    unittest.main()
