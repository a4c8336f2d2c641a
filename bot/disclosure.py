"""What is stored of a member, in the member's own words (japan-rules.md J39).

The rule it keeps: every section and every column that `storage.personal` exports is shown, and
what is stored of the member's accounts under another name; ids of surveys, answers and coupons
are replaced by what the member read.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.context import Context
from bot.coupons import once_flag
from bot.erasure import lane_of_account
from bot.messages import Text
from bot.wire import load_message
from storage import inbox, members, personal
from storage.members import AccountRow
from storage.personal import Section

PAGE = 2_000
"""Characters of one page; a longer single line is split at delivery."""


async def everything(ctx: Context) -> list[Section]:
    """Return all that is stored of the member and of their accounts.

    Raises:
        SealBroken: a sealed value does not open with our keys.
    """
    sections = await personal.export(ctx.tx, ctx.member_id)
    for row in await ctx.tx.all(members.ACCOUNTS_OF, member_id=ctx.member_id):
        sections += await _of_account(ctx, row)
    return sections


async def _of_account(ctx: Context, row: AccountRow) -> list[Section]:
    """Return what names no member and is the account's all the same."""
    account = {"platform": row.platform, "realm": row.realm, "user_id": row.user_id}
    role = await ctx.tx.one(members.ROLE_OF, **account)
    known = await members.account_hash(ctx.tx, (row.platform, row.realm, row.user_id))
    had = await ctx.tx.all(members.ONCE_OF, hash=known)
    held = await ctx.tx.all(inbox.HELD_OF_LANE, lane=lane_of_account(ctx.tx, row))
    found = {
        "role": [{"role": role.value}] if role else [],
        "once": [each._asdict() for each in had],
        "inbox": [
            {
                "raw": ctx.tx.cipher.open(each.raw, f"raw:{each.platform}:{each.key}"),
                "received_at": each.received_at,
            }
            for each in held
        ],
    }
    return [Section(table, tuple(rows)) for table, rows in found.items() if rows]


def summary(ctx: Context, sections: Sequence[Section]) -> str:
    """Return one line with the name, the tags and the coupons; "" when there is none of them."""
    stored = {section.table: section.rows for section in sections}
    items = [ctx.text("data-nickname", nickname=ctx.nickname)] if ctx.nickname else []
    tags: dict[str, list[str]] = {}
    for tag in stored.get("tag", ()):
        tags.setdefault(tag["key"], []).append(tag["value"])
    items += [ctx.text("data-tag", kind=kind, values=_and(ctx, tags[kind])) for kind in tags]
    coupons = [_coupon(ctx, row["coupon"]) for row in stored.get("coupon_issue", ())]
    if coupons:
        items.append(ctx.text("data-coupons", names=_and(ctx, coupons)))
    return ctx.text("data-between").join(items)


def pages(ctx: Context, sections: Sequence[Section]) -> list[str]:
    """Return everything as texts of about PAGE characters, whole lines each."""
    made = [""]
    for line in _lines(ctx, sections):
        if made[-1] and len(made[-1]) + len(line) > PAGE:
            made.append("")
        made[-1] = f"{made[-1]}\n{line}" if made[-1] else line
    return made


def label(table: str, column: str = "") -> str:
    """Return the copy key that names a table, or one of its columns, to members."""
    return f"personal-{table}-{column}" if column else f"personal-{table}"


def _lines(ctx: Context, sections: Sequence[Section]) -> Iterator[str]:
    for section in sections:
        yield ctx.text("data-section", name=ctx.text(label(section.table)))
        for row in section.rows:
            shown = {**row, **_in_words(ctx, section.table, row)}
            yield ctx.text(
                "data-row",
                fields=ctx.text("data-between").join(
                    ctx.text(
                        "data-field",
                        name=ctx.text(label(section.table, column)),
                        value=_value(ctx, value),
                    )
                    for column, value in shown.items()
                ),
            )


def _in_words(ctx: Context, table: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of a row that would say nothing as they are stored."""
    say = _WORDS.get(table)
    return say(ctx, row) if say else {}


def _answer(ctx: Context, row: Mapping[str, Any]) -> dict[str, Any]:
    """Say which question of which survey was answered how, as the member read them."""
    survey = ctx.core.community.survey(row["survey"])
    asked = [q for q in survey.form.questions if q.id == row["question"]] if survey else []
    if survey is None or not asked:
        # The survey was changed since: the ids are all that is left.
        return {}
    labels = {option.id: option.label for option in asked[0].options}
    words: dict[str, Any] = {"survey": survey.form.title, "question": asked[0].text}
    if "options" in row:
        words["options"] = [labels.get(option, option) for option in row["options"]]
    return words


def _tag(ctx: Context, row: Mapping[str, Any]) -> dict[str, Any]:
    """Say which question set a tag (its reason is `survey:<id>:<question>`)."""
    name, _, question = row["reason"].removeprefix("survey:").partition(":")
    survey = ctx.core.community.survey(name)
    asked = survey.form.questions if survey else ()
    found = next((q.text for q in asked if q.id == question), "")
    return {"reason": found} if found else {}


def _activity(ctx: Context, row: Mapping[str, Any]) -> dict[str, Any]:
    key = "activity-" + row["kind"].replace(".", "-")
    return {"kind": ctx.text(key)} if ctx.core.copy.has(key) else {}


def _issue(ctx: Context, row: Mapping[str, Any]) -> dict[str, Any]:
    return {"coupon": _coupon(ctx, row["coupon"])}


def _once(ctx: Context, row: Mapping[str, Any]) -> dict[str, Any]:
    titles = {once_flag(name): each.title for name, each in ctx.core.community.coupons.items()}
    return {"flag": titles.get(row["flag"], row["flag"])}


def _media(ctx: Context, row: Mapping[str, Any]) -> dict[str, Any]:
    return {"content": ctx.text("data-picture", size=len(row["content"]))}


def _conversation(_: Context, row: Mapping[str, Any]) -> dict[str, Any]:
    return {"offered": [shown for shown, _ in row["offered"]]} if "offered" in row else {}


def _outbox(_: Context, row: Mapping[str, Any]) -> dict[str, Any]:
    said = load_message(row["payload"]).parts if "payload" in row else ()
    return {"payload": [part.text for part in said if isinstance(part, Text)]} if said else {}


_WORDS: Mapping[str, Callable[[Context, Mapping[str, Any]], dict[str, Any]]] = {
    "activity": _activity,
    "answer": _answer,
    "conversation": _conversation,
    "coupon_issue": _issue,
    "media": _media,
    "once": _once,
    "outbox": _outbox,
    "tag": _tag,
}
"""How to say what would tell a member nothing as it is stored, by table."""


def _coupon(ctx: Context, coupon_id: str) -> str:
    coupon = ctx.core.community.coupons.get(coupon_id)
    return coupon.title if coupon else coupon_id


def _and(ctx: Context, names: Sequence[str]) -> str:
    return ctx.text("data-and").join(names)


def _value(ctx: Context, value: object) -> str:
    """Say one stored value; times are the community's."""
    match value:
        case datetime():
            return f"{value.astimezone(ctx.core.community.zone):%Y-%m-%d %H:%M}"
        case bool():
            return ctx.text("data-yes")
        case bytes():
            return value.decode(errors="replace")
        case list():
            return _and(ctx, [_value(ctx, each) for each in value])
        case dict():
            return json.dumps(value, ensure_ascii=False)
        case _:
            return str(value)
