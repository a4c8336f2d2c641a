"""The grammar of segment rules, and the error that says where a rule stops being one."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from lark import Lark, Token, Tree, UnexpectedToken
from lark.lexer import Lexer

from bot.errors import UserError
from bot.rules.segment_words import Words, fold, sign

_GRAMMAR = """
    start: some
    ?some: every (_OR every)*
    ?every: negated (_AND negated)*
    ?negated: NOT negated -> negation | denied
    ?denied: denied NOT -> negation | atom
    ?atom: _LPAR some _RPAR -> inner | tag | comparison | bare
    tag: name _COLON name
    comparison: WORD COMPARE value | WORD value COMPARED
    bare: name
    ?name: WORD | STRING
    ?value: WORD | STRING
    %declare WORD STRING COMPARE COMPARED NOT _AND _OR _LPAR _RPAR _COLON
"""

_OPERATORS = {"not": "NOT", "and": "_AND", "or": "_OR"}

# Typed marks and their full-width twins, by number: brackets and quotes that differ by width only.
_TOKENS = re.compile(
    r"""
    (?P<SPACE>\s+)
  | (?P<STRING>["\uff02\u201c\u201d](?:[^"\uff02\u201c\u201d\\]|\\.)*["\uff02\u201c\u201d]
      |\u300c[^\u300d]*\u300d)
  | (?P<QUOTE>["\uff02\u201c\u201d\u300c\u300d])
  | (?P<_LPAR>[(\uff08]) | (?P<_RPAR>[)\uff09]) | (?P<_COLON>[:\uff1a])
  | (?P<COMPARE>[!\uff01<\uff1c>\uff1e=\uff1d][=\uff1d]
      |[<\uff1c>\uff1e=\uff1d\u2260\u2264\u2265\u2266\u2267])
  | (?P<WORD>[^\s"\uff02\u201c\u201d\u300c\u300d()\uff08\uff09:\uff1a!\uff01<\uff1c>\uff1e=\uff1d
      \u2260\u2264\u2265\u2266\u2267]+)
    """,
    re.VERBOSE | re.DOTALL,
)
_PLAIN = re.compile(r"[\w.\-+/]+")
"""What `quoted` leaves without quotes."""


class SegmentError(UserError):
    """A text that is no rule. `at` is the index of the character where it goes wrong.

    `values` hold `column` (from 1) and what the copy key needs; `maybe` are near spellings that
    would be right.
    """

    def __init__(self, key: str, at: int, maybe: Sequence[str] = (), **values: str | int) -> None:
        super().__init__(key, column=at + 1, **values)
        self.at = at
        self.maybe = tuple(maybe)

    def named(self, name: str, at: int) -> "SegmentError":
        """Return the error of the text that names a saved segment, at `at`, with this error."""
        if self.key not in {"segment-cycle", "segment-too-deep", "segment-too-many"}:
            return SegmentError("segment-broken", at, found=name)
        values = {key: value for key, value in self.values.items() if key != "column"}
        return SegmentError(self.key, at, self.maybe, **values)

    def pointer(self, text: str) -> str:
        """Return the line that is wrong and, under it, a caret at the place.

        >>> print(SegmentError("x", 4).pointer("a = b"))
        a = b
            ^
        """
        begin = text.rfind("\n", 0, self.at) + 1
        line, before = text[begin:].split("\n", 1)[0], text[begin : self.at]
        wide = (unicodedata.east_asian_width(character) in "WF" for character in before)
        return f"{line}\n{''.join(chr(0x3000) if each else ' ' for each in wide)}^"


def tree_of(text: str, words: Words) -> Tree[Token]:
    """Return the parse tree of a rule; tokens keep their place in `start_pos`.

    Raises:
        SegmentError: with the key of what is wrong first.
    """
    tokens = list(_tokens(text, words))
    try:
        return _PARSER.parse(tokens)
    except UnexpectedToken as error:
        raise _unexpected(error, tokens, len(text.rstrip()), words) from error


def quoted(text: str, words: Words) -> str:
    """Return a name or a value as it is written in a rule, in quotes where it must be."""
    plain = _PLAIN.fullmatch(text) and fold(text) not in words.operators
    if plain and not _number_and_compare(text, words):
        return text
    return '"' + re.sub(r'(["\uff02\u201c\u201d\\])', r"\\\1", text) + '"'


def day_of(text: str) -> date | None:
    """Return the day that is written, as 2026-12-20 or 2026/12/20."""
    try:
        return date.fromisoformat(fold(text).replace("/", "-"))
    except ValueError:
        return None


class _Lexed(Lexer):
    """Hands the parser tokens that are made already."""

    def __init__(self, lexer_conf: object) -> None:
        pass

    def lex(self, data: Iterable[Token]) -> Iterator[Token]:  # type: ignore[override]  # not a text
        return iter(data)


_PARSER = Lark(_GRAMMAR, parser="lalr", lexer=_Lexed)


def _tokens(text: str, words: Words) -> Iterator[Token]:
    at = 0
    while at < len(text):
        found = _TOKENS.match(text, at)
        if found is None:
            raise SegmentError("segment-character", at, found=text[at])
        kind, said = found.lastgroup or "", found.group()
        if kind == "QUOTE":
            raise SegmentError("segment-quote-open", at)
        if kind == "WORD":
            yield from _words(said, at, words)
        elif kind != "SPACE":
            value = _unquoted(said) if kind == "STRING" else said
            yield Token(kind, sign(said) if kind == "COMPARE" else value, start_pos=at)
        at = found.end()


def _words(said: str, at: int, words: Words) -> Iterator[Token]:
    """Tell operators from names; a number may carry its comparison: 60, then at least."""
    folded = fold(said)
    both = _number_and_compare(said, words)
    if both:
        yield Token("WORD", both[0], start_pos=at)
        yield Token("COMPARED", both[1], start_pos=at)
    elif folded in words.compares:
        yield Token("COMPARED", words.compares[folded], start_pos=at)
    elif folded in words.operators:
        yield Token(_OPERATORS[words.operators[folded]], said, start_pos=at)
    else:
        yield Token("WORD", said, start_pos=at)


def _number_and_compare(said: str, words: Words) -> tuple[str, str] | None:
    found = words.number.fullmatch(fold(said))
    if found is None or not found.group(2):
        return None
    return found.group(1), words.compares[found.group(2)]


def _unquoted(said: str) -> str:
    inner = said[1:-1]
    return inner if said[0] == chr(0x300C) else re.sub(r"\\(.)", r"\1", inner, flags=re.DOTALL)


def _unexpected(
    error: UnexpectedToken, tokens: Sequence[Token], end: int, words: Words
) -> SegmentError:
    """Say what is wrong with one token, by what could have stood in its place."""
    could = error.accepts or set()
    ended = error.token.type == "$END"
    at = end if ended else error.token.start_pos or 0
    found = "" if ended else str(error.token)
    if could == {"COMPARED"}:
        # Two words in a row may begin `name value at-least`; what lacks is between the two.
        return _between(tokens[-2:] if ended else _before(tokens, error.token), words)
    if "_LPAR" in could:
        return SegmentError("segment-term-missing", at, found=found)
    if not could & {"_AND", "_OR", "_RPAR", "$END"}:
        return SegmentError("segment-value-missing", at, found=found)
    match error.token.type:
        case "$END":
            return SegmentError("segment-parenthesis-open", _unclosed(tokens))
        case "_RPAR":
            return SegmentError("segment-parenthesis-close", at)
        case _:
            return SegmentError("segment-operator-missing", at, found=found)


def _between(two: Sequence[Token], words: Words) -> SegmentError:
    """Say what lacks between two words: a comparison after a term's name, else an operator."""
    head, value = two
    if fold(head).split(".")[0] in words.terms or words.window(head) is not None:
        return SegmentError("segment-no-comparison", head.start_pos or 0, found=str(head))
    return SegmentError("segment-operator-missing", value.start_pos or 0, found=str(value))


def _before(tokens: Sequence[Token], token: Token) -> Sequence[Token]:
    at = next(place for place, each in enumerate(tokens) if each is token)
    return tokens[at - 2 : at]


def _unclosed(tokens: Sequence[Token]) -> int:
    open_: list[int] = []
    for token in tokens:
        if token.type == "_LPAR":
            open_.append(token.start_pos or 0)
        elif token.type == "_RPAR" and open_:
            open_.pop()
    return open_[-1] if open_ else 0
