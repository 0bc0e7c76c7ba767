"""What every test stands on: a home of its own, no keys, no network but loopback, one identity, UTC."""

import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# A loaded machine must not decide whether a property holds.
settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")

_LOOPBACK = ("127.", "::1", "localhost")
_NAMES_OF_SECRETS = ("_API_KEY", "_TOKEN", "_SECRET", "_SECRET_KEY")
# GIT_* would decide which repository git works in, MAKE* tell a child that it belongs to our own make.
_LEAKS = ("GIT_", "QUARTERDECK_", "XDG_", "MAKE", "MFLAGS", "TEXTUAL")


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give the test, and every program it starts, an empty home.

    It lies directly under /tmp because a Unix socket's path may have about 100 characters, which the
    temporary folders of pytest on macOS use up alone.
    """
    place = Path(tempfile.mkdtemp(prefix="qd-", dir="/tmp")).resolve()
    for name in list(os.environ):
        if name.startswith("TEXTUAL_SNAPSHOT"):
            continue  # Where the pictures' plug-in puts its work.
        if name.upper().startswith(_LEAKS) or name.upper().endswith(_NAMES_OF_SECRETS):
            monkeypatch.delenv(name)
    for name, folder in {
        "HOME": "",
        "QUARTERDECK_HOME": "q",
        "XDG_CACHE_HOME": "cache",
        "XDG_CONFIG_HOME": "config",
        "XDG_DATA_HOME": "data",
        "XDG_RUNTIME_DIR": "run",
        "XDG_STATE_HOME": "state",
    }.items():
        (place / folder).mkdir(mode=0o700, exist_ok=True)
        monkeypatch.setenv(name, str(place / folder))
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "A Person")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "person@example.invalid")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("TZ", "UTC")
    yield place
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test that reaches for another machine, even when the code under test swallows the refusal.

    Programs the test starts are not watched; a proxy that refuses every connection stands in their way.
    """
    reached: list[str] = []
    connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def refuse_others(host: object) -> None:
        name = host.decode(errors="replace") if isinstance(host, bytes) else str(host or "localhost")
        if not name.startswith(_LOOPBACK):
            reached.append(name)
            raise ConnectionRefusedError(f"tests may not reach {name}")

    def guarded(original: Callable[[socket.socket, Any], Any]) -> Callable[[socket.socket, Any], Any]:
        def go(self: socket.socket, address: Any) -> Any:
            if self.family != socket.AF_UNIX:
                refuse_others(address[0])
            return original(self, address)

        return go

    def resolve(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        refuse_others(host)
        return getaddrinfo(host, port, *args, **options)

    monkeypatch.setattr(socket.socket, "connect", guarded(connect))
    monkeypatch.setattr(socket.socket, "connect_ex", guarded(connect_ex))
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        value = "127.0.0.1,localhost,::1" if name == "NO_PROXY" else "http://127.0.0.1:9"
        monkeypatch.setenv(name, value)
        monkeypatch.setenv(name.lower(), value)
    yield
    assert not reached, f"the test reached for {', '.join(reached)}"
