"""The figures count what they say they count."""

from pathlib import Path

from storage import state
from storage.members import Role
from tests.unit.desk import desk_in


async def test_the_figures_of_a_small_community(tmp_path: Path) -> None:
    async with desk_in(tmp_path) as desk:
        await desk.grant("sato", Role.STAFF)
        await desk.follow("momo")
        desk.clock.ahead(days=40)
        await desk.follow("hanako")
        await desk.press("同意してはじめる", "hanako")
        desk.clock.ahead(days=2)
        await desk.follow("jiro")
        await desk.block("momo")
        await desk.run(state.SET_COUNTED, platform="line", month="2027-01", counted=3100)
        said = (await desk.say("会員数", "sato")).text.splitlines()
    assert [line.partition("（")[0] for line in said] == [
        "会員 4人",
        "line：届く 3・離れた 1",
        "新しい会員：きょう 2人・この7日 3人",
        "同意 1人",
        "活動 3人",
        "lineの通数：今月 3,100通／予算 4,500通／プラン 5,000通",
    ]
    assert all(line.endswith("）") for line in said)
