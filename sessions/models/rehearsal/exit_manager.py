"""The Exit Manager's scripts: run what was built, mend one small thing, pass or send back."""

from collections.abc import Callable

from sessions.models.rehearsal.answer import LABEL, Answer, Call, Done, Exchange, acknowledge, clip, sentences
from sessions.models.rehearsal.reading import is_red, last_counts, read_failure
from sessions.models.rehearsal.sample import Sample, load_sample, package_in_spec, package_in_tree, test_command

_Next = Callable[[Exchange, Sample, tuple[Done, ...]], Answer]


def pass_milestone(exchange: Exchange) -> Answer:
    """Validate a milestone: the tests so far and the library, run for real."""
    return _validate(exchange, _milestone)


def pass_session(exchange: Exchange) -> Answer:
    """Validate the finished program: tests, a real run, a bad file; one surgical edit for what is found."""
    return _validate(exchange, _session)


def _validate(exchange: Exchange, script: _Next) -> Answer:
    note = exchange.note
    if note.lower().startswith("kick back"):
        why = note[len("kick back") :].strip(" :,") or "the person asks for another look"
        return _kick_back(f"by the person's note: {why}", "-", acknowledge(note, True))
    package = package_in_spec(exchange.part("spec")) or package_in_tree(exchange.part("project"))
    if not package:
        return _kick_back(
            f"{LABEL} I can only validate my own sample; another agent or a person must judge this one", "-"
        )
    if "run" not in exchange.tools:
        return Answer(f"{LABEL} I was given no tool to run the program with, and I pass nothing that I have not run.")
    answer = script(exchange, load_sample(package), exchange.results("run", "edit_file"))
    if exchange.done:
        return answer
    known = note.lower().startswith("no edit")
    return Answer(sentences(LABEL, acknowledge(note, known), answer.text), answer.reasoning, answer.calls)


def _milestone(exchange: Exchange, sample: Sample, done: tuple[Done, ...]) -> Answer:
    tests = _tests_so_far(sample, exchange.part("progress"))
    if not done:
        return _run(test_command(*tests), "All tests so far, in one run.")
    if is_red(done[0].result):
        return _red(done[0].result)
    if len(done) == 1:
        return _run(sample.library.command, "Green. And the figures of the example?")
    if is_red(done[1].result) or sample.library.seen not in done[1].result:
        return _kick_back("the library does not add up its own example", f"{sample.package}/totals.py / add_up / -")
    groups = [line.strip() for line in done[1].result.splitlines() if sample.library.seen in line]
    summary = "\n".join([f"{LABEL} Tests: {last_counts(done[0].result)}. The example, added up:", *groups])
    return Answer("The figures stand against the spec.", calls=(Call("pass_milestone", {"summary": summary}),))


def _session(exchange: Exchange, sample: Sample, done: tuple[Done, ...]) -> Answer:
    defect = sample.defect
    tests = test_command(*(task.test for task in sample.tasks))
    results = [one.result for one in done]
    if not done:
        return _run(tests, "The whole test suite first.")
    if is_red(results[0]):
        return _red(results[0])
    if len(done) == 1:
        return _run(sample.program.command, "Green. Now as a person would run it.")
    if is_red(results[1]) or sample.program.seen not in results[1]:
        pointer = f"{sample.package}/cli.py / main / -"
        return _kick_back(f"the program draws no chart: {_last_line(results[1])}", pointer)
    if len(done) == 2:
        return _run(defect.command, "A good chart. And a file that is not there?")
    if "Traceback" not in results[2]:
        return _pass(sample, results, f"A missing file: {_last_line(results[2])}")
    if exchange.note.lower().startswith("no edit") or "edit_file" not in exchange.tools:
        return _pass(sample, results, f"Left as it is: a missing file ends in a traceback ({defect.clause}).")
    if len(done) == 3:
        text = f"A traceback: {defect.clause} asks for one clear line. Small enough to mend here, in {defect.path}."
        arguments = {"path": defect.path, "old": defect.old, "new": defect.new}
        return Answer(text, "One file, a few lines: inside the budget.", (Call("edit_file", arguments),))
    if len(done) == 4:
        return _run(defect.command, "Again.")
    if "Traceback" in results[4]:
        return _kick_back(
            "a missing file still ends in a traceback after an edit", f"{defect.path} / {defect.function} / -"
        )
    if len(done) == 5:
        return _run(tests, "One clear line. The tests once more, since code was touched.")
    if is_red(results[5]):
        return _red(results[5])
    return _pass(sample, results, f"Mended: a missing file gave a traceback, now: {_last_line(results[4])}")


def _tests_so_far(sample: Sample, progress: str) -> list[str]:
    """Return the test files of what the progress calls done; the library's own two where it tells nothing."""
    done = [line for line in progress.splitlines() if "done" in line.lower()]
    named = [task.test for task in sample.tasks if any(task.title in line for line in done)]
    return named or [task.test for task in sample.tasks[:2]]


def _run(command: str, words: str) -> Answer:
    return Answer(words, calls=(Call("run", {"command": command}),))


def _red(output: str) -> Answer:
    failure = read_failure(output)
    if failure is None:
        return _kick_back(f"the tests do not run: {_last_line(output)}", "-")
    diagnosis = f"{last_counts(output) or 'tests red'}: {failure.message or failure.test}"
    return _kick_back(diagnosis, f"{failure.file} / - / {failure.test or '-'}")


def _kick_back(diagnosis: str, pointer: str, before: str = "") -> Answer:
    text = sentences(before, f"This goes back: {clip(diagnosis, 160)}.")
    return Answer(text, calls=(Call("kick_back", {"diagnosis": clip(diagnosis, 200), "pointer": pointer}),))


def _pass(sample: Sample, results: list[str], found: str) -> Answer:
    chart = [line.rstrip() for line in results[1].splitlines() if sample.program.seen in line]
    tested = f"{LABEL} Tests: {last_counts(results[-1]) or last_counts(results[0])}."
    summary = "\n".join([tested, found, "The chart of the example:", *chart])
    arguments = {"summary": summary, "how_to_run": sample.how_to_run}
    return Answer("It stands against the whole spec.", calls=(Call("pass_session", arguments),))


def _last_line(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    told = [line for line in lines if not line.lower().startswith("exit")]
    return clip((told or lines or ["no output"])[-1], 120)
