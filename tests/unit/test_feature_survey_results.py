"""Results of surveys: counted, and never anyone's words."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.desk import Desk, open_desk
from tests.unit.surveying import EVERY_KIND, agreed, completed, with_surveys


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    made = await open_desk(tmp_path)
    yield made
    assert made.core.copy.broken == 0
    await made.close()


async def test_results_count_and_never_show_words(desk: Desk) -> None:
    await completed(desk, "hanako", "カナリア")
    await agreed(desk, "midori")
    await desk.press("スキップ", "midori")
    await desk.press("20代", "midori")
    await desk.grant("sato")
    said = (await desk.say("アンケート 結果", who="sato")).text
    assert said.splitlines()[:6] == [
        "【はじめてのアンケート】回答した人：2人",
        "1. 何とお呼びすればよいですか？（本名でなくて大丈夫です）（回答 1・スキップ 1）",
        "2. 年代をえらんでください。（回答 2・スキップ 0）",
        "・10代 0（0％）",
        "・20代 1（50％）",
        "・30代 0（0％）",
    ]
    assert "カナリア" not in said


async def test_results_of_scores_and_numbers(desk: Desk) -> None:
    with_surveys(desk, EVERY_KIND)
    for who, score, number in (("a", "10", "3"), ("b", "9", "4"), ("c", "6", "12")):
        await agreed(desk, who)
        await desk.press_value("survey:begin:all", who)
        await desk.say(score, who)
        await desk.say(number, who)
    await desk.grant("sato")
    said = (await desk.say("survey results いろいろ", who="sato")).text
    assert "・NPS +33（平均 8.3）" in said
    assert "・平均 6.3（最小 3・最大 12）" in said
    assert "3. いつからですか？（回答 0・スキップ 0）" in said


async def test_results_of_an_unknown_survey_name_the_ones_there_are(desk: Desk) -> None:
    await desk.grant("sato")
    assert (await desk.say("アンケート 結果 夏", who="sato")).text == (
        "「夏」というアンケートはありません。いまあるもの：はじめてのアンケート"
    )
    await desk.follow("midori")
    refused = await desk.say("アンケート 結果", who="midori")
    assert refused.text.startswith("この言葉は運営の方だけが使えます。")
