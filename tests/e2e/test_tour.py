"""The five minutes of README.md, as they are typed: the demo on a terminal, and a server of one's own."""

import os
import pathlib
import re
import unittest

from demo import Demo
from parts import PARTS
from processes import REPOSITORY, free_ports, run, wait_until


class Tour(unittest.TestCase):
    def test_shows_what_the_readme_says(self):
        blocks = sql_blocks("## Five minutes", "### Against your own Kafka")
        self.assertEqual(len(blocks), 4)
        create, current, history, rest = blocks
        [broker_port] = free_ports(1)
        demo = Demo(PARTS.room, broker_port)
        demo.ready(lambda: "Ctrl-C ends the demo" in demo.shown(), 90)
        self.assert_demo_can_be_entered(demo)

        self.metadb = PARTS.new_metadb()
        self.assertIn("localhost:19092", create)
        self.assertEqual(self.psql(create.replace("localhost:19092", f"localhost:{broker_port}")).strip(),
                         "CREATE DATA SOURCE")
        wait_until(lambda: self.metadb.has_table("library", "loans__")
                   and self.metadb.scalar("SELECT count(*) FROM library.loans__ WHERE id = 3") == 2, 60,
                   lambda: f"{self.metadb.status()}\n{self.metadb.tail()}")
        self.assertIn("(5 rows)", self.psql(current))
        shown = self.psql(history)
        self.assertRegex(shown, r" 9999-12-31 00:00:00\+00 +\| t ")
        self.assertEqual(re.findall(r"\((\d+) rows\)", shown), ["2", "5"])
        shown = self.psql(rest)
        for text in (r" data_source \| library +\| active ", r" library +\| loans ", r"\^library\\\.",
                     r" data source library", r"\nDROP DATA SOURCE\n$"):
            self.assertRegex(shown, text)
        self.assertTrue(self.metadb.has_table("library", "loans"))
        self.metadb.stop()

        self.assertEqual(demo.interrupt(), 0, demo.shown())
        self.assertIn("Stopping.", demo.shown())
        self.assertFalse(self.folder_of(demo).exists())

    def folder_of(self, demo):
        return pathlib.Path(re.search(r"/tmp/metadb-demo-\w+", demo.shown())[0])

    def assert_demo_can_be_entered(self, demo):
        """With the line and the password that it shows."""
        line = re.search(r"^  (psql .*)$", demo.shown(), re.MULTILINE)[1]
        password = pathlib.Path(re.search(r"The password is in (\S+)\.\n", demo.shown())[1]).read_text().strip()
        shown = run([*line.split(), "-X", "-c", "select count(*) > 0 as filled from library.loans"],
                    env={**os.environ, "PGPASSWORD": password})
        self.assertRegex(shown, r"\n t\n")

    def psql(self, text):
        return run(["psql", "-X", "-v", "ON_ERROR_STOP=1", "-h", "localhost", "-p", self.metadb.port,
                    "-U", self.metadb.user, "-d", self.metadb.database], input=text.encode(),
                   env={**os.environ, "PGPASSWORD": self.metadb.password, "PGTZ": "UTC"})


def sql_blocks(begin, end):
    """The blocks of SQL between two headings of README.md."""
    text = (REPOSITORY / "README.md").read_text()
    part = text[text.index(f"\n{begin}\n"):text.index(f"\n{end}\n")]
    return re.findall(r"```sql\n(.*?)```", part, re.DOTALL)
