"""Settings from file, environment and command line: who wins, and what is said about mistakes."""

from pathlib import Path

import phonenumbers
import pytest

from ari_app.config import Mistakes, Settings, load


@pytest.fixture(autouse=True)
def _in_an_empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(content: str, name: str = "ringbridge.toml") -> str:
    Path(name).write_text(content, encoding="utf-8")
    return name


def mistakes(**env: str) -> list[str]:
    with pytest.raises(Mistakes) as caught:
        load(env={f"RINGBRIDGE_{name}": value for name, value in env.items()})
    return [str(mistake) for mistake in caught.value.found]


def test_nothing_given_is_the_table_s_defaults() -> None:
    loaded = load(env={})

    assert loaded.settings == Settings()
    assert loaded.warnings == ()
    assert loaded.file is None
    assert loaded.settings.platform_number == "+864001234567"
    assert loaded.settings.countries == ("CN",)
    assert loaded.settings.is_embedded


def test_command_line_wins_over_environment_over_file_over_default() -> None:
    write("http_port = 1001\nnode = 'file'\nslice_s = 30\n")
    loaded = load(env={"RINGBRIDGE_HTTP_PORT": "1002", "RINGBRIDGE_NODE": "env"}, overrides={"http_port": 1003})

    assert (loaded.settings.http_port, loaded.settings.node, loaded.settings.slice_s) == (1003, "env", 30)
    assert loaded.given == {"http_port": "--http-port", "node": "RINGBRIDGE_NODE", "slice_s": "ringbridge.toml:3"}


def test_an_empty_variable_is_one_that_is_not_set() -> None:
    write("http_port = 1001\n")

    assert load(env={"RINGBRIDGE_HTTP_PORT": ""}).settings.http_port == 1001


@pytest.mark.parametrize("named_by", ["argument", "variable"])
def test_the_file_may_be_named(named_by: str) -> None:
    write("http_port = 1\n")
    write("http_port = 2\n", "other.toml")
    by_argument = named_by == "argument"

    loaded = load("other.toml" if by_argument else None, env={} if by_argument else {"RINGBRIDGE_CONFIG": "other.toml"})

    assert loaded.settings.http_port == 2


def test_a_named_file_that_is_not_there_is_a_mistake() -> None:
    assert mistakes(CONFIG="nowhere.toml") == ["RINGBRIDGE_CONFIG: no such file: nowhere.toml"]


def test_every_mistake_is_told_at_once_with_its_place() -> None:
    write('\nhttp_prot = 1\n\nhttp_port = 70000\nslice_s = "ten"\n[redis]\nurl = "x"\n')

    assert mistakes(WARNING_S="soon", REGION="China") == [
        'ringbridge.toml:2: unknown option "http_prot"; did you mean "http_port"?',
        "ringbridge.toml:6: [redis]: there are no tables here; every option stands at the top level",
        "ringbridge.toml:4: http_port: 70000 will not do; expected a whole number from 0 to 65535",
        "ringbridge.toml:5: slice_s: 'ten' will not do; expected a whole number from 2 to 3600",
        "RINGBRIDGE_REGION: region: 'China' will not do; expected a country's two letters such as CN; "
        'did you mean "CN"?',
        "RINGBRIDGE_WARNING_S: warning_s: 'soon' will not do; expected a whole number from 0 to 3600",
    ]


def test_a_file_that_is_not_toml_is_told_with_its_line() -> None:
    write("http_port = 1\nnode = \n")

    (only,) = mistakes()
    assert only.startswith("ringbridge.toml:2: not TOML")


def test_a_line_is_found_behind_an_array_over_several_lines() -> None:
    write('allowed_countries = [\n  "CN",\n  "HK",\n]\nhttp_port = -1\n')

    assert mistakes()[0].startswith("ringbridge.toml:5: http_port")


def test_a_variable_that_is_no_option_is_a_warning_with_a_hint() -> None:
    loaded = load(env={"RINGBRIDGE_SLICES": "5", "RINGBRIDGE_XQ": "1", "OTHER": "1"})

    assert [str(w) for w in loaded.warnings] == [
        'RINGBRIDGE_SLICES: no such option; did you mean "SLICE_S"?',
        "RINGBRIDGE_XQ: no such option",
    ]


@pytest.mark.parametrize(
    ("variable", "value", "field", "expected"),
    [
        ("PDD_TIMEOUT_S", "0.5", "pdd_timeout_ms", 500),
        ("PDD_TIMEOUT_S", "3", "pdd_timeout_ms", 3000),
        ("CONFIRM_CALLER", "yes", "confirm_caller", True),
        ("CONFIRM_CALLER", "0", "confirm_caller", False),
        ("ALLOWED_COUNTRIES", "CN, HK", "allowed_countries", ("CN", "HK")),
        ("ALLOWED_COUNTRIES", "*", "allowed_countries", ("*",)),
        ("INCREMENT", "6/6", "increment", "6/6"),
        ("TIMEZONE", "Europe/Berlin", "timezone", "Europe/Berlin"),
        ("EARLY_MEDIA", "none", "early_media", "none"),
        ("REDIS_URL", "unix:///run/redis.sock", "redis_url", "unix:///run/redis.sock"),
    ],
)
def test_a_variable_s_text_becomes_a_value(variable: str, value: str, field: str, expected: object) -> None:
    assert getattr(load(env={f"RINGBRIDGE_{variable}": value}).settings, field) == expected


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PDD_TIMEOUT_S", "0.0001"),
        ("PDD_TIMEOUT_S", "nan"),
        ("PDD_TIMEOUT_S", "ten"),
        ("SLICE_S", "1.5"),
        ("SLICE_S", "1"),
        ("CONFIRM_CALLER", "maybe"),
        ("INCREMENT", "0/60"),
        ("INCREMENT", "60"),
        ("TIMEZONE", "Mars/Base"),
        ("TIMEZONE", "../etc/passwd"),
        ("EARLY_MEDIA", "some"),
        ("PLATFORM_NUMBER", "4001234567"),
        ("ALLOWED_COUNTRIES", "China"),
        ("NODE", "a b"),
    ],
)
def test_a_value_that_will_not_do_names_its_variable(variable: str, value: str) -> None:
    (only,) = mistakes(**{variable: value})
    assert only.startswith(f"RINGBRIDGE_{variable}: {variable.lower()}: ")


EXPECTED = "expected a country's two letters such as CN"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('region = "XX"', f"region: 'XX' will not do; {EXPECTED}"),
        ('region = "*"', f"region: '*' will not do; {EXPECTED}"),
        ('region = "EU"', f"region: 'EU' will not do; {EXPECTED}"),
        ('region = "UK"', f"region: 'UK' will not do; {EXPECTED}; did you mean \"GB\"?"),
        ('region = "de"', f"region: 'de' will not do; {EXPECTED}; did you mean \"DE\"?"),
        ('region = "HKG"', f"region: 'HKG' will not do; {EXPECTED}; did you mean \"HK\"?"),
        ('allowed_countries = ["CN", "UK"]', "or *; not so is 'UK'; did you mean \"GB\"?"),
        ('allowed_countries = ["ZZ"]', "or *; not so is 'ZZ'"),
    ],
)
def test_a_country_without_phone_numbers_is_a_mistake_with_its_line(line: str, told: str) -> None:
    write(f"\n{line}\n")
    (only,) = mistakes()
    assert only.startswith("ringbridge.toml:2: ")
    assert only.endswith(told)


def test_every_country_that_numbers_are_read_for_may_be_set() -> None:
    for region in phonenumbers.SUPPORTED_REGIONS:
        assert load(env={"RINGBRIDGE_REGION": region, "RINGBRIDGE_ALLOWED_COUNTRIES": f"CN,{region}"})


def test_toml_gives_numbers_lists_and_truths() -> None:
    write('pdd_timeout_s = 0.25\nconfirm_caller = true\nallowed_countries = ["CN", "US"]\nsound_prompt = []\n')
    settings = load(env={}).settings

    assert (settings.pdd_timeout_ms, settings.confirm_caller) == (250, True)
    assert (settings.allowed_countries, settings.sound_prompt) == (("CN", "US"), ())


@pytest.mark.parametrize("line", ["http_port = true", "confirm_caller = 1", "http_port = 80.5", "node = 5"])
def test_toml_of_the_wrong_type_is_a_mistake(line: str) -> None:
    write(line)
    assert len(mistakes()) == 1


def test_who_shortens_the_slice_alone_gets_a_margin_that_fits() -> None:
    assert load(env={"RINGBRIDGE_SLICE_S": "8"}).settings.margin_s == 2
    assert load(env={"RINGBRIDGE_SLICE_S": "2"}).settings.margin_s == 1
    assert load(env={"RINGBRIDGE_SLICE_S": "600"}).settings.margin_s == 15


@pytest.mark.parametrize(
    ("env", "place"),
    [
        ({"SLICE_S": "10", "MARGIN_S": "10"}, "RINGBRIDGE_MARGIN_S"),
        ({"LEASE_TTL_S": "2"}, "settings"),
        ({"ARI_URL": "http://127.0.0.1:8088"}, "RINGBRIDGE_ARI_URL"),
        ({"AMI_URL": "tcp://127.0.0.1:5038"}, "RINGBRIDGE_AMI_URL"),
        ({"ARI_RETRY_S": "9"}, "RINGBRIDGE_ARI_RETRY_S"),
    ],
)
def test_options_that_do_not_fit_together_are_a_mistake(env: dict[str, str], place: str) -> None:
    (only,) = mistakes(**env)
    assert only.startswith(place + ": ")


def test_no_secret_is_ever_shown() -> None:
    env = {
        "RINGBRIDGE_API_KEY": "hunter2-hunter2-hunter2",
        "RINGBRIDGE_ARI_PASSWORD": "hunter2",
        "RINGBRIDGE_AMI_PASSWORD": "hunter2",
        "RINGBRIDGE_REDIS_URL": "redis://:hunter2@localhost",
    }
    loaded = load(env=env)
    assert loaded.settings.ari_password == "hunter2"
    assert "hunter2" not in repr(loaded)
    assert "hunter2" not in str(loaded.settings)

    with pytest.raises(Mistakes) as caught:
        load(env={"RINGBRIDGE_API_KEY": "hunter 2", "RINGBRIDGE_REDIS_URL": "http://:hunter2@x"})
    assert "hunter" not in str(caught.value)


def test_a_short_key_is_warned_of() -> None:
    (warning,) = load(env={"RINGBRIDGE_API_KEY": "short"}).warnings
    assert warning.place == "RINGBRIDGE_API_KEY"


@pytest.mark.parametrize(
    ("host", "is_told"), [("127.0.0.1", False), ("127.8.9.1", False), ("::1", False), ("localhost", False),
                          ("0.0.0.0", True), ("::", True), ("192.0.2.1", True), ("pbx.example", True)]
)  # fmt: skip
def test_an_api_that_others_can_reach_without_tls_is_warned_of(host: str, is_told: bool) -> None:
    warnings = load(env={"RINGBRIDGE_HTTP_HOST": host}).warnings
    assert ["TLS" in str(one) and one.place == "RINGBRIDGE_HTTP_HOST" for one in warnings] == [True] * is_told


@pytest.mark.parametrize(
    ("mode", "line", "is_told"),
    [(0o644, 'ari_password = "x"', True), (0o640, 'ari_password = "x"', False), (0o644, 'ari_user = "x"', False)],
)
def test_a_file_with_a_secret_that_everybody_may_read_is_warned_of(
    tmp_path: Path, mode: int, line: str, is_told: bool
) -> None:
    file = tmp_path / "r.toml"
    file.write_text(line)
    file.chmod(mode)
    warnings = [str(one) for one in load(str(file), env={}).warnings]
    assert ["chmod 600" in one and "ari_password" in one for one in warnings] == [True] * is_told


@pytest.mark.parametrize("url", ["redis://:pa/ss@h:1/0", "redis://:pa#ss@h", "redis://:p?ss@h", "redis://h:port",
                                 "redis+cluster://:pa/ss@h1,h2", "redis+sentinel://:pa#x@h/m"])  # fmt: skip
def test_a_password_that_is_not_escaped_is_told_as_a_mistake_and_not_as_a_port(url: str) -> None:
    with pytest.raises(Mistakes) as told:
        load(env={"RINGBRIDGE_REDIS_URL": url})
    assert "%2F" in str(told.value)
    assert "pa" not in str(told.value).replace("password", "").replace("expected", "")
