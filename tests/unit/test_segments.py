"""Segment rules: what managers may write, what it means, and what they hear when it is wrong."""

import re
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.rules.segment_json import dump, load
from bot.rules.segment_known import Known
from bot.rules.segment_language import LONGEST, parse
from bot.rules.segment_text import text
from bot.rules.segment_tokens import SegmentError
from bot.rules.segments import (
    Answer,
    Answered,
    Campaign,
    Company,
    Compare,
    Days,
    Every,
    Facts,
    Measure,
    Named,
    Node,
    Not,
    Platform,
    Some,
    Stage,
    Tag,
    explain,
    matches,
)
from bot.text import Copy
from tests.unit.segmenting import EN, JA, KNOWN, NOW, TOKYO, facts, rules

PROMPTS = Path(__file__).parents[2] / "prompts" / "copy"
LASHES, SKIN = Tag("関心", "まつげ"), Tag("関心", "スキンケア")
UNBOUGHT = Tag("未購入", None)
EMPTY = Facts(now=NOW, zone=TOKYO, joined_at=NOW, answers={}, campaigns={})


def read(rule: str, known: Known = KNOWN) -> Node:
    return parse(rule, JA, known)


def refused(rule: str, known: Known = KNOWN) -> SegmentError:
    with pytest.raises(SegmentError) as caught:
        read(rule, known)
    return caught.value


@pytest.mark.parametrize(
    ("rule", "node"),
    [
        ("関心:まつげ", LASHES),
        ("関心：「まつげ」", LASHES),
        ('関心:"まつげ"', LASHES),
        ("関心まつげ", LASHES),
        ("未購入", UNBOUGHT),
        ("メモ:なんでも", Tag("メモ", "なんでも")),
        ("関心:まつげ でない", Not(LASHES)),
        ("関心:まつげ ではない", Not(LASHES)),
        ("not 関心:まつげ", Not(LASHES)),
        ("not 関心:まつげ でない", Not(Not(LASHES))),
        ("関心:まつげ または 未購入 かつ 関心:スキンケア", Some((LASHES, Every((UNBOUGHT, SKIN))))),
        ("(関心:まつげ または 未購入) かつ 関心:スキンケア", Every((Some((LASHES, UNBOUGHT)), SKIN))),
        ("（関心:まつげ　AND　未購入）でない", Not(Every((LASHES, UNBOUGHT)))),
        ("関心:まつげ かつ 未購入 でない", Every((LASHES, Not(UNBOUGHT)))),
        ("参加日数 ≧ ３０", Days(Measure.JOINED, Compare.GE, 30)),
        ("休眠日数＜7", Days(Measure.IDLE, Compare.LT, 7)),
        ("参加日数 60日以上", Days(Measure.JOINED, Compare.GE, 60)),
        ("参加日数 60 未満", Days(Measure.JOINED, Compare.LT, 60)),
        ("活動30日 ≠ 0", Days(Measure.ACTIVE, Compare.NE, 0, 30)),
        ("Active_365d >= 100", Days(Measure.ACTIVE, Compare.GE, 100, 365)),
        ("回答.interest = まつげ", Answer("welcome", "interest", Compare.EQ, "lashes")),
        ("回答.interest = 60", Answer("welcome", "interest", Compare.EQ, "60")),
        ("answer.welcome.score >= 9", Answer("welcome", "score", Compare.GE, 9)),
        ("回答.birth < 2000/01/01", Answer("welcome", "birth", Compare.LT, date(2000, 1, 1))),
        ("媒体 = LINE", Platform(Compare.EQ, "line")),
        ("会社 != 佐倉会計", Company(Compare.NE, "佐倉会計")),
        ("企画.first500 = 利用", Campaign("first500", Compare.EQ, Stage.USED)),
    ],
)  # fmt: skip
def test_what_a_rule_means(rule: str, node: Node) -> None:
    assert read(rule) == node


def test_a_name_means_the_rule_it_was_given() -> None:
    named = Named("まつげ好き", Every((LASHES, Days(Measure.JOINED, Compare.GT, 60))))
    assert read("まつげ好き かつ 未購入") == Every((named, UNBOUGHT))


def test_what_is_not_known_is_taken_as_it_is_written() -> None:
    free = Known()
    assert read("プラン:金", free) == Tag("プラン", "金")
    assert read("回答.q = 9", free) == Answer("", "q", Compare.EQ, 9)
    assert read('回答.s.q = "9"', free) == Answer("s", "q", Compare.EQ, "9")
    assert read("回答.q > 2026-12-20", free) == Answer("", "q", Compare.GT, date(2026, 12, 20))
    assert read("回答.q = lashes", free) == Answer("", "q", Compare.EQ, "lashes")


@pytest.mark.parametrize(
    ("rule", "key", "column", "maybe"),
    [
        ("", "empty", 1, ()),
        ("1=1; drop table member", "operator-missing", 6, ()),
        ("1=1", "no-term", 1, ()),
        ("関心:まつげ';--", "no-tag", 4, ("まつげ",)),
        ("関心:まつけ", "no-tag", 4, ("まつげ",)),
        ("関心:まつげ かつ", "term-missing", 10, ()),
        ("かつ 関心:まつげ", "term-missing", 1, ()),
        ("関心:まつげ かつ かつ 未購入", "term-missing", 11, ()),
        ("関心:まつげ スキンケア", "operator-missing", 8, ()),
        ("(関心:まつげ", "parenthesis-open", 1, ()),
        ("関心:まつげ)", "parenthesis-close", 7, ()),
        ("()", "term-missing", 2, ()),
        ('関心:"まつげ', "quote-open", 4, ()),
        ("参加日数", "no-comparison", 1, ()),
        ("参加日数 5 かつ 未購入", "no-comparison", 1, ()),
        ("参加日数 >", "value-missing", 7, ()),
        ("参加日数 > たくさん", "not-number", 8, ()),
        ("参加日数 > 99999", "days", 8, ()),
        ("参加日数 > -1", "days", 8, ()),
        ("参加日数 > 1.5", "not-number", 8, ()),
        ("休民日数 > 3", "no-term", 1, ("休眠日数", "参加日数")),
        ("活動999日 > 3", "window", 1, ()),
        ("活動0日 > 3", "window", 1, ()),
        ("未購入でない", "unknown", 1, ("未購入 でない",)),
        ("まつげ好", "unknown", 1, ("まつげ好き",)),
        ("回答.interst = まつげ", "no-question", 4, ("interest",)),
        ("回答.interest > まつげ", "no-order", 13, ()),
        ("回答.interest = まつけ", "no-option", 15, ("まつげ",)),
        ("回答.memo = a", "words-question", 11, ()),
        ("回答.birth = 2026-02-30", "not-date", 12, ()),
        ("媒体 = lime", "no-platform", 6, ("line",)),
        ("企画.first50 = used", "no-campaign", 4, ("first500",)),
        ("企画.first500 = user", "no-stage", 15, ("used",)),
        ("輪", "cycle", 1, ()),
        ("未購入 かつ 壊れた", "broken", 8, ()),
        ("! 未購入", "character", 1, ()),
        ("関心:ま\x00つげ", "character", 5, ()),
        ("関心:\ud800", "character", 4, ()),
        ("(" * 40 + "未購入" + ")" * 40, "too-deep", 1, ()),
        ("not " * 900 + "未購入", "too-deep", 1, ()),
        (" または ".join(["未購入"] * 201), "too-many", 1, ()),
        ("未購入 " * LONGEST, "too-long", LONGEST + 1, ()),
    ],
)  # fmt: skip
def test_a_wrong_rule_is_told_where_and_what_was_meant(
    rule: str, key: str, column: int, maybe: tuple[str, ...]
) -> None:
    error = refused(rule)
    assert (error.key, error.values["column"]) == (f"segment-{key}", column)
    assert error.maybe[: len(maybe)] == maybe
    assert bool(error.maybe) == bool(maybe) or key in {"unknown", "no-term"}


@pytest.mark.parametrize("locale", ["ja", "en"])
def test_every_error_has_its_words(locale: str) -> None:
    copy = Copy([PROMPTS], locale)
    source = Path(__file__).parents[2] / "bot" / "rules"
    keys = {
        key
        for path in source.glob("segment*.py")
        for key in re.findall(r'"(segment-[a-z-]+)"', path.read_text(encoding="utf-8"))
    }
    for key in keys:
        copy.say(key, locale, column=1, found="x", limit=1)
    assert len(keys) > 25
    assert copy.broken == 0


def test_the_caret_stands_under_the_place() -> None:
    rule = "関心:まつげ かつ\n未購入 and 参加日数 > 多い"
    assert refused(rule).pointer(rule) == "未購入 and 参加日数 > 多い\n　　　     　　　　   ^"


def test_saved_segments_that_multiply_are_refused_in_time() -> None:
    names = {f"n{n}": " または ".join([f"n{n + 1}"] * 150) for n in range(9)} | {"n9": "未購入"}
    begun = time.perf_counter()
    assert refused("n0", replace(KNOWN, names=names)).key in {
        "segment-too-many",
        "segment-too-deep",
    }
    assert time.perf_counter() - begun < 5


@given(rules)
def test_the_text_and_the_tree_of_a_rule_give_it_back(node: Node) -> None:
    free = Known()
    assert parse(text(node, JA), JA, free) == parse(text(node, EN), JA, free) == node
    assert load(dump(node)) == node


@given(
    st.text()
    | st.text(
        alphabet='関心:まつげ ()（）"「」!=<>≧かつまたはでないnotadr.0123456789活動日回答参加数*\\'
    )
)
@settings(max_examples=400)
def test_no_input_does_more_than_be_refused(rule: str) -> None:
    for known in (KNOWN, Known()):
        try:
            node = read(rule, known)
        except SegmentError as error:
            error.pointer(rule)
        else:
            assert read(text(node, JA), known) == node


def test_the_longest_input_takes_no_time() -> None:
    begun = time.perf_counter()
    for piece in ("(", "not ", "未購入 または ", "関心:まつげ かつ ", '"', "\\", "a", "=", "関心:"):
        refused((piece * LONGEST)[: LONGEST - 1])
    assert time.perf_counter() - begun < 5


@pytest.mark.parametrize("tree", [{}, {"version": 2}, {"version": 1, "rule": 3}, {"version": 1, "rule": {"or": []}}, {"version": 1, "rule": {"tag": {"name": 1}}}, {"version": 1, "rule": {"all": []}}])  # fmt: skip
def test_a_foreign_tree_is_refused(tree: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="segment"):
        load(tree)


def at(hours: float) -> datetime:
    """Hours before now; midnight in Tokyo was 10 hours ago."""
    return NOW - timedelta(hours=hours)


@pytest.mark.parametrize(
    ("rule", "member", "held"),
    [
        ("参加日数 = 0", replace(EMPTY, joined_at=at(10)), True),
        ("参加日数 = 1", replace(EMPTY, joined_at=at(10.01)), True),
        ("休眠日数 = 1", replace(EMPTY, active_at=(at(40), at(11))), True),
        ("休眠日数 >= 0", EMPTY, False),
        ("休眠日数 >= 0 でない", EMPTY, True),
        ("活動1日 = 0", EMPTY, True),
        ("活動3日 = 2", replace(EMPTY, active_at=(at(1), at(2), at(50), at(100))), True),
        ("回答.score < 7", EMPTY, False),
        ("回答.score < 7", replace(EMPTY, answers={("welcome", "score"): Answered(number=6)}), True),
        ("回答.interest != まつげ", EMPTY, False),
        ("媒体 != line", replace(EMPTY, platforms=frozenset({"slack"})), True),
        ("企画.first500 != used", replace(EMPTY, campaigns={"first500": frozenset({Stage.ENTERED})}), True),
        ("会社 != A", EMPTY, False),
        ("会社 = A", replace(EMPTY, company="A"), True),
    ],
)  # fmt: skip
def test_what_is_missing_makes_a_comparison_false(rule: str, member: Facts, *, held: bool) -> None:
    assert matches(read(rule), member) is held
    assert matches(read(f"not ({rule})"), member) is not held


def test_a_member_hears_the_terms_that_decided() -> None:
    member = replace(
        EMPTY, tags=frozenset({("関心", "まつげ")}), joined_at=datetime(2026, 10, 1, tzinfo=UTC)
    )
    rule = read("(まつげ好き または 関心:スキンケア) かつ 未購入 でない")
    reasons = [(text(each.term, JA), each.held, each.actual) for each in explain(rule, member)]
    assert reasons == [
        ("関心:まつげ", True, ("まつげ",)),
        ("参加日数 > 60", True, ("80",)),
        ("未購入:*", False, ()),
    ]


@given(rules, facts)
def test_the_reasons_alone_decide(node: Node, member: Facts) -> None:
    assert explain(node, member)
    assert matches(Not(node), member) is not matches(node, member)
