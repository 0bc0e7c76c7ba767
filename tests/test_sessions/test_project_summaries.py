"""What test runners print is read for display and for counting."""

import pytest

from sessions.project.summaries import TestCounts, first_failure, read_counts

PYTEST = """\
FF.sx                                                                    [100%]
=================================== FAILURES ===================================
_________________________________ test_p[c - d] __________________________________

    def test_p(x):
>     assert x == 1, "why"
E     AssertionError: why

test_p.py:4: AssertionError
=========================== short test summary info ============================
FAILED tests/test_p.py::test_p[c - d] - AssertionError: why
FAILED tests/test_u.py::A::test_err - KeyError: 'k'
2 failed, 1 passed, 1 skipped, 1 xfailed in 0.63s
"""
UNITTEST = """\
FE.sx
======================================================================
ERROR: test_err (test_u.A.test_err)
----------------------------------------------------------------------
Traceback (most recent call last):
  File "test_u.py", line 7, in test_err
    def test_err(self): raise KeyError("k")
                        ^^^^^^^^^^^^^^^^^^^
KeyError: 'k'

======================================================================
FAIL: test_bad (test_u.A.test_bad)
----------------------------------------------------------------------
Traceback (most recent call last):
AssertionError: 1 != 2

----------------------------------------------------------------------
Ran 5 tests in 0.001s

FAILED (failures=1, errors=1, skipped=1, expected failures=1)
"""
JEST = """\
FAIL ./sum.test.js
  ✓ adds (2 ms)
  ✕ breaks here (1 ms)

  ● Console

    console.log noise

  ● math › breaks here

    expect(received).toBe(expected) // Object.is equality

    Expected: 3

Test Suites: 1 failed, 1 total
Tests:       1 failed, 1 skipped, 1 passed, 3 total
Snapshots:   0 total
Time:        0.5 s
"""
VITEST = """\
 FAIL  src/sum.test.ts > math > breaks here
AssertionError: expected 2 to be 3 // Object.is equality

 Test Files  1 failed (1)
      Tests  1 failed | 2 passed | 1 skipped (4)
   Start at  10:00:00
"""
NODE_TAP = """\
TAP version 13
# Subtest: breaks here
not ok 2 - breaks here
  ---
  duration_ms: 1.15063
  location: '/x/a.test.js:3:1'
  error: |-
    Expected values to be strictly equal:

    2 !== 3
  code: 'ERR_ASSERTION'
  ...
1..3
# tests 3
# suites 0
# pass 1
# fail 1
# cancelled 0
# skipped 1
# todo 0
"""
NODE_SPEC = """\
✔ adds (1.000567ms)
✖ breaks here (0.943092ms)
  AssertionError [ERR_ASSERTION]: Expected values to be strictly equal:

﹣ skipped (0.103114ms) # SKIP
ℹ tests 3
ℹ suites 0
ℹ pass 1
ℹ fail 1
ℹ cancelled 0
ℹ skipped 1
ℹ todo 0

✖ failing tests:

✖ breaks here (0.943092ms)
"""
CARGO = """\
running 3 tests
test tests::good ... ok
test tests::bad ... FAILED

failures:

---- tests::bad stdout ----

thread 'tests::bad' (11289) panicked at src/lib.rs:2:68:
assertion `left == right` failed: sum
  left: 4
 right: 5

test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.07s

running 2 tests
test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
"""
GO = """\
--- FAIL: TestAdd (0.00s)
    add_test.go:9: got 5, want 4
FAIL
FAIL	example.com/add	0.002s
ok  	example.com/sub	(cached)
?   	example.com/doc	[no test files]
FAIL
"""
GO_VERBOSE = """\
=== RUN   TestOk
--- PASS: TestOk (0.00s)
=== RUN   TestTable
=== RUN   TestTable/one
    --- FAIL: TestTable/one (0.00s)
        x_test.go:5: bad
--- FAIL: TestTable (0.00s)
--- SKIP: TestLater (0.00s)
FAIL
FAIL	example.com/x	0.002s
"""
GO_BROKEN = """\
# example.com/x
./x.go:3:1: syntax error: unexpected }
FAIL	example.com/x [build failed]
"""


@pytest.mark.parametrize(
    ("output", "counts", "failure"),
    [
        (PYTEST, TestCounts(1, 2, 0, 2), "tests/test_p.py::test_p[c - d]: AssertionError: why"),
        (UNITTEST, TestCounts(1, 1, 1, 2), "test_err (test_u.A.test_err): KeyError: 'k'"),
        (
            JEST,
            TestCounts(1, 1, 0, 1),
            "math › breaks here: expect(received).toBe(expected) // Object.is equality",
        ),
        (
            VITEST,
            TestCounts(2, 1, 0, 1),
            "src/sum.test.ts > math > breaks here: AssertionError: expected 2 to be 3 // Object.is equality",
        ),
        (NODE_TAP, TestCounts(1, 1, 0, 1), "breaks here: Expected values to be strictly equal"),
        (
            NODE_SPEC,
            TestCounts(1, 1, 0, 1),
            "breaks here: AssertionError [ERR_ASSERTION]: Expected values to be strictly equal",
        ),
        (CARGO, TestCounts(3, 1, 0, 1), "tests::bad: assertion `left == right` failed: sum"),
        (GO, TestCounts(1, 1, 0, 0), "TestAdd: add_test.go:9: got 5, want 4"),
        (GO_VERBOSE, TestCounts(1, 2, 0, 1), "TestTable/one: x_test.go:5: bad"),
        (GO_BROKEN, TestCounts(0, 0, 1, 0), "example.com/x: ./x.go:3:1: syntax error: unexpected }"),
    ],
)
def test_each_runner_is_read(output: str, counts: TestCounts, failure: str) -> None:
    assert read_counts(output) == counts
    assert first_failure(output) == failure
    windows = output.replace("\n", "\r\n").encode()
    assert (read_counts(windows), first_failure(windows)) == (counts, failure)


@pytest.mark.parametrize(
    ("output", "counts"),
    [
        ("=============== 3 passed, 1 warning in 0.02s ===============\n", TestCounts(3, 0)),
        ("\x1b[32m\x1b[1m12 passed\x1b[0m\x1b[32m in 65.32s (0:01:05)\x1b[0m\n", None),
        ("\x1b[32m12 passed\x1b[0m\x1b[32m in 65.32s (0:01:05)\x1b[0m\n", TestCounts(12, 0)),
        ("no tests ran in 0.00s\n", TestCounts(0, 0)),
        ("1 error in 0.10s\n", TestCounts(0, 0, 1)),
        ("5 deselected in 0.10s\n", TestCounts(0, 0)),
        ("Ran 0 tests in 0.000s\n\nOK\n", TestCounts(0, 0)),
        ("Ran 0 tests in 0.000s\n\nNO TESTS RAN\n", TestCounts(0, 0)),
        ("Ran 1 test in 0.1s\n\nOK (skipped=1)\n", TestCounts(0, 0, 0, 1)),
        ("No tests found, exiting with code 0\n", TestCounts(0, 0)),
        ("No test files found, exiting with code 1\n", TestCounts(0, 0)),
        ("?   \texample.com/doc\t[no test files]\n", TestCounts(0, 0)),
        ("ok  \texample.com/x\t0.002s [no tests to run]\n", TestCounts(0, 0)),
        ("running 0 tests\n\ntest result: ok. 0 passed; 0 failed; 0 ignored; 0 measured\n", TestCounts(0, 0)),
        ("make: Nothing to be done for 'check'.\n", None),
        ("", None),
    ],
)
def test_summaries_without_failures_and_without_tests(output: str, counts: TestCounts | None) -> None:
    if output.startswith("\x1b[32m\x1b[1m"):
        counts = TestCounts(12, 0)
    assert read_counts(output) == counts
    assert first_failure(output) is None


def test_a_cut_off_pytest_run_still_names_its_first_failure() -> None:
    cut = PYTEST[: PYTEST.index("=== short test") - 30]

    assert first_failure(cut) == "test_p[c - d]: AssertionError: why"


def test_a_collection_error_is_a_failure() -> None:
    output = "ERROR tests/test_x.py - ModuleNotFoundError: No module named 'x'\n1 error in 0.1s\n"

    assert first_failure(output) == "tests/test_x.py: ModuleNotFoundError: No module named 'x'"


def test_a_failure_is_shown_on_one_short_line_without_controls() -> None:
    output = f"FAILED t.py::test_x - \x1b]0;title\x07Error:\u202e {'y' * 5000}\x00\n1 failed in 0.1s\n"

    shown = first_failure(output)

    assert shown is not None
    assert shown.startswith("t.py::test_x: Error: yyy")
    assert len(shown) <= 300
    assert shown.isprintable()


def test_the_last_summary_counts() -> None:
    assert read_counts("1 failed in 0.1s\nsome output\n2 passed in 0.2s\n") == TestCounts(2, 0)


@pytest.mark.parametrize(
    "flood", ["\n", " \n", "FAILED [", "not ok 1 - x\n", "_____ x _____\n", "---- x stdout ----\n", "● x\n"]
)
def test_a_flood_is_read_in_bounded_time(flood: str) -> None:
    # A pattern that tried every line from every line would not end within this test's time limit.
    output = flood * (4_000_000 // len(flood))

    assert read_counts(output) is None
    first_failure(output)
