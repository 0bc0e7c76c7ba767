"""The small process that stands between the host and every program it starts, and ends the program's whole tree.

Run as a script, `python -I -S supervisor.py [options] -- argv...`, so it imports nothing but the standard library and
stays small. It starts argv, waits, and when one of these happens it ends every descendant (TERM, after the grace KILL),
reaps them and exits with argv's status (128+n when argv was killed by signal n):

- argv itself ended, whatever it left running,
- TERM or HUP came (a second TERM skips the rest of the grace),
- the control pipe closed, which a `kill -9` of its holder does as well,
- the parent died (Linux: parent-death signal; a mere end of the thread that forked us is recognised and ignored).

On Linux it is a child subreaper, so descendants with sessions of their own and double-forked daemons come back to it,
and "no child left" is proof that the tree is gone. Elsewhere descendants are found with `ps`, by parent and by the
marker variable that the whole tree inherits.

Options: `--tty` gives argv the foreground of the controlling terminal on descriptor 0 (else argv gets a new session),
`--parent PID` the process whose death ends the tree, `--control-fd N`, `--report-fd N` a pipe that receives the lines
of `Supervisor.report`, `--grace SECONDS`.
"""

# Without pathlib, which would double what this process loads.
# ruff: noqa: PTH110, PTH118, PTH123, PTH208

import contextlib
import ctypes
import errno
import os
import select
import signal
import sys
import time
from collections.abc import Iterable
from typing import NamedTuple, NoReturn

MARKER_VARIABLE = "QUARTERDECK_PROCESS"
"""Names the run in the environment of every process of its tree."""

KILL_LIMIT = 5.0
"""Seconds given to KILL to take effect on the whole tree; only a process stuck in the kernel needs more."""

NOT_STARTED = 127
"""Exit status when argv could not be started; the report then has a `failed` line."""

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_PR_SET_CHILD_SUBREAPER = 36
_PARENT_THREAD_ENDED = signal.SIGUSR1
_IS_LINUX = sys.platform == "linux"
_KEYBOARD_STOPS = (signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)


class Relative(NamedTuple):
    """One running process below the supervisor."""

    pid: int
    parent: int
    group: int
    session: int  # 0 where it is not known
    started: str  # opaque; with the pid it names one process, even after the pid is used again


class Options(NamedTuple):
    """What the command line asked for."""

    argv: list[str]
    tty: bool
    parent: int | None
    control_fd: int | None
    report_fd: int | None
    grace: float


def read_options(arguments: list[str]) -> Options:
    """Read the supervisor's own command line. Raises ValueError or IndexError when it is malformed."""
    given: dict[str, str] = {}
    position = 0
    while arguments[position] != "--":
        name = arguments[position]
        if name not in ("--tty", "--parent", "--control-fd", "--report-fd", "--grace"):
            raise ValueError(f"unknown option {name!r}")
        given[name] = arguments[position + 1]
        position += 1 if name == "--tty" else 2
    argv = arguments[position + 1 :]
    if not argv:
        raise ValueError("no program after --")
    parent, control, report = (
        int(given[name]) if name in given else None for name in ("--parent", "--control-fd", "--report-fd")
    )
    return Options(argv, "--tty" in given, parent, control, report, float(given.get("--grace", "2.0")))


def processes_by_proc() -> list[Relative]:
    """Every process of the machine that /proc shows, zombies included (a dead main thread may have live siblings)."""
    found: list[Relative] = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):  # it ended while we looked
                found.append(_read_proc(int(name)))
    return found


def _read_proc(pid: int) -> Relative:
    with open(f"/proc/{pid}/stat", "rb") as file:
        line = file.read()
    # The command stands in parentheses and may hold spaces and parentheses itself. Fields: proc(5).
    fields = line[line.rindex(b")") + 2 :].split()
    return Relative(pid, int(fields[1]), int(fields[2]), int(fields[3]), fields[19].decode("ascii"))


def processes_by_ps(listing: str, marker: str, ourselves: int) -> list[Relative]:
    """Read `ps -axwwE -o pid=,ppid=,pgid=,stat=,lstart=,command=`; a marked process counts as our child.

    Zombies are left out: they are their parent's to reap and cannot be ended.
    """
    found: list[Relative] = []
    for line in listing.splitlines():
        fields = line.split(None, 9)
        if len(fields) < 9 or not fields[0].isdigit() or fields[3].startswith("Z"):
            continue
        pid, parent, group = int(fields[0]), int(fields[1]), int(fields[2])
        command = fields[9] if len(fields) > 9 else ""
        if pid != ourselves and marker and f"{MARKER_VARIABLE}={marker}" in command.split():
            parent = ourselves
        found.append(Relative(pid, parent, group, 0, " ".join(fields[4:9])))
    return found


def below(ancestor: int, processes: Iterable[Relative]) -> list[Relative]:
    """The descendants of one process, parents before children."""
    children: dict[int, list[Relative]] = {}
    for process in processes:
        children.setdefault(process.parent, []).append(process)
    found: list[Relative] = []
    queue = [ancestor]
    while queue:
        for child in children.pop(queue.pop(), []):
            found.append(child)
            queue.append(child.pid)
    return found


class Supervisor:
    """Starts one program, waits for a reason to end, and ends its whole tree."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._marker = os.environ.get(MARKER_VARIABLE, "")
        self._child = 0
        self._status: int | None = None
        self._ending = False
        self._hurried = False
        self._wake_read = -1

    def run(self) -> int:
        """Start argv, wait, end the tree. Returns the exit status to exit with."""
        for descriptor in (self._options.control_fd, self._options.report_fd):
            if descriptor is not None:
                os.set_inheritable(descriptor, False)
        self._listen_to_signals()
        self._watch_parent()
        if not self._start():
            return NOT_STARTED
        while not self._ending:
            self._wait(None)
            self._reap()
        cleared = self._end_tree()
        self.report(f"exited {self._status}")
        self.report("cleared" if cleared else "left " + " ".join(str(p.pid) for p in self._descendants()))
        # Unkillable by us (another user's, or stuck in the kernel): argv may be among them.
        return 128 + signal.SIGKILL if self._status is None else self._status

    def report(self, line: str) -> None:
        """Tell the host: `started PID`, `failed ERRNO`, `exited STATUS`, and last `cleared` or `left PID...`."""
        if self._options.report_fd is None:
            return
        try:
            os.write(self._options.report_fd, line.encode("ascii") + b"\n")
        except OSError:
            self._options = self._options._replace(report_fd=None)

    def _listen_to_signals(self) -> None:
        self._wake_read, wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(wake_write, False)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        for ignored in (signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE, *_KEYBOARD_STOPS):
            signal.signal(ignored, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, self._on_child)
        signal.signal(signal.SIGTERM, self._on_end_signal)
        signal.signal(signal.SIGHUP, self._on_end_signal)
        signal.signal(_PARENT_THREAD_ENDED, self._on_parent_thread_ended)

    def _on_child(self, *_: object) -> None:
        """Only wakes `_wait`; an ignored SIGCHLD would reap unseen."""

    def _on_end_signal(self, number: int, _: object) -> None:
        # A closing terminal sends HUP beside whatever else ends us, so only TERM, which is meant, hurries.
        self._hurried = self._hurried or (self._ending and number == signal.SIGTERM)
        self._ending = True

    def _on_parent_thread_ended(self, *_: object) -> None:
        # The kernel sends this when the *thread* that forked us ends. Only the process matters.
        if self._parent_is_gone():
            self._ending = True

    def _parent_is_gone(self) -> bool:
        return self._options.parent is not None and os.getppid() != self._options.parent

    def _watch_parent(self) -> None:
        if _IS_LINUX:
            _prctl(_PR_SET_CHILD_SUBREAPER, 1)
            _prctl(_PR_SET_PDEATHSIG, _PARENT_THREAD_ENDED)
        # It may have died before the signal was armed.
        self._ending = self._ending or self._parent_is_gone()

    def _wait(self, seconds: float | None) -> None:
        """Sleep until a signal, the end of the control pipe or the time limit."""
        control = self._options.control_fd
        poll = select.poll()  # select() refuses the high descriptor numbers of a busy host
        for descriptor in (self._wake_read, control):
            if descriptor is not None:
                poll.register(descriptor, select.POLLIN)
        ready = {descriptor for descriptor, _ in poll.poll(None if seconds is None else seconds * 1000)}
        if self._wake_read in ready:
            os.read(self._wake_read, 4096)
        if control is not None and control in ready and not os.read(control, 4096):
            os.close(control)
            self._options = self._options._replace(control_fd=None)
            self._ending = True

    def _start(self) -> bool:
        if self._ending:
            self.report(f"failed {errno.ECANCELED}")
            return False
        error_read, error_write = os.pipe()
        # No handler of ours may run in the child before exec: it would write into the wake pipe both share.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        self._child = os.fork()
        if self._child == 0:
            self._become_program(error_write)
        os.close(error_write)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        with open(error_read, "rb") as file:
            failure = file.read()
        if failure:
            os.waitpid(self._child, 0)
            self.report(f"failed {failure.decode('ascii')}")
            return False
        self.report(f"started {self._child}")
        return True

    def _become_program(self, error_write: int) -> NoReturn:
        """In the forked child: own group or session, signals as a fresh program has them, then exec. Never returns."""
        try:
            if self._options.tty:
                os.setpgid(0, 0)
                os.tcsetpgrp(0, os.getpid())
            else:
                os.setsid()
            if _IS_LINUX:
                # Should the supervisor itself be killed, at least argv goes with it; leftovers find the rest.
                _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            for number in signal.valid_signals():
                if number not in (signal.SIGKILL, signal.SIGSTOP):
                    _reset_signal(number)
            signal.pthread_sigmask(signal.SIG_SETMASK, [])
            os.execvp(self._options.argv[0], self._options.argv)  # noqa: S606  the very purpose: argv, no shell
        except OSError as error:
            # A folder of PATH that may not be searched says "denied" where "not found" is meant.
            missing = error.errno == errno.EACCES and not _is_on_path(self._options.argv[0])
            os.write(error_write, str(errno.ENOENT if missing else error.errno).encode("ascii"))
        finally:
            os._exit(NOT_STARTED)

    def _reap(self) -> bool:
        """Collect every child that ended, and note argv's status. Returns whether children are left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if os.WIFSTOPPED(status):
                if pid == self._child and self._options.tty:
                    self._resume(os.WSTOPSIG(status))
            elif pid == self._child:
                code = os.waitstatus_to_exitcode(status)
                self._status = 128 - code if code < 0 else code
                self._ending = True

    def _resume(self, stop_signal: int) -> None:
        """Wake a program stopped by the keyboard: no shell of the pane would ever bring it back."""
        if stop_signal in _KEYBOARD_STOPS:
            with contextlib.suppress(OSError):  # terminal or group went away, which another signal tells
                os.tcsetpgrp(0, self._child)
                os.killpg(self._child, signal.SIGCONT)

    def _end_tree(self) -> bool:
        """TERM until the grace is over, then KILL. Returns whether nothing is left."""
        deadline = time.monotonic() + self._options.grace
        told: set[tuple[int, str]] = set()
        while self._tree_remains() and not self._hurried and time.monotonic() < deadline:
            for process in self._descendants():
                if (process.pid, process.started) not in told:
                    told.add((process.pid, process.started))
                    self._ask_to_end(process)
            self._wait(min(0.05, max(0.0, deadline - time.monotonic())))
        deadline = time.monotonic() + KILL_LIMIT
        while self._tree_remains():
            if time.monotonic() > deadline:
                return False
            self._kill(self._descendants())
            self._wait(0.01)
        return True

    def _tree_remains(self) -> bool:
        return self._reap() or (not _IS_LINUX and bool(self._descendants()))

    def _ask_to_end(self, process: Relative) -> None:
        if self._options.tty:
            _send(process, signal.SIGHUP)  # what interactive shells listen to; they ignore TERM
        _send(process, signal.SIGTERM)
        _send(process, signal.SIGCONT)

    def _kill(self, processes: list[Relative]) -> None:
        # A group dies at one stroke, which a chain of forks inside it cannot outrun. A group of a session that
        # is not of this tree is never touched.
        session = os.getsid(0)
        foreign = 0 if session == os.getpid() else session
        for group in {p.group for p in processes if p.session not in (0, foreign)}:
            if group not in (0, os.getpgid(0)):
                with contextlib.suppress(OSError):  # gone already
                    os.killpg(group, signal.SIGKILL)
        for process in processes:
            _send(process, signal.SIGKILL)

    def _descendants(self) -> list[Relative]:
        if _IS_LINUX:
            return below(os.getpid(), processes_by_proc())
        import subprocess  # 10 ms to import, which only a machine without /proc has to pay

        columns = "pid=,ppid=,pgid=,stat=,lstart=,command="
        with subprocess.Popen(["/bin/ps", "-axwwE", "-o", columns], stdout=subprocess.PIPE) as ps:
            listing = ps.communicate()[0].decode("utf-8", "replace")
        processes = processes_by_ps(listing, self._marker, os.getpid())
        return below(os.getpid(), [p for p in processes if p.pid != ps.pid])


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def _is_on_path(program: str) -> bool:
    folders = [""] if "/" in program else os.get_exec_path()
    return any(os.path.exists(os.path.join(folder, program)) for folder in folders)


def _reset_signal(number: int) -> None:
    with contextlib.suppress(OSError):  # some are reserved by the C library
        signal.signal(number, signal.SIG_DFL)


def _send(process: Relative, number: signal.Signals) -> None:
    """Signal exactly this process: through a pidfd where there is one, so a pid used again is never hit."""
    with contextlib.suppress(OSError):  # it ended meanwhile, or belongs to another user and is reported as left
        descriptor = _open_pidfd(process.pid)
        try:
            if descriptor is None:
                os.kill(process.pid, number)
            elif _read_proc(process.pid).started == process.started:
                signal.pidfd_send_signal(descriptor, number)
        finally:
            if descriptor is not None:
                os.close(descriptor)


def _open_pidfd(pid: int) -> int | None:
    """None where there are no pidfds: outside Linux, and before Linux 5.3. Raises OSError when the process is gone."""
    try:
        return os.pidfd_open(pid) if _IS_LINUX else None
    except OSError as error:
        if error.errno != errno.ENOSYS:
            raise
        return None


def main() -> int:
    """Supervise the program that the command line names."""
    try:
        options = read_options(sys.argv[1:])
    except (ValueError, IndexError) as error:
        sys.stderr.write(f"supervisor: {error}\n")
        return 2
    return Supervisor(options).run()


if __name__ == "__main__":
    # _exit, because a flush of inherited streams has nothing to write and must not fail the status.
    os._exit(main())
