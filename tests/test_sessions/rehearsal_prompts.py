"""Prompts and outputs that several of the rehearsal's tests tell the scripts."""

from rehearsal_stage import EXIT_TOOLS

from sessions.models.rehearsal.sample import load_sample
from sessions.plan import Task
from sessions.spec import next_entry, resolve

SAMPLE = load_sample()
SPEC = resolve((next_entry((), author="planner", reason="", texts=SAMPLE.clauses),)).text()
TREE = "README.md\nbarchart/__init__.py\nbarchart/cli.py\nbarchart/table.py"
EXIT = (*EXIT_TOOLS, "pass_session", "kick_back")


def sample_task(number: int, *, title: str = "") -> Task:
    task = SAMPLE.tasks[number - 1]
    return Task(
        id=f"T-{number:02d}",
        title=title or task.title,
        instructions=task.instructions,
        test_command=task.test_command,
        criteria=task.criteria,
        scope=task.scope,
    )


def other_task(command: str = "make test") -> Task:
    return Task(id="T-01", title="Teach the parrot", instructions="Say hello.", test_command=command)


def card(verdict: str, action: str, diagnosis: str = "it is red") -> str:
    return f"verdict: {verdict}\ndiagnosis: {diagnosis}\nrec_action: {action}\npointer: a.py / f / test_f"


RED = """\
.F                                                                       [100%]
=================================== FAILURES ===================================
___________________________________ test_sum ___________________________________

    def test_sum() -> None:
>       assert add(2, 2) == 4
E       assert 5 == 4
E        +  where 5 = add(2, 2)

tests/test_sums.py:5: AssertionError
=========================== short test summary info ============================
FAILED tests/test_sums.py::test_sum - assert 5 == 4
1 failed, 1 passed in 0.02s
"""
COLLECTION = """\
==================================== ERRORS ====================================
_____________________ ERROR collecting tests/test_sums.py ______________________
ImportError while importing test module '/clone/tests/test_sums.py'.
tests/test_sums.py:1: in <module>
    from sums import add
E   ModuleNotFoundError: No module named 'sums'
=========================== short test summary info ============================
ERROR tests/test_sums.py
1 error in 0.05s
"""
DIFF = """\
diff --git a/sums.py b/sums.py
--- /dev/null
+++ b/sums.py
@@ -0,0 +1,2 @@
+def add(a, b):
+    return a + b + 1
"""


def evidence(*, passed: bool, files: str = "sums.py", outside: str = "(none)", command: str = "pytest") -> str:
    code = 0 if passed else 1
    return (
        f"command: {command}\nexit_code: {code}\npassed: {str(passed).lower()}\ntimed_out: false\n"
        f"counts: unknown\nfiles: {files}\noutside_scope: {outside}\ncommit: abc"
    )
