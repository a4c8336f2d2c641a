"""Reads segment rules as managers write them.

    rule    = every or every or …         `not` binds tightest, then `and`, then `or`
    every   = negated and negated and …
    negated = not negated | negated not | ( rule ) | term    before or after, as a language likes
    term    = KEY:VALUE                   a tag; KEY:* is any tag of the key
            | joined_days | idle_days | active_Nd  COMPARE NUMBER
            | answer.QUESTION | answer.SURVEY.QUESTION  COMPARE VALUE
            | platform | company  = NAME
            | campaign.NAME  = entered | won | used
            | NAME                        a saved segment; else a known tag: KEY, or KEYVALUE

Operator words stand alone, between spaces or brackets. Names and values with spaces or marks go in
quotes; a value in quotes is never a number. The spellings are `segment_words`, the grammar is
`segment_tokens`, what there is to name is `segment_known`, and `segment_text` writes rules back.
"""

import unicodedata

from lark import Token, Tree

from bot.rules.segment_known import Known, answer_value, near_to, number_of, place
from bot.rules.segment_tokens import SegmentError, tree_of
from bot.rules.segment_words import Words, fold
from bot.rules.segments import (
    Answer,
    Campaign,
    Company,
    Compare,
    Days,
    Every,
    Measure,
    Named,
    Node,
    Not,
    Platform,
    Some,
    Stage,
    Term,
    depth,
    terms,
)

LONGEST = 4_000
"""Characters of a rule."""
DEEPEST = 32
"""Levels of a rule, those of the saved segments it names included."""
MOST_TERMS = 200
"""Terms of a rule, likewise: what a database surely takes in one statement."""
LONGEST_CHAIN = 8
"""Saved segments that name each other, one inside the other."""
LARGEST_DAYS = 36_500
LARGEST_WINDOW = 365


def parse(text: str, words: Words, known: Known) -> Node:
    """Return the tree of a rule.

    Raises:
        SegmentError: the text is no rule, or names what is not known.
    """
    return _Reader(words, known).rule(text)


class _Reader:
    """Reads one text and the saved segments it names."""

    def __init__(self, words: Words, known: Known) -> None:
        self._words = words
        self._known = known
        self._saved = {fold(name): name for name in known.names}
        self._read: dict[str, Node] = {}
        self._chain: list[str] = []

    def rule(self, text: str) -> Node:
        _check_text(text)
        tree = tree_of(text, self._words)
        _check_depth(tree)
        node = self._node(tree)
        if depth(node) > DEEPEST:
            raise SegmentError("segment-too-deep", 0, limit=DEEPEST)
        if sum(1 for _ in terms(node)) > MOST_TERMS:
            raise SegmentError("segment-too-many", 0, limit=MOST_TERMS)
        return node

    def _node(self, tree: Tree[Token]) -> Node:
        below = [child for child in tree.children if isinstance(child, Tree)]
        leaves = [child for child in tree.children if isinstance(child, Token)]
        match tree.data:
            case "some":
                return Some(tuple(map(self._node, below)))
            case "every":
                return Every(tuple(map(self._node, below)))
            case "negation":
                return Not(self._node(below[0]))
            case "start" | "inner":
                return self._node(below[0])
            case _:
                return self._term(tree.data, leaves)

    def _term(self, kind: str, leaves: list[Token]) -> Node:
        match kind:
            case "tag":
                return self._known.tag(*leaves)
            case "comparison":
                return self._comparison(*leaves)
            case _:
                return self._bare(*leaves)

    def _bare(self, name: Token) -> Node:
        saved = self._saved.get(fold(name))
        if saved is not None:
            return Named(saved, self._named(saved, place(name)))
        tag = self._known.bare_tag(name)
        if tag is not None:
            return tag
        symbol = self._words.terms.get(fold(name).split(".")[0])
        if symbol or self._words.window(name) is not None:
            raise SegmentError("segment-no-comparison", place(name), found=str(name))
        raise SegmentError("segment-unknown", place(name), self._near(name), found=str(name))

    def _named(self, name: str, at: int) -> Node:
        if name in self._chain:
            raise SegmentError("segment-cycle", at, found=" > ".join((*self._chain, name)))
        if len(self._chain) >= LONGEST_CHAIN:
            raise SegmentError("segment-too-deep", at, limit=LONGEST_CHAIN)
        if name not in self._read:
            self._chain.append(name)
            try:
                self._read[name] = self.rule(self._known.names[name])
            except SegmentError as error:
                # The place of an error inside another text would point at nothing in this one.
                raise error.named(name, at) from error
            finally:
                self._chain.pop()
        return self._read[name]

    def _near(self, name: str) -> list[str]:
        """Return what an unknown word may have meant; an operator glued to a name comes first."""
        for spelling in self._words.operators:
            rest = fold(name).removesuffix(spelling)
            tag = self._known.bare_tag(rest) if rest != fold(name) else None
            if tag is not None or rest in self._saved:
                return [f"{rest} {spelling}"]
        return self._known.near(name, self._words.heads())

    def _comparison(self, head: Token, one: Token, other: Token) -> Term:
        # Either `head >= value` or `head value at-least`.
        sign, value = (one, other) if one.type == "COMPARE" else (other, one)
        compare, window = Compare(sign), self._words.window(head)
        if window is not None:
            if not 1 <= window <= LARGEST_WINDOW:
                raise SegmentError("segment-window", place(head), limit=LARGEST_WINDOW)
            return Days(Measure.ACTIVE, compare, self._days(value), window)
        first, dot, rest = str(head).partition(".")
        symbol = self._words.terms.get(fold(first))
        if symbol in {"joined_days", "idle_days"} and not dot:
            return Days(Measure(symbol), compare, self._days(value))
        name = Token("WORD", rest, start_pos=place(head) + len(first) + 1)
        if symbol in {"answer", "campaign"} and rest:
            return self._of_name(symbol or "", name, (sign, value))
        if symbol in {"platform", "company"} and not dot:
            how = _equality(sign)
            known = self._known.platform(value) if symbol == "platform" else str(value)
            return Platform(how, known) if symbol == "platform" else Company(how, known)
        near = near_to(head, self._words.heads())
        raise SegmentError("segment-no-term", place(head), near, found=str(head))

    def _of_name(self, symbol: str, name: Token, right: tuple[Token, Token]) -> Term:
        """Read the comparison of a question or of a campaign."""
        sign, value = right
        if symbol == "answer":
            survey, question, asked = self._known.question(name, place(name))
            found = answer_value(asked, value, self._words)
            how = _equality(sign) if isinstance(found, str) else Compare(sign)
            return Answer(survey, question, how, found)
        campaign = self._known.campaign(name, place(name))
        stage = self._words.stages.get(fold(value))
        if stage is None:
            near = near_to(value, self._words.stages)
            raise SegmentError("segment-no-stage", place(value), near, found=str(value))
        return Campaign(str(campaign), _equality(sign), Stage(stage))

    def _days(self, value: Token) -> int:
        days = number_of(value, self._words)
        if not 0 <= days <= LARGEST_DAYS:
            raise SegmentError("segment-days", place(value), limit=LARGEST_DAYS, found=str(value))
        return days


def _equality(sign: Token) -> Compare:
    """Return the comparison of words, which have no order."""
    compare = Compare(sign)
    if compare not in {Compare.EQ, Compare.NE}:
        raise SegmentError("segment-no-order", place(sign), found=str(sign))
    return compare


def _check_text(text: str) -> None:
    if not text.strip():
        raise SegmentError("segment-empty", 0)
    if len(text) > LONGEST:
        raise SegmentError("segment-too-long", LONGEST, limit=LONGEST)
    for at, character in enumerate(text):
        # Neither NUL nor half a surrogate pair can be stored; no control character is seen.
        if unicodedata.category(character) in {"Cc", "Cs"} and character not in "\t\r\n":
            raise SegmentError("segment-character", at, found=f"U+{ord(character):04X}")


def _check_depth(tree: Tree[Token]) -> None:
    """Refuse a deep tree before anything recurses into it; brackets count as a level."""
    level, levels = [tree], 0
    while level:
        levels += 1
        level = [child for each in level for child in each.children if isinstance(child, Tree)]
        # `start` is one level more than the rule has.
        if levels > DEEPEST + 1:
            raise SegmentError("segment-too-deep", 0, limit=DEEPEST)
