from pathlib import Path

import pytest

from sessions.errors import FleetError
from sessions.models.fleet import Fleet, RoleChoice

_FLEET = """\
# What I have.
[models.opus]
model = "anthropic/claude-opus-4-7"
tier = "frontier"
key_env = "WORK_ANTHROPIC_KEY"
context_window = 200_000
input_price = 5
output_price = 25.0

[models.gpt]
model = "openai/gpt-5.5"
tier = "frontier"

[models.qwen]
model = "openai/qwen3.6-35b"
api_base = "http://127.0.0.1:8000/v1"
tools = true
max_output_tokens = 8000

[models.glm]
model = "openrouter/z-ai/glm-5.1"

[roles]
planner = "opus"
worker = { cli = "rehearsal" }
auditor = [
  "qwen",
  "glm",     # costs
  "user",
]
exit_manager = "user"
reviewer = "rehearsal/auditor"
"""


def _refused(text: str) -> FleetError:
    with pytest.raises(FleetError) as caught:
        Fleet.parse(text, "fleet.toml")
    return caught.value


def test_a_fleet_file_says_what_there_is_and_who_does_what() -> None:
    fleet = Fleet.parse(_FLEET, "fleet.toml")

    opus = fleet.model("opus")
    assert (opus.model, opus.tier, opus.context_window) == ("anthropic/claude-opus-4-7", "frontier", 200_000)
    assert (opus.input_price, opus.output_price, opus.tools) == (5.0, 25.0, True)
    assert fleet.model("qwen").max_output_tokens == 8000
    assert fleet.choice("planner") == RoleChoice(agent="model", name="opus")
    assert fleet.choice("worker") == RoleChoice(agent="cli", name="rehearsal")
    assert fleet.choice("exit_manager") == RoleChoice(agent="user")
    assert fleet.choice("reviewer") == RoleChoice(agent="model", name="rehearsal/auditor")


def test_a_list_is_the_first_choice_and_its_runner_ups() -> None:
    auditor = Fleet.parse(_FLEET, "fleet.toml").choice("auditor")

    assert (auditor.agent, auditor.name) == ("model", "qwen")
    assert auditor.runner_ups == (RoleChoice(agent="model", name="glm"), RoleChoice(agent="user"))


def test_keys_are_missed_by_name_and_only_where_one_is_needed() -> None:
    fleet = Fleet.parse(_FLEET, "fleet.toml")

    assert fleet.missing_keys({}) == {
        "WORK_ANTHROPIC_KEY": ("opus",),
        "OPENAI_API_KEY": ("gpt",),
        "OPENROUTER_API_KEY": ("glm",),
    }
    assert fleet.missing_keys({"WORK_ANTHROPIC_KEY": "x", "OPENAI_API_KEY": " ", "OPENROUTER_API_KEY": "y"}) == {
        "OPENAI_API_KEY": ("gpt",)
    }


@pytest.mark.parametrize(
    ("model", "api_base", "local"),
    [
        ("openai/any", "http://127.0.0.1:8000/v1", True),
        ("openai/any", "http://localhost:8000/v1", True),
        ("openai/any", "http://[::1]:8000/v1", True),
        ("openai/any", "http://192.168.1.20:8000/v1", True),
        ("openai/any", "http://tower.local:8000/v1", True),
        ("openai/any", "https://api.example.com/v1", False),
        ("ollama_chat/qwen", "", True),
        ("anthropic/claude-opus-4-7", "", False),
    ],
)
def test_a_model_is_local_by_its_address(model: str, api_base: str, local: bool) -> None:
    fleet = Fleet.parse(f'[models.m]\nmodel = "{model}"\napi_base = "{api_base}"\n', "fleet.toml")

    assert fleet.model("m").local is local


def test_a_mistyped_field_names_line_and_the_nearest_one() -> None:
    error = _refused('[models.opus]\nmodel = "anthropic/x"\n\n# wide\ncontext_windw = 5\n')

    assert error.what == "models.opus.context_windw is not known"
    assert error.where == "fleet.toml, line 5"
    assert "'context_window'" in error.next


def test_a_mistyped_section_names_the_nearest_one() -> None:
    error = _refused('[model.opus]\nmodel = "anthropic/x"\n')

    assert error.where == "fleet.toml, line 1"
    assert "'models'" in error.next


def test_a_role_may_only_name_a_model_there_is() -> None:
    error = _refused(_FLEET.replace('planner = "opus"', 'planner = "opuss"'))

    assert "'opuss'" in error.what
    assert error.where == "fleet.toml, line 24"
    assert error.next == "Did you mean 'opus'? Known: opus, gpt, qwen, glm."


def test_a_fault_in_a_list_of_several_lines_is_found_at_its_beginning() -> None:
    error = _refused(_FLEET.replace('"glm",     #', '"glmm",     #'))

    assert "'glmm'" in error.what
    assert error.where == "fleet.toml, line 26"


@pytest.mark.parametrize(
    ("text", "what", "line"),
    [
        ('[models.m]\ntier = "frontier"\n', "models.m.model is missing", 1),
        ('[models.m]\nmodel = "a/b"\ntier = "best"\n', "models.m.tier: Input should be 'frontier' or 'worker'", 3),
        ('[models.m]\nmodel = "a/b"\ncontext_window = "big"\n', "models.m.context_window: ", 3),
        ('[models.m]\nmodel = "a/b"\ninput_price = 3\n', "give both input_price and output_price", 1),
        ('[models.m]\nmodel = "a/b"\ninput_price = -1\noutput_price = 1\n', "models.m.input_price: ", 3),
        (
            '[models.m]\nmodel = "a/b"\napi_base = "127.0.0.1:80"\n',
            "api_base: give an address that begins with http",
            3,
        ),
        ('[models.user]\nmodel = "a/b"\n', "'user' is a name of our own", 1),
        ('[models."rehearsal/x"]\nmodel = "a/b"\n', "'rehearsal/x' is a name of our own", 1),
        ('models = "opus"\n', "models must be tables", 1),
        ('roles = ["opus"]\n', "roles must be a table", 1),
        ("[roles]\nplanner = []\n", "The role 'planner' is an empty list", 2),
        ("[roles]\nplanner = 3\n", "The role 'planner' must be a model's name", 2),
        ('[roles]\nworker = { cli = "claude", mode = "x" }\n', "The role 'worker' must be a model's name", 2),
    ],
)
def test_each_malformed_value_is_told_with_its_line(text: str, what: str, line: int) -> None:
    error = _refused(text)

    assert what in error.what
    assert error.where == f"fleet.toml, line {line}"
    assert error.next


def test_a_fault_of_syntax_tells_the_line_toml_found_it_at() -> None:
    error = _refused('[models.m]\nmodel = "a/b\n')

    assert "line 2" in error.what
    assert error.where == "fleet.toml"


@pytest.mark.parametrize(
    "line",
    [
        'api_key = "whatever"',
        'token = "whatever"',
        'key_env = "sk-ant-REDACTED"',
        'key_env = "AIzaSyA0123456789abcdefghijklmnop"',
        'api_base = "https://me:hunter2@api.example.com/v1"',
        'api_base = "https://api.example.com/v1?key=hunter2"',
        'model = "0123456789abcdef0123456789ABCDEF"',
        'headers = { x = "sk-ant-REDACTED" }',
        '"sk-ant-REDACTED" = true',
    ],
)
def test_a_key_may_never_stand_in_the_file_and_is_not_repeated(line: str) -> None:
    error = _refused(f"[models.m]\n{line}\n")

    told = str(error)
    assert "key" in told.lower()
    assert "key_env" in error.next
    assert not any(secret in told for secret in ("sk-ant", "AIza", "hunter2", "whatever", "0123456789"))
    assert error.where.startswith("fleet.toml, line ")


def test_a_key_variable_must_be_a_name() -> None:
    error = _refused('[models.m]\nmodel = "a/b"\nkey_env = "MY KEY"\n')

    assert error.what == "models.m.key_env is not the name of an environment variable"
    assert error.where == "fleet.toml, line 3"


def test_asking_for_what_the_fleet_does_not_have_names_what_it_has() -> None:
    fleet = Fleet.parse(_FLEET, "fleet.toml")

    with pytest.raises(FleetError, match="Did you mean 'qwen'"):
        fleet.model("qwem")
    with pytest.raises(FleetError, match="names nobody for the role 'manager'"):
        fleet.choice("manager")


def test_a_file_is_read_whatever_editor_wrote_it(tmp_path: Path) -> None:
    path = tmp_path / "fleet.toml"
    path.write_bytes(b"\xef\xbb\xbf" + _FLEET.replace("\n", "\r\n").encode())

    fleet = Fleet.load(path)

    assert fleet.where == str(path)
    assert fleet.choice("planner").name == "opus"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b"# caf\xe9\n")

    with pytest.raises(FleetError, match="not UTF-8") as caught:
        Fleet.load(latin)
    assert caught.value.where == str(latin)
    with pytest.raises(FleetError, match="There is no fleet file") as caught:
        Fleet.load(tmp_path / "none.toml")
    assert caught.value.where == str(tmp_path / "none.toml")
    with pytest.raises(FleetError, match="cannot be read"):
        Fleet.load(tmp_path)


def test_an_empty_file_is_a_fleet_of_nobody() -> None:
    fleet = Fleet.parse("", "fleet.toml")

    assert (fleet.models, fleet.roles, fleet.missing_keys({})) == ({}, {}, {})
