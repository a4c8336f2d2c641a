"""What the caller's role may say here, each word with its one line from the copy."""

from bot.commands import command_key
from bot.context import Context
from bot.feature import Arguments, Feature
from bot.messages import Text
from storage.members import Role

feature = Feature("help")


@feature.command("help", role=Role.MEMBER)
async def show(ctx: Context, _: Arguments) -> None:
    """List the commands that the caller may use; members are shown to their menu."""
    if ctx.role is Role.MEMBER:
        ctx.reply(Text(ctx.text("help-member", community=ctx.core.community.name)))
        return
    lines = [
        ctx.text(f"{command_key(command.id)}.help")
        for command in ctx.core.vocabulary.all_commands
        if command.role.rank <= ctx.role.rank
    ]
    role = ctx.text(f"role-{ctx.role.value}")
    ctx.reply(Text(ctx.text("help-commands", role=role, lines="\n".join(lines))))
