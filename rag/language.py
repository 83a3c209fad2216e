"""The language of a text, where it is beyond doubt."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache
from typing import Any

SAMPLE_CHARS = 1_000
MIN_LETTERS = 40

# On lists of names in English briefs (the hard case) the best wrong guess reached 0.53; on single sentences in German,
# French, Spanish and Russian the right one stayed above 0.97. Chinese and Arabic share their mass with Wu and the
# Arabic vernaculars (0.69, 0.80), but there the script alone rules English out.
MIN_PROBABILITY = 0.9
MIN_PROBABILITY_OTHER_SCRIPT = 0.5
# Questions are short. Of 3,735 that were stripped to their English content words three reached 0.6 for another language
# and none 0.7; of 16,965 whole ones none reached 0.5. Without an English word "Wer hat die Wahl gewonnen?" is at 0.8.
MIN_PROBABILITY_QUESTION = 0.7
# An English sentence full of Nigerian names reached 0.9 for Nigerian Pidgin, with 0.1 left for English; the foreign
# sentences above leave English less than 0.001.
MAX_PROBABILITY_OF_ENGLISH = 0.01

_LAST_LATIN = "\u024f"

# Words that open or join English questions and that hardly any other language has.
_ENGLISH = re.compile(
    r"\b(?:the|what|who|whom|whose|which|when|where|why|how|did|does|do|are|were|has|have|had|of|and|for|with|from|about"
    r"|list|compare|name|tell|give|show|summari[sz]e|latest)\b",
    re.IGNORECASE,
)
_MIN_QUESTION_LETTERS = 12


def detect(text: str) -> str | None:
    """ISO 639-1 code (639-3 where there is none) of the text's start, or None when it is too short or in doubt.

    Cost: 0.8 s for the first call of a process, then well under 1 ms.
    """
    return _detect(text, min_letters=MIN_LETTERS, least=MIN_PROBABILITY)


def foreign(question: str, languages: Collection[str]) -> str | None:
    """Code of a question's language if it is beyond doubt none of those; a question with an English word is not."""
    if not languages or ("en" in languages and _ENGLISH.search(question)):
        return None
    code = _detect(question, min_letters=_MIN_QUESTION_LETTERS, least=MIN_PROBABILITY_QUESTION)
    return None if code is None or code in languages else code


def _detect(text: str, *, min_letters: int, least: float) -> str | None:
    words = re.findall(r"[^\W\d_]+", re.sub(r"https?://\S+", " ", text[:SAMPLE_CHARS]))
    letters = "".join(words)
    other_script = sum(char > _LAST_LATIN for char in letters) * 2 > len(letters)
    # A character of Chinese or Japanese says about as much as a syllable.
    if len(letters) * (3 if other_script else 1) < min_letters:
        return None
    probabilities = dict(_identifier().rank(" ".join(words)))
    code = max(probabilities, key=probabilities.__getitem__)
    enough = MIN_PROBABILITY_OTHER_SCRIPT if other_script else least
    is_clear = probabilities[code] >= enough and (code == "en" or probabilities["en"] <= MAX_PROBABILITY_OF_ENGLISH)
    return str(code) if is_clear else None


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # type: ignore[import-untyped, unused-ignore]

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
