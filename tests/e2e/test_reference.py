"""The examples of docs/reference.md, in their order, typed into psql on a server that reads the demo's library.

A block marked `sql` must succeed; if a block marked `text` follows it at once, that is what psql prints. One that
needs what is not here is marked `sql not-run`; its page says why.
"""

import re
import unittest

from demo import Demo
from parts import PARTS
from processes import REPOSITORY, free_ports, wait_until

# A block, and the output that belongs to it.
EXAMPLE = re.compile(r"^```(sql[^\n]*)\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.DOTALL | re.MULTILINE)
BROKER = "localhost:19092"  # as the README has it


def pages():
    """Title and text of each page."""
    text = (REPOSITORY / "docs/reference.md").read_text()
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2]))


class Reference(unittest.TestCase):
    def setUp(self):
        [self.broker_port] = free_ports(1)
        self.demo = Demo(PARTS.room, self.broker_port)
        self.demo.ready(lambda: "Ctrl-C ends the demo" in self.demo.shown(), 90)
        self.metadb = PARTS.new_metadb()

    def tearDown(self):
        self.demo.interrupt()

    def read_library(self):
        self.metadb.psql(f"create data source library type kafka options (brokers 'localhost:{self.broker_port}', "
                         "security 'plaintext', topics '^library\\.', consumer_group 'reference')")
        wait_until(lambda: self.metadb.has_table("library", "loans__")
                   and self.metadb.scalar("SELECT count(*) FROM library.loans__ WHERE id = 3") == 2, 60,
                   lambda: f"{self.metadb.status()}\n{self.metadb.tail()}")

    def test_examples_do_what_they_show(self):
        self.read_library()
        ran = 0
        for title, text in pages():
            for mark, block, output in EXAMPLE.findall(text):
                if mark == "sql not-run":
                    continue
                self.assertEqual(mark, "sql", title)
                with self.subTest(title, block=block):
                    shown = self.metadb.psql_script(block.replace(BROKER, f"localhost:{self.broker_port}"))
                    if output:
                        self.assertEqual(shown, output)
                    ran += 1
        self.assertGreater(ran, 30)
