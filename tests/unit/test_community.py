"""Community folders: the sample is the journey's, and every broken file says file, line and cure."""

import json
import re
import shutil
import tomllib
from collections.abc import Iterable, Iterator
from datetime import date, time
from pathlib import Path

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.community import load, schemas
from bot.errors import Misconfigured
from bot.events import Account, Address
from bot.messages import Kind
from bot.surveys import Offered
from bot.tomllines import At, lines_of
from storage.members import Role

SAKURA = Path(__file__).parents[2] / "prompts" / "communities" / "sakura"
TOML, WELCOME = "community.toml", "surveys/welcome.toml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SAKURA, tmp_path / "sakura"))


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) >= 1, f"{old} is not in {path.name}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def problems(folder: Path) -> tuple[str, ...]:
    with pytest.raises(Misconfigured) as caught:
        load(folder)
    return caught.value.problems


def line_of(path: Path, marker: str) -> int:
    """Return the line that the marker begins on."""
    text = path.read_text(encoding="utf-8")
    return text[: text.index(marker)].count("\n") + 1


def test_the_sample_says_what_the_journey_says() -> None:
    sakura = load(SAKURA)
    assert (sakura.name, sakura.company, sakura.locale) == ("さくら同好会", "さくらコスメ", "ja")
    assert sakura.zone.key == "Asia/Tokyo"
    assert (sakura.purpose.version, sakura.purpose.uses) == (1, ("ご案内の出し分け", "商品づくり"))
    assert (sakura.line.plan, sakura.line.monthly_limit) == ("light", 5000)
    policy = sakura.push.policy
    assert (policy.opens, policy.closes, policy.zone) == (time(9), time(21, 30), sakura.zone)
    assert (policy.per_day, policy.per_week) == (1, 2)
    assert (policy.monthly_budget, policy.plan_limit) == (4500, 5000)
    coupon = sakura.coupons["first500"]
    assert (coupon.title, coupon.stock) == ("はじめて500円", 200)
    assert coupon.valid_until == date(2027, 1, 31)
    joining = sakura.joining
    assert joining is not None
    assert (joining.minutes, joining.offered, joining.thanks) == (1, Offered.JOIN, "first500")
    assert sakura.survey("welcome") is joining
    assert sakura.survey("gone") is None
    name, age, interest, usage = joining.form.questions
    assert (name.kind, name.skip, name.fills) == (Kind.SHORT_TEXT, True, "nickname")
    assert [option.label for option in age.options if not option.tags] == ["答えない"]
    assert [each.tag for each in (age, interest, usage)] == ["年代", "関心", "利用"]
    assert [each.guides for each in (age, interest, usage)] == [False, True, True]


def test_places_and_roles() -> None:
    sakura = load(SAKURA)
    terminal = Address("terminal", None, "#管理", private=False)
    assert sakura.channel("managers", {"terminal"}) == terminal
    slack = sakura.channel("managers", {"terminal", "slack"})
    assert slack == Address("slack", None, "C0MANAGERS", private=False)
    assert sakura.channel("managers", {"line"}) is None
    assert sakura.role_of(Account("terminal", "", "佐藤")) is Role.MANAGER
    assert sakura.role_of(Account("terminal", "", "花子")) is None
    assert sakura.role_of(Account("line", "", "佐藤")) is None


def test_a_community_is_frozen() -> None:
    sakura = load(SAKURA)
    with pytest.raises(ValidationError):
        sakura.name = "x"
    with pytest.raises(TypeError):
        sakura.coupons["more"] = sakura.coupons["first500"]  # type: ignore[index]


def test_files_of_later_features_are_left_alone(folder: Path) -> None:
    (folder / "segments.toml").write_text("not [ toml", encoding="utf-8")
    (folder / "faq.csv").write_text("質問,答え", encoding="utf-8")
    assert load(folder).name == "さくら同好会"


def test_a_picture_that_is_missing_is_a_warning(folder: Path) -> None:
    edit(folder / TOML, 'image = "media/', 'image = "../')
    edit(folder / TOML, 'image = "coupon', 'image = "../coupon')
    menu, coupon = load(folder).warnings
    for warning, line in ((menu, 'image = "../menu'), (coupon, 'image = "../coupon')):
        assert warning.startswith(f"{folder / TOML}:{line_of(folder / TOML, line)}: there is no")


def test_a_long_label_is_a_warning(folder: Path) -> None:
    edit(folder / WELCOME, "スキンケア", "あ" * 20)
    family = "👨‍👩‍👧" * 20
    edit(folder / WELCOME, "ヘアケア", family)
    edit(folder / TOML, "image =", "# image =")
    assert load(folder).warnings == ()
    edit(folder / WELCOME, "まつげ", "あ" * 21)
    line = line_of(folder / WELCOME, '{ id = "lashes"')
    (warning,) = load(folder).warnings
    assert warning.startswith(f"{folder / WELCOME}:{line}: label")
    assert "shorten it" in warning


BROKEN = [
    # file, what is there, what is written instead, where the problem is, its words, its cure
    (TOML, "[push]", "[push", "[push", "not TOML", "correct the syntax"),
    (TOML, 'name = "', 'nmae = "', "nmae", 'unknown key "nmae"', 'did you mean "name"?'),
    (TOML, "per_day", "perday", "perday", 'unknown key "push.perday"', 'did you mean "per_day"?'),
    (TOML, "stock = 200", "stok = 200", "stok", '"coupons.first500.stok"', 'did you mean "stock"?'),
    (TOML, "[lottery]", "[zzz]", "[zzz]", 'unknown key "zzz"', "use one of: approval"),
    (TOML, 'company = "さくらコスメ"', "", "name =", '"company" is missing', "add `company = …`"),
    (TOML, "stock = 200", "", "[coupons.first500]", '"coupons.first500.stock" is missing', "add `stock"),
    (TOML, "stock = 200", "stock = true", "stock", "is True", "valid integer"),
    (TOML, "stock = 200", "stock = -1", "stock", "is -1", "greater than or equal to 0"),
    (TOML, "per_day = 1", 'per_day = "one"', "per_day", "is 'one'", "it should be a valid integer"),
    (TOML, "version = 1", "version = 0", "version =", "is 0", "greater than or equal to 1"),
    (TOML, 'company = "さくらコスメ"', 'company = " "', "company =", "\"company\" is ' '", "it should"),
    (TOML, "Asia/Tokyo", "Asia/Tokio", "timezone", "no time zone", 'did you mean "Asia/Tokyo"?'),
    (TOML, "Asia/Tokyo", "", "timezone", "no time zone", 'such as "Asia/Tokyo"'),
    (TOML, '"ja"', '"fr"', "locale", "is 'fr'", "'ja' or 'en'"),
    (TOML, '"21:30"', '"25:30"', 'closes = "25', "no time of day", 'write it as "09:00"'),
    (TOML, 'opens = "09:00"', "opens = 9", "opens = 9", "is 9", 'write it as "09:00"'),
    (TOML, "2027-01-31", '"2027-02-30"', "valid_until", "no date", "write it as 2027-01-31"),
    (TOML, "2027-01-01]", "20270101]", "closed", "office.closed", "write it as"),
    (TOML, '"slack:C0SUPPORT"', '"C0SUPPORT"', "support", "no place", '"slack:C0123"'),
    (TOML, "budget = 4500", "budget = 5001", "monthly_budget", "above the plan's 5000", "lower it"),
    (TOML, "per_day = 1", "per_day = 3", "per_day", "3 a day is more than 2 a week", "raise per_week"),
    (TOML, 'opens = "10:00"', 'opens = "18:00"', 'opens = "18', "opens after it closes", "exchange"),
    (TOML, '"terminal:高橋"', '"terminal:佐藤"', "manager =", "佐藤 is manager already", "remove one"),
    (TOML, 'mode = "off"', 'mode = "on"\nprovider = "x"\ntraining = false', "[llm]", "without its country", "add `country"),
    (TOML, 'mode = "off"', 'mode = "on"\nprovider = "x"\ncountry = "y"', "[llm]", "may train", "training = false"),
    (TOML, "[coupons.first500]", '[coupons."First 500"]', '[coupons."First', "coupons.First 500", "match pattern"),
    (WELCOME, 'id = "age"', 'id = "age', 'id = "age', "not TOML", "correct the syntax"),
    (WELCOME, "minutes = 1", "minuts = 1", "minuts", 'unknown key "survey.minuts"', 'did you mean "minutes"?'),
    (WELCOME, 'id = "age"', 'id = "年代"', 'id = "年代"', "question.id", "match pattern"),
    (WELCOME, 'id = "age"', 'id = "nickname"', 'id = "nickname"\nkind = "single"', "two questions", "another id"),
    (WELCOME, 'id = "20s"', 'id = "10s"', '{ id = "10s", label = "20代"', 'two options "10s"', "another id"),
    (WELCOME, '"20代"', '" １０代"', '{ id = "20s"', "two options are called", "change a label"),
    (WELCOME, 'label = "20代"', 'label = ""', '{ id = "20s"', "question.options.label", "at least 1 character"),
    (WELCOME, 'label = "20代"', 'lable = "20代"', '{ id = "20s"', "question.options.lable", 'did you mean "label"?'),
    (WELCOME, 'kind = "single"', 'kind = "choice"', 'kind = "choice"', "is 'choice'", "'single', 'multi'"),
    (WELCOME, 'kind = "single"', 'kind = "number"', "tag =", '"tag" means nothing', "remove it"),
    (WELCOME, "skip = true", "skip = 1", "skip = 1", "is 1", "valid boolean"),
    (WELCOME, "skip = true", "low = 5\nhigh = 4", "low = 5", "low 5 is above high 4", "exchange"),
    (WELCOME, "skip = true", "high = 2001", "high =", "no length of a text", "make it 1 to 2000"),
    (WELCOME, "skip = true", "low = 101", "low =", "above the usual high 100", "state a high"),
    (WELCOME, "skip = true", "latest = 2026-01-01", "latest", '"latest" means nothing', "one of: date"),
    (WELCOME, 'fills = "nickname"', 'fills = "name"', "fills", "is 'name'", "'nickname'"),
    (WELCOME, 'fills = "nickname"', 'options = [{ id = "a", label = "b" }]', "options", "has no options", "remove them"),
    (WELCOME, '"first500"', '"first50"', "thanks", 'no coupon "first50"', 'did you mean "first500"?'),
    (WELCOME, '"join"', '"always"', "offered", "is 'always'", "'join' or 'menu'"),
]  # fmt: skip


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: f"{broken[2]:.20}")
def test_a_broken_file_says_file_line_and_cure(folder: Path, broken: tuple[str, ...]) -> None:
    name, old, new, marker, what, cure = broken
    edit(folder / name, old, new)
    found = problems(folder)
    at = f"{folder / name}:{line_of(folder / name, marker)}: "
    if '"company" is missing' in what:
        at = f"{folder / name}:1: "
    assert any(
        each.startswith(at) and what in each and cure in each.partition("; ")[2] for each in found
    ), found


@pytest.mark.parametrize(
    ("question", "what", "cure"),
    [
        ('kind = "single"', 'kind "single" needs options', "add `options"),
        ('kind = "consent"\noptions = [{ id = "y", label = "はい" }]', "two options, not 1", "first the yes"),
        ('kind = "date"\nearliest = 2027-01-01\nlatest = 2026-01-01', "is after latest", "exchange"),
        ('kind = "short_text"\nfills = "nickname"', "two questions fill", "only one"),
        ('kind = "nps"\nlow = 1', '"low" means nothing', "one of: long_text, number, short_text"),
        ('kind = "number"\nguides = true', '"guides" means nothing', "one of: multi, single"),
        ('kind = "single"\noptions = [{ id = "a", label = "a" }]\n[[question.option]]\nid = "b"\nlabel = "b"', "two ways", "keep one"),
    ],
)  # fmt: skip
def test_a_question_that_cannot_be_meant(folder: Path, question: str, what: str, cure: str) -> None:
    path = folder / WELCOME
    start = path.read_text(encoding="utf-8").count("\n") + 1
    with path.open("a", encoding="utf-8") as file:
        file.write(f'\n[[question]]\nid = "more"\ntext = "？"\n{question}\n')
    (problem,) = problems(folder)
    found = re.fullmatch(rf"{re.escape(str(path))}:(\d+): (.+?); (.+)", problem)
    assert found
    assert int(found[1]) > start
    assert what in found[2]
    assert cure in found[3]


def test_options_may_be_tables_of_their_own(folder: Path) -> None:
    (folder / "surveys" / "more.toml").write_text(
        '\ufeff[survey]\r\nid = "more"\r\ntitle = "t"\r\nminutes = 1\r\n[[question]]\r\nid = "q"\r\n'
        'kind = "consent"\r\ntext = "?"\r\n[[question.option]]\r\nid = "y"\r\nlabel = "はい"\r\n'
        '[[question.option]]\r\nid = "n"\r\nlabel = "いいえ"\r\n',
        encoding="utf-8",
    )
    more = load(folder).survey("more")
    assert more is not None
    assert [option.id for option in more.form.questions[0].options] == ["y", "n"]
    assert more.offered is Offered.MENU


def test_surveys_are_compared_with_each_other(folder: Path) -> None:
    shutil.copy(folder / WELCOME, folder / "surveys" / "zweite.toml")
    same, twice = problems(folder)
    assert same.startswith(f"{folder / 'surveys' / 'zweite.toml'}:5: there is another survey")
    assert twice.startswith(f"{folder / 'surveys' / 'zweite.toml'}:8: ")
    assert 'offer this one in the "menu"' in twice


def test_all_problems_of_all_files_come_at_once(folder: Path) -> None:
    edit(folder / TOML, "per_day = 1", "per_dey = 1")
    edit(folder / TOML, "version = 1", "version = 0")
    edit(folder / WELCOME, "minutes = 1", "minutes = 0")
    assert len(problems(folder)) == 3


def test_files_that_cannot_be_read(tmp_path: Path, folder: Path) -> None:
    (missing,) = problems(tmp_path / "nowhere")
    assert missing.startswith(f"{tmp_path / 'nowhere' / TOML}:1: the file cannot be read")
    (folder / TOML).write_bytes(b'# ok\nname = "\x82\xb3"\n')
    (wrong,) = problems(folder)
    assert wrong == f"{folder / TOML}:2: this is not UTF-8; save the file as UTF-8"
    (folder / TOML).write_text('a = 1\nb = """\n', encoding="utf-8")
    (open_text,) = problems(folder)
    assert re.match(rf"{re.escape(str(folder / TOML))}:\d+: this is not TOML", open_text)


def test_schemas_accept_the_sample_and_refuse_what_loading_refuses() -> None:
    made = schemas()
    for name, pattern in ((TOML, TOML), (WELCOME, "surveys/*.toml")):
        validator = jsonschema_rs.validator_for(made[pattern])
        text = (SAKURA / name).read_text(encoding="utf-8")
        sample = json.loads(json.dumps(tomllib.loads(text), default=str))
        validator.validate(sample)
        assert not validator.is_valid({**sample, "nonsense": 1})
    assert made[TOML]["properties"]["purpose"]


def test_lines_of_every_shape() -> None:
    text = '''# [not.a.table]
title = "a # b"  # c
"quoted key".x = 1
long = """
[also] not = "a table"
"""
raw = \'\'\'
x = 1\'\'\'
list = [
  1, [2, 3],  # two
  { a = 1.5, b = { c = 2026-01-01 } },
]
[table.sub]
k = '[x]'
[[many]]
[[many.deep]]
[[many.deep]]
v = 09:00:00
[[many]]
[[many.deep]]
v = "]"
'''
    tomllib.loads(text)
    lines = lines_of(text)
    assert lines["title",] == 2
    assert lines["quoted key", "x"] == 3
    assert lines["long",] == 4
    assert lines["raw",] == 7
    assert lines["list", 1] == 10
    assert lines["list", 1, 1] == 10
    assert lines["list", 2, "b", "c"] == 11
    assert lines["table", "sub", "k"] == 14
    assert lines["many", 0, "deep", 1, "v"] == 18
    assert lines["many", 1, "deep", 0, "v"] == 21
    assert ("also",) not in lines
    assert ("x",) not in lines


FRAGMENTS = (
    "a = 1", "b.c = [1, [2,\n 3.5], ]", '"d e" = { f = 1, g = "}" }', 'h = """\n[x]\n"""', "[[i]]",
    "[i.j]", "[[i.k]]", "[l]", "# [m]", 'n = "\\\\""', "o = [\n{ p = [] }, # ]\n{},\n]", "",
    "q = '''\ny = 1'''", "'r\"' = 2026-01-01 10:00:00",
)  # fmt: skip


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=12))
def test_every_key_has_its_line(fragments: list[str]) -> None:
    text = "\n".join(fragments)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    assert set(_places((), data)) == set(lines_of(text))


def _places(at: At, node: object) -> Iterator[At]:
    # Every key and list position of parsed TOML.
    pairs: Iterable[tuple[str | int, object]] = ()
    if isinstance(node, dict):
        pairs = node.items()
    elif isinstance(node, list):
        pairs = enumerate(node)
    for key, value in pairs:
        yield (*at, key)
        yield from _places((*at, key), value)
