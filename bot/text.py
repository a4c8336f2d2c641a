"""Copy: every word the bot says, from the Fluent files in prompts/ and a community's overrides.

Fluent stays behind `Copy.say`: a missing variable or a broken entry gives text and an error
count, never an exception.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fluent.runtime import FluentBundle, FluentResource

Value = str | int

_SPACES = re.compile(r"\s+")


def normalise(text: str) -> str:
    """Fold a typed word: NFKC, lower case, single spaces, no outer space.

    >>> normalise("  Ｍｅｎｕ ")
    'menu'
    """
    return _SPACES.sub(" ", unicodedata.normalize("NFKC", text)).strip().casefold()


class Copy:
    """The words of all languages; `locale` is the community's own."""

    def __init__(self, folders: Sequence[Path], locale: str) -> None:
        """Load `<folder>/<language>/*.ftl`; later folders override earlier ones by key."""
        self.locale = locale
        self.broken = 0
        """How often a key was missing or did not format; shown by the metrics."""
        self._fixed: dict[tuple[str, str], str] = {}
        self._bundles: dict[str, FluentBundle] = {}
        self._found: dict[tuple[str, str], tuple[FluentBundle, Any] | None] = {}
        for folder in folders:
            for language in sorted(path for path in folder.glob("*") if path.is_dir()):
                for file in sorted(language.glob("*.ftl")):
                    self._bundle(language.name).add_resource(
                        FluentResource(file.read_text(encoding="utf-8")), allow_overrides=True
                    )

    def _bundle(self, language: str) -> FluentBundle:
        if language not in self._bundles:
            # Isolation marks (U+2068/U+2069) would land in the chat.
            self._bundles[language] = FluentBundle([language], use_isolating=False)
        return self._bundles[language]

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages there are, the community's own first."""
        return tuple(sorted(self._bundles, key=lambda name: (name != self.locale, name)))

    def say(self, key: str, locale: str = "", /, **values: Value) -> str:
        """Return the text of `key` (`message` or `message.attribute`); absent, the key itself."""
        language = locale or self.locale
        if values:
            return self._format(key, language, values)
        # Buttons are most of what is said, and they never change.
        fixed = self._fixed.get((key, language))
        if fixed is None:
            fixed = self._fixed[key, language] = self._format(key, language, {})
        return fixed

    def _format(self, key: str, language: str, values: dict[str, Value]) -> str:
        found = self._pattern(key, language)
        if found is None:
            self.broken += 1
            return key
        bundle, pattern = found
        text, errors = bundle.format_pattern(pattern, values)
        self.broken += len(errors)
        return str(text)

    def has(self, key: str) -> bool:
        """Whether the community's language (or the fallback) has this key."""
        return self._pattern(key, self.locale) is not None

    def words(self, key: str) -> Iterator[str]:
        """Yield the normalised words of `key` in every language: its value and its `.aliases`."""
        for language in self.languages:
            bundle = self._bundles[language]
            if not bundle.has_message(key):
                continue
            message = bundle.get_message(key)
            for pattern in (message.value, message.attributes.get("aliases")):
                if pattern is not None:
                    said, _ = bundle.format_pattern(pattern, {})
                    yield from (normalise(word) for word in str(said).split("|"))

    def _pattern(self, key: str, locale: str) -> tuple[FluentBundle, Any] | None:
        """Return a key's pattern; looked for once, because the files are read once."""
        if (key, locale) not in self._found:
            self._found[key, locale] = self._look(key, locale)
        return self._found[key, locale]

    def _look(self, key: str, locale: str) -> tuple[FluentBundle, Any] | None:
        name, _, attribute = key.partition(".")
        for language in dict.fromkeys((locale, *self.languages)):
            bundle = self._bundles.get(language)
            if bundle is None or not bundle.has_message(name):
                continue
            message = bundle.get_message(name)
            pattern = message.attributes.get(attribute) if attribute else message.value
            if pattern is not None:
                return bundle, pattern
        return None
