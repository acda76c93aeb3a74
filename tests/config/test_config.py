"""Settings: defaults, round trip, and errors that name key, value and rule."""

import tomllib

import pytest

from skypile import config as settings
from skypile.config import Config, ConfigError, load, load_curriculum, parse
from tests.conftest import REPOSITORY


def test_toml_round_trip():
    table = {
        "extraction": {"engine": "resiliparse", "languages": ["zh"]},
        "quality_filter": {"languages": ["zh"], "wikipedia": ["dump.xml.bz2"]},
        "spark": {"conf": {"spark.ui.enabled": "true"}},
    }
    config = parse(table)
    assert parse(tomllib.loads(settings.dumps(config))) == config
    assert config.extraction.engine == "resiliparse"


@pytest.mark.parametrize("path", sorted((REPOSITORY / "configs").glob("*.toml")), ids=lambda p: p.name)
def test_shipped_configs_are_valid(path):
    (load_curriculum if path.name == "curriculum.toml" else load)(path)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"extraction": {"engine": "magic"}}, "extraction.engine = 'magic'"),
        ({"extraction": {"engin": "fast"}}, "did you mean extraction.engine?"),
        ({"extraction": {"clusters": 3}}, "did you mean distribution_filter.clusters?"),
        ({"dedup": {"bands": 64, "rows": 8}}, "64 x 8 = 512 > 128"),
        ({"extraction": {"languages": ["en"]}}, "add ['zh'] to extraction.languages"),
        ({"quality_filter": {"min_bin": 5, "bins": 5}}, "min_bin 5 drops everything"),
        ({"quality_filter": {"privacy": {"placeholder": "x"}}}, "placeholder 'x' must hold {kind} once"),
        ({"quality_filter": {"privacy": {"placeholder": "QQ {kind}"}}}, "beside it no letter"),
        (
            {"quality_filter": {"privacy": {"phone_regions": ["CN", "China"]}}},
            "phone_regions ['China'] are no countries",
        ),
        ({"quality_filter": {"privacy": {"mask": ["emails"]}}}, "quality_filter.privacy.mask"),
    ],
)
def test_errors_name_key_value_and_slip(table, message):
    with pytest.raises(ConfigError) as error:
        parse(table)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("table", "lowest"),
    [
        ({}, 1),
        ({"combine": "citation", "bins": 20}, 1),
        ({"combine": "mean"}, 3),
        ({"combine": "max", "bins": 20}, 12),
        ({"combine": "all", "bins": 1}, 0),
        ({"combine": "mean", "min_bin": 1}, 1),
    ],
)
def test_where_ranks_decide_the_best_two_fifths_are_kept_by_default(table, lowest):
    assert parse({"quality_filter": table}).quality_filter.min_bin == lowest


def test_unreadable_files(tmp_path):
    with pytest.raises(ConfigError, match="no config file"):
        load(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("[extraction\n")
    with pytest.raises(ConfigError, match="no valid TOML"):
        load(tmp_path / "bad.toml")


def test_settings_never_change():
    with pytest.raises(ValueError, match="frozen"):
        Config().extraction.engine = "resiliparse"


@pytest.mark.parametrize(
    "table, meant",
    [
        ({"quality_filter": {"min_words": 1}}, "quality_filter.rules.min_words"),
        ({"quality_filter": {"min_auc": 0.5}}, "quality_filter.citations.min_auc"),
        ({"min_letter_share": 0.5}, "quality_filter.rules.min_letter_share"),
        ({"dedup": {"min_characters": 5}}, "extraction.min_characters"),
        ({"quality_filter": {"min_word": 1}}, "quality_filter.rules.min_words"),
    ],
)
def test_a_setting_of_another_table_is_named_whole(table: dict, meant: str) -> None:
    with pytest.raises(ConfigError, match=f"did you mean {meant}\\?"):
        parse(table)
