"""Programs get the variables they need, and no secret that nobody named."""

from sessions.processes.environment import clean_environment

HOST = {
    "PATH": "/bin",
    "HOME": "/home/x",
    "LANG": "C.UTF-8",
    "LC_ALL": "de_DE.UTF-8",
    "LC_SECRET_KEY": "s",
    "USER": "x",
    "SHELL": "/bin/zsh",
    "TMPDIR": "/var/tmp",
    "TERM": "xterm",
    "SSH_AUTH_SOCK": "/run/agent",
    "OPENAI_API_KEY": "sk-1",
    "OPENAI_BASE_URL": "http://127.0.0.1",
    "GITHUB_TOKEN": "t",
    "DATABASE_PASSWORD": "p",
    "PYTHONPATH": "/host/only",
    "GIT_DIR": "/elsewhere/.git",
    "QUARTERDECK_PROCESS": "outer",
}


def test_only_the_allowed_variables_pass() -> None:
    assert clean_environment(source=HOST) == {
        "PATH": "/bin",
        "HOME": "/home/x",
        "LANG": "C.UTF-8",
        "LC_ALL": "de_DE.UTF-8",
        "USER": "x",
        "SHELL": "/bin/zsh",
        "TMPDIR": "/var/tmp",
    }


def test_a_named_variable_passes_even_if_it_is_a_secret() -> None:
    environment = clean_environment(["OPENAI_API_KEY", "NOT_SET"], source=HOST)

    assert environment["OPENAI_API_KEY"] == "sk-1"
    assert "NOT_SET" not in environment


def test_a_prefix_never_lets_a_secret_through() -> None:
    environment = clean_environment(["OPENAI_*", "GITHUB_*"], source=HOST)

    assert environment["OPENAI_BASE_URL"] == "http://127.0.0.1"
    assert not {"OPENAI_API_KEY", "GITHUB_TOKEN"} & environment.keys()


def test_given_values_stand_above_the_copied_ones() -> None:
    environment = clean_environment(set={"TERM": "xterm-256color", "HOME": "/scratch"}, source=HOST)

    assert (environment["TERM"], environment["HOME"]) == ("xterm-256color", "/scratch")


def test_an_empty_environment_still_finds_programs() -> None:
    assert "/usr/bin" in clean_environment(source={})["PATH"]
