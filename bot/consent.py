"""Consent: what a member agreed to, and asking for it before anything about them is stored.

A consent is to one version of the community's purpose; when the version goes up, it is asked
again before anything more is stored. Source: japan-rules.md J37.
"""

from bot.context import Context
from bot.messages import Choice, Choices, Text
from storage import members


def given(ctx: Context) -> bool:
    """Tell whether the member agreed to the purpose as it stands today."""
    version = ctx.core.community.purpose.version
    return ctx.member is not None and ctx.member.consent_version == version


async def give(ctx: Context) -> None:
    """Store the member's consent to today's purpose; a second press changes nothing."""
    if ctx.member is None or given(ctx):
        return
    version = ctx.core.community.purpose.version
    values = {"member_id": ctx.member_id, "version": version, "now": ctx.occurred_at}
    await ctx.tx.run(members.SET_CONSENT, **values)
    await ctx.tx.run(members.ADD_CONSENT, **values)
    await ctx.record("consented", str(version))
    ctx.member = ctx.member._replace(consent_version=version)


def ask(ctx: Context) -> None:
    """Greet with the purpose and ask for consent."""
    community = ctx.core.community
    joining = community.joining
    said = {"community": community.name, "uses": _uses(ctx)}
    if joining is None:
        text = ctx.text("welcome-plain", **said)
    else:
        count = len(joining.form.questions)
        text = ctx.text("welcome", **said, count=str(count), minutes=str(joining.minutes))
    details = Choice(ctx.text("welcome-details-button"), "welcome:details")
    agree, later = buttons(ctx)
    ctx.reply(Text(text), Choices((agree, details, later)))


def buttons(ctx: Context) -> tuple[Choice, Choice]:
    """Return the yes, which names the version it agrees to, and the not now."""
    version = ctx.core.community.purpose.version
    return (
        Choice(ctx.text("welcome-agree-button"), f"survey:agree:{version}"),
        Choice(ctx.text("welcome-later-button"), "welcome:later"),
    )


def _uses(ctx: Context) -> str:
    uses = ctx.core.community.purpose.uses
    return ctx.text("welcome-and").join(ctx.text("welcome-use", use=use) for use in uses)
