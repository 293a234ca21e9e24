#!/usr/bin/env python3
"""That tests/tidy.py sees each kind of breach, and nothing in a good file. Run by ctest."""

import tempfile
import unittest
from pathlib import Path

import tidy
from mutants import mutant

HEADER = "// What it promises.\n#pragma once\n"


class TidyTest(unittest.TestCase):
    def assert_breach(self, path: str, text: str, words: str) -> None:
        breaches = list(tidy.check(path, text))
        self.assertEqual(len(breaches), 1, breaches)
        self.assertIn(words, breaches[0])

    def assert_good(self, path: str, text: str) -> None:
        self.assertEqual(list(tidy.check(path, text)), [])

    def test_rooms_include_downward_only(self) -> None:
        self.assert_good("bridge/routing/router.cpp", '#include "exchange/history.hpp"\n')
        self.assert_good("bridge/auth/grants.hpp", HEADER + '#include "core/pattern.hpp"\n')
        self.assert_good("bridge/main.cpp", '#include "api/routes.hpp"\ndraw_hash_key();\n')
        self.assert_breach(
            "bridge/routing/router.cpp", '#include "client/session.hpp"\n', "routing may not include client"
        )
        self.assert_breach("bridge/lane/lane.cpp", '#  include "api/routes.hpp"\n', "lane may not include api")
        self.assert_breach("bridge/core/event.cpp", '#include "config/config.hpp"\n', ":1: core may not")

    def test_each_vendor_has_one_door(self) -> None:
        self.assert_good("bridge/ingest/source.cpp", "#include <zmq.hpp>\n")
        self.assert_good("bridge/api/routes.cpp", "#include <nlohmann/json.hpp>\n")
        self.assert_good("tests/unit/ingest/source_test.cpp", "#include <zmq.hpp>\n")
        self.assert_good("bridge/core/log.hpp", HEADER + "#include <spdlog/fmt/fmt.h>\n")
        self.assert_breach("bridge/lane/lane.cpp", "#include <zmq.hpp>\n", "bridge/ingest/*")
        self.assert_breach("bridge/client/session.hpp", HEADER + "#include <websocketpp/server.hpp>\n", "transport.hpp")
        self.assert_breach("bridge/api/routes.hpp", HEADER + "#include <nlohmann/json.hpp>\n", "*.cpp")
        self.assert_breach("bridge/main.cpp", "#include <toml++/toml.h>\ndraw_hash_key();\n", "bridge/config/*.cpp")
        self.assert_breach("bridge/main.cpp", "", "draw_hash_key(); is missing")

    def test_headers_open_with_their_contract(self) -> None:
        self.assert_good("bridge/core/event.hpp", HEADER)
        self.assert_breach("bridge/core/event.hpp", "#pragma once\n", "opens with a comment")
        self.assert_breach("bridge/core/event.hpp", "// What it promises.\n", "pragma once")
        self.assert_breach("bridge/core/event.hpp", HEADER + "using namespace std;\n", ":3: using namespace")

    def test_what_no_test_can_see_stays(self) -> None:
        self.assert_good("bridge/auth/admin_token.cpp", "return CRYPTO_memcmp(a, b, n) == 0;\n")
        self.assert_breach("bridge/auth/admin_token.cpp", "return a == b;\n", "CRYPTO_memcmp( is missing")

    def test_tables_of_texts_have_a_hash_that_nobody_foretells(self) -> None:
        self.assert_good("bridge/routing/router.cpp", "std::unordered_set<std::string, KeyedHash> names;\n")
        self.assert_good("bridge/routing/router.cpp", "std::unordered_map<std::uint64_t, std::string> names;\n")
        self.assert_good("bridge/exchange/frame.cpp", "return std::hash<std::string_view>{}(key);\n")
        self.assert_good("tests/unit/core/topic_test.cpp", "std::unordered_set<std::string> names;\n")
        self.assert_breach("bridge/routing/router.cpp", "std::unordered_set<std::string> names;\n", "no KeyedHash")
        self.assert_breach("bridge/routing/router.cpp", "std::unordered_map<std::string_view, A> a;\n", "no KeyedHash")
        self.assert_breach("bridge/routing/router.cpp", "return std::hash<std::string_view>{}(a);\n", "no KeyedHash")

    def test_names_say_what_a_thing_is(self) -> None:
        self.assert_good("bridge/lane/lane.cpp", "")
        self.assert_breach("bridge/port/utils.cpp", "", "utils.cpp")
        self.assert_breach("bridge/common/lane.cpp", "", "'common'")

    def test_nothing_is_left_unfinished(self) -> None:
        self.assert_good("docs/ARCHITECTURE.md", "What there is to do.\n")
        self.assert_breach("bridge/lane/lane.cpp", "// TO" + "DO: later\n", "unfinished")

    def test_tests_wait_for_things_and_never_skip(self) -> None:
        self.assert_good("tools/dev", "time." + "sleep(1)\n")
        self.assert_good("tests/e2e/test_a.py", "deadline.wait(1)\n")
        self.assert_breach("tests/e2e/test_a.py", "time." + "sleep(1)\n", "by the clock")
        self.assert_breach("publishers/python/tests/test_a.py", "asyncio." + "sleep(1)\n", "by the clock")
        self.assert_breach("tests/unit/port/lane_test.cpp", "std::this_thread::sleep" + "_for(1s);\n", "by the clock")
        self.assert_breach("tests/unit/port/lane_test.cpp", "GTEST" + "_SKIP();\n", "skipped")

    def test_no_machine_is_named(self) -> None:
        self.assert_good("docs/OPERATING.md", "/usr/share/zwsbridge, see ../work/x\n")
        self.assert_breach("tests/e2e/test_a.py", "open('/ro" + "ot/x')\n", "absolute path")
        self.assert_breach("tests/browser/package-lock.json", '"resolved": "https://x"\n', "registry")
        self.assert_good("tests/browser/package-lock.json", '"version": "1.0.0"\n')

    def test_what_is_referred_to_is_in_the_tree(self) -> None:
        self.assert_good("bridge/core/a.hpp", "// What it is (docs/CLIENTS.md).\n#pragma once\n")
        self.assert_breach(
            "bridge/core/a.hpp", "// What it is (CONTRACT " + "section 4).\n#pragma once\n", "not in the tree"
        )

    def test_the_tests_that_hold_an_invariant_exist(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for file, text in {
                "docs/INVARIANTS.md": "| a rule | `test_a.py::test_b`, `ATest.Bee` |\n",
                "tests/e2e/test_a.py": "def test_b(bridge):\n",
                "tests/unit/port/a_test.cpp": "TEST_F(ATest, Bee) {}\n",
            }.items():
                (root / file).parent.mkdir(parents=True)
                (root / file).write_text(text)
            self.assertEqual(list(tidy.check_invariants(root)), [])
            (root / "tests/e2e/test_a.py").write_text("def test_bc(bridge):\n")
            (root / "tests/unit/port/a_test.cpp").write_text("TEST_F(ATest, Beech) {}\n")
            self.assertEqual(len(list(tidy.check_invariants(root))), 2)

    def test_the_page_of_metrics_names_what_the_bridge_tells_and_nothing_else(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            self.assertEqual(list(tidy.check_metrics(root)), [])
            (root / "bridge/metrics").mkdir(parents=True)
            (root / "docs").mkdir()
            (root / "bridge/metrics/prometheus.cpp").write_text('gauge("zws_a", "A of zws_c");\nadd("process_b");\n')
            (root / "docs/METRICS.md").write_text("| `zws_a` | | |\n| `process_b` | | |\n")
            self.assertEqual(list(tidy.check_metrics(root)), [])
            (root / "docs/METRICS.md").write_text("| `zws_a` | | |\n| `zws_old` | | |\n")
            self.assertEqual(
                list(tidy.check_metrics(root)),
                ["docs/METRICS.md: does not explain process_b", "docs/METRICS.md: the bridge tells of no zws_old"],
            )

    def test_a_mutant_says_what_it_does_and_who_sees_it(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            (root / "bridge").mkdir()
            (root / "bridge/a.cpp").write_text("int a = 1;\n")
            (root / mutant.FOLDER).mkdir(parents=True)
            patch = root / mutant.FOLDER / "a-two.patch"
            head = "failure: two of everything\nsuite: unit:port_test:A.*\n"
            diff = "diff --git a/bridge/a.cpp b/bridge/a.cpp\n--- a/bridge/a.cpp\n+++ b/bridge/a.cpp\n@@ -1 +1 @@\n"
            edit = "-int a = 1;\n+int a = 2;\n"

            def breaches_of(text: str) -> str:
                patch.write_text(text)
                return "".join(mutant.breaches(root))

            self.assertEqual(breaches_of(head + diff + edit), "")
            self.assertEqual(str(mutant.read(patch).suite), "unit:port_test:A.*")
            self.assertIn("no line 'failure:'", breaches_of(diff + edit))
            self.assertIn("'eyes' is none of", breaches_of("failure: a\nsuite: eyes:a\n" + diff + edit))
            self.assertIn("names no program", breaches_of("failure: a\nsuite: unit:\n" + diff + edit))
            self.assertIn("holds no diff", breaches_of(head))
            elsewhere = head.replace("unit:port_test:A.*", "e2e:tests/e2e/test_a.py")
            self.assertIn("there is no tests/e2e/test_a.py", breaches_of(elsewhere + diff + edit))
            self.assertIn("there is no test A.B", breaches_of(head.replace("A.*", "A.B") + diff + edit))
            self.assertIn("no longer applies", breaches_of(head + diff + edit.replace("a = 1", "a = 3")))


if __name__ == "__main__":
    unittest.main()
