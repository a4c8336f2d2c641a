"""A community as its folder defines it: `community.toml` and `surveys/*.toml`.

The rule it keeps: a folder loads whole or not at all, and then with every problem at once, each as
`file:line: what is wrong; how to cure it`. What loads is frozen. Files of later features
(`segments.toml`, `faq.csv`) are theirs to read and are left alone.
"""

from collections.abc import Collection, Iterator
from itertools import chain, combinations
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from bot.errors import Misconfigured
from bot.events import Account, Address
from bot.rules.etiquette import Policy
from bot.surveys import Offered, Survey, SurveyFile, survey_of
from bot.tables import CommunityFile, Push, Spot, faults
from bot.tomlfile import Fault, Source, alike, shape, source
from storage.members import Role


class Pushing(Push):
    """The push rules with what they depend on elsewhere in the file."""

    policy: Policy
    """The same, as the planner of deliveries takes it."""


class Community(CommunityFile):
    """A loaded folder. `warnings` are worth reading and stop nothing."""

    folder: Path
    push: Pushing
    surveys: tuple[Survey, ...]
    warnings: tuple[str, ...] = ()

    @property
    def zone(self) -> ZoneInfo:
        """The time zone that days and hours are meant in."""
        return ZoneInfo(self.timezone)

    @property
    def joining(self) -> Survey | None:
        """The survey that is offered at the first contact."""
        return next((each for each in self.surveys if each.offered is Offered.JOIN), None)

    def survey(self, form: str) -> Survey | None:
        """Return the survey of this id."""
        return next((each for each in self.surveys if each.form.id == form), None)

    def role_of(self, account: Account) -> Role | None:
        """Return the role that the file gives to an account of the community's own realm."""
        spot = Spot(account.platform, account.user_id)
        for role in (Role.OWNER, Role.MANAGER, Role.STAFF):
            if spot in getattr(self.roles, role):
                return role
        return None

    def channel(self, name: str, platforms: Collection[str]) -> Address | None:
        """Return the first place of `managers`, `review` or `support` whose platform is on."""
        spots: tuple[Spot, ...] = getattr(self.channels, name)
        for spot in spots:
            if spot.platform in platforms:
                return Address(spot.platform, None, spot.id, private=False)
        return None


def load(folder: Path) -> Community:
    """Load a community folder.

    Raises:
        Misconfigured: with every problem of every file.
    """
    problems: list[str] = []
    file: CommunityFile | None = None
    surveys: list[tuple[Source, Survey]] = []
    warnings: list[str] = []
    try:
        read = source(folder / "community.toml")
        file = shape(read, CommunityFile)
        problems += [read.problem(fault) for fault in faults(file)]
        warnings += [read.problem(fault) for fault in _missing_picture(file, folder)]
    except Misconfigured as error:
        problems += error.problems
    for path in sorted((folder / "surveys").glob("*.toml")):
        try:
            read = source(path)
            surveys.append((read, survey_of(read)))
        except Misconfigured as error:
            problems += error.problems
    problems += _across(surveys, file)
    if problems or file is None:
        raise Misconfigured(problems)
    checked = {name: getattr(file, name) for name in CommunityFile.model_fields}
    checked["push"] = _pushing(file)
    every = tuple(survey for _, survey in surveys)
    warnings += chain.from_iterable(survey.warnings for survey in every)
    # What is already checked needs no second validation.
    return Community.model_construct(
        **checked, folder=folder, surveys=every, warnings=tuple(warnings)
    )


def _pushing(file: CommunityFile) -> Pushing:
    policy = Policy(
        opens=file.push.opens,
        closes=file.push.closes,
        zone=ZoneInfo(file.timezone),
        per_day=file.push.per_day,
        per_week=file.push.per_week,
        monthly_budget=file.line.monthly_budget,
        plan_limit=file.line.monthly_limit,
    )
    fields = {name: getattr(file.push, name) for name in Push.model_fields}
    return Pushing.model_construct(**fields, policy=policy)


def schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON Schema of each kind of file, by its path in a folder."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {
        "community.toml": dialect | CommunityFile.model_json_schema(),
        "surveys/*.toml": dialect | SurveyFile.model_json_schema(),
    }


def _across(surveys: list[tuple[Source, Survey]], file: CommunityFile | None) -> Iterator[str]:
    """Find what does not fit together between files."""
    for (_, first), (read, second) in combinations(surveys, 2):
        if first.form.id == second.form.id:
            what = f'there is another survey "{first.form.id}"'
            yield read.problem(Fault(("survey", "id"), what, "give this one another id"))
        if first.offered is second.offered is Offered.JOIN:
            what = f'survey "{first.form.id}" is offered at the first contact already'
            yield read.problem(Fault(("survey", "offered"), what, 'offer this one in the "menu"'))
    for read, survey in surveys:
        if file and survey.thanks and survey.thanks not in file.coupons:
            cure = alike(survey.thanks, file.coupons)
            what = f'there is no coupon "{survey.thanks}" in community.toml'
            yield read.problem(Fault(("survey", "thanks"), what, cure))


def _missing_picture(file: CommunityFile, folder: Path) -> Iterator[Fault]:
    """Warn of a picture that is not there: everything works all the same without it."""
    named: list[tuple[tuple[str, ...], str]] = [(("menu", "image"), file.menu.image)]
    for name, coupon in file.coupons.items():
        named.append((("coupons", name, "image"), f"media/{coupon.image}" if coupon.image else ""))
    for key, image in named:
        path = (folder / image).resolve()
        if image and not (path.is_file() and path.is_relative_to(folder.resolve())):
            what = f'there is no "{image}" in this folder'
            yield Fault(key, what, "add the picture, or remove the line")
