"""A naive Bayes classifier of texts. It knows nothing of flowrpc."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable

WORD = re.compile(r"[^\W_]+")


class Classifier:
    """Tells how likely a text is spam.

    Args:
        counts: For `spam` and `ham` in how many texts each word was; under the empty word, how many texts there were.
    """

    def __init__(self, counts: dict[str, dict[str, int]]) -> None:
        self.counts = counts

    @classmethod
    def learn(cls, examples: Iterable[tuple[str, bool]]) -> Classifier:
        """Learns from texts and whether each is spam."""
        counts = {"spam": Counter({"": 0}), "ham": Counter({"": 0})}
        for text, spam in examples:
            counts["spam" if spam else "ham"].update({"", *words(text)})
        return cls({label: dict(counted) for label, counted in counts.items()})

    def probability(self, text: str) -> float:
        """Returns how likely a text is spam, from 0 to 1."""
        odds = self._log_odds("")
        for word in words(text):
            if word in self.counts["spam"] or word in self.counts["ham"]:
                odds += self._log_odds(word) - self._log_odds("")
        return 1 / (1 + math.exp(-max(-500.0, min(500.0, odds))))

    def _log_odds(self, word: str) -> float:
        # Each word counts once more than it was seen, so that one example does not decide for ever.
        return math.log((self.counts["spam"].get(word, 0) + 1) / (self.counts["ham"].get(word, 0) + 1))


def words(text: str) -> set[str]:
    """Returns the words of a text, in small letters."""
    return {word.lower() for word in WORD.findall(text)}
