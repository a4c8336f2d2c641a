"""What the tests of segments share: a small community's words, and rules and members at random."""

import tomllib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from bot.messages import Form, Kind, Option, Question
from bot.rules import segment_words
from bot.rules.segment_known import Known
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
    Node,
    Not,
    Platform,
    Some,
    Stage,
    Tag,
)

TABLE = tomllib.loads(
    (Path(__file__).parents[2] / "prompts" / "rules" / "segments.toml").read_text(encoding="utf-8")
)
JA, EN = segment_words.of(TABLE, "ja"), segment_words.of(TABLE, "en")
TOKYO = ZoneInfo("Asia/Tokyo")
NOW = datetime(2026, 12, 20, 1, 0, tzinfo=UTC)

FORM = Form(
    id="welcome",
    title="はじめてのアンケート",
    questions=(
        Question(
            id="interest",
            kind=Kind.MULTI,
            text="気になるものは？",
            options=(
                Option("lashes", "まつげ"),
                Option("skin", "スキンケア"),
                Option("60", "60代"),
            ),
        ),
        Question(id="score", kind=Kind.NPS, text="すすめますか？"),
        Question(id="birth", kind=Kind.DATE, text="誕生日は？"),
        Question(id="memo", kind=Kind.LONG_TEXT, text="ご自由にどうぞ"),
    ),
)
KNOWN = Known(
    names={
        "まつげ好き": "関心:まつげ かつ 参加日数 > 60",
        "輪": "輪2 または 関心:まつげ",
        "輪2": "not 輪",
        "壊れた": "関心:",
    },
    tags={"関心": ("まつげ", "スキンケア"), "未購入": ("はい",), "メモ": ()},
    forms=(FORM,),
    platforms=("line", "slack", "discord"),
    campaigns=("first500", "thanks"),
)

compares = st.sampled_from(Compare)
equalities = st.sampled_from([Compare.EQ, Compare.NE])
words = st.sampled_from(
    ["まつげ", "スキンケア", "a b", "not", "60", "60以上", '"', "\\", "*", "", "％_'"]
)
counts = st.integers(0, 6)
terms: st.SearchStrategy[Node] = st.one_of(
    st.builds(Tag, st.sampled_from(["関心", "利用"]), st.none() | words),
    st.builds(Days, st.sampled_from([Measure.JOINED, Measure.IDLE]), compares, counts),
    st.builds(Days, st.just(Measure.ACTIVE), compares, counts, st.integers(1, 5)),
    st.builds(Answer, st.just("welcome"), st.just("interest"), equalities, words),
    st.builds(Answer, st.sampled_from(["", "nps"]), st.just("score"), compares, counts),
    st.builds(Answer, st.just("welcome"), st.just("birth"), compares, st.dates(date(2000, 1, 1), date(2000, 1, 4))),
    st.builds(Platform, equalities, st.sampled_from(["line", "slack"])),
    st.builds(Company, equalities, words),
    st.builds(Campaign, st.sampled_from(["first500", "thanks"]), equalities, st.sampled_from(Stage)),
)  # fmt: skip


def _grown(below: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    several = st.lists(below, min_size=2, max_size=4).map(tuple)
    return st.one_of(st.builds(Not, below), st.builds(Every, several), st.builds(Some, several))


rules = st.recursive(terms, _grown, max_leaves=8)

# Minutes before now: around midnight in Tokyo (10 hours ago), and a little in the future.
moments = st.one_of(
    st.integers(-30, 7 * 1440).map(lambda minutes: NOW - timedelta(minutes=minutes)),
    st.integers(0, 5).map(lambda days: NOW - timedelta(hours=10 + 24 * days)),
    st.integers(0, 5).map(lambda days: NOW - timedelta(hours=10 + 24 * days, microseconds=1)),
    st.just(NOW + timedelta(microseconds=1)),
)
_answered = st.fixed_dictionaries(
    {},
    optional={
        ("welcome", "interest"): st.builds(
            Answered, options=st.lists(words, max_size=3, unique=True).map(tuple)
        ),
        ("welcome", "score"): st.builds(Answered, number=counts),
        ("nps", "score"): st.builds(Answered, number=counts),
        ("welcome", "birth"): st.builds(Answered, day=st.dates(date(2000, 1, 1), date(2000, 1, 4))),
    },
)
facts = st.builds(
    Facts,
    now=st.just(NOW),
    zone=st.just(TOKYO),
    joined_at=moments,
    active_at=st.lists(moments, max_size=6).map(tuple),
    tags=st.frozensets(st.tuples(st.sampled_from(["関心", "利用"]), words), max_size=3),
    answers=_answered,
    platforms=st.frozensets(st.sampled_from(["line", "slack"])),
    campaigns=st.dictionaries(
        st.sampled_from(["first500", "thanks"]),
        st.sampled_from([frozenset({Stage.ENTERED}), frozenset({Stage.ENTERED, Stage.USED})]),
    ),
)
