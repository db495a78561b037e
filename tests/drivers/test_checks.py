"""The comparison itself: each difference that it is there to find is found. Needs no servers."""

import unittest

from transcript import compare, expectation, normalized, parse

DIRECT = "== one\na: 1\n== two\nb: 2\n"
PROXIED = DIRECT + "== metadb lists\nrows: 6\n"
EXPECTED = "== metadb lists\nrows: 6\n"


class Transcripts(unittest.TestCase):
    def outcomes(self, direct=DIRECT, proxied=PROXIED, expected=EXPECTED):
        return [one.outcome for one in compare(parse(direct), parse(proxied), parse(expected))]

    def test_equal_runs_pass(self):
        self.assertEqual(self.outcomes(), ["passed"] * 3)

    def test_a_changed_line_is_found(self):
        self.assertEqual(self.outcomes(proxied=PROXIED.replace("b: 2", "b: 3")), ["passed", "failed", "passed"])

    def test_a_lost_line_is_found(self):
        self.assertEqual(self.outcomes(direct=DIRECT + "c: 3\n"), ["passed", "failed", "passed"])

    def test_a_lost_section_is_found(self):
        self.assertIn("failed", self.outcomes(proxied=EXPECTED))
        self.assertIn("failed", self.outcomes(direct="== one\na: 1\n"))

    def test_a_changed_answer_to_a_metadb_command_is_found(self):
        self.assertEqual(self.outcomes(proxied=PROXIED.replace("6", "7")), ["passed", "passed", "failed"])

    def test_a_metadb_section_without_expectation_is_found(self):
        self.assertEqual(self.outcomes(expected=""), ["passed", "passed", "failed"])

    def test_a_failure_counts_although_both_runs_have_it(self):
        self.assertEqual(self.outcomes(direct=DIRECT + "!! gone\n", proxied=DIRECT + "!! gone\n" + EXPECTED),
                         ["passed", "failed", "passed"])

    def test_a_section_without_lines_is_found(self):
        self.assertEqual(self.outcomes(direct="== one\n", proxied="== one\n" + EXPECTED), ["failed", "passed"])

    def test_output_before_the_first_section_is_found(self):
        self.assertIn("failed", self.outcomes(proxied="Warning: odd\n" + PROXIED))

    def test_skipped_sections_are_counted_as_such(self):
        text = "== one\n-- skipped: too old\n"
        self.assertEqual(self.outcomes(direct=text, proxied=text, expected=""), ["skipped"])

    def test_only_ports_and_processes_are_made_equal(self):
        self.assertEqual(normalized('port "5000", 15000, PID 77, 77, pg_temp_3', [5000]),
                         'port "PORT", 15000, PID N, 77, pg_temp_N')

    def test_an_expectation_has_metadb_sections_only(self):
        self.assertEqual(expectation(parse(PROXIED), {}), EXPECTED)

    def test_a_failure_does_not_become_an_expectation(self):
        failed = parse("== metadb lists\n!! gone\n")
        self.assertEqual(expectation(failed, parse(EXPECTED)), EXPECTED)


if __name__ == "__main__":
    unittest.main()
