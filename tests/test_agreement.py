"""The rules of the verifier: what a written sentence states must stand in its source."""

from __future__ import annotations

import itertools
import re
import time
from pathlib import Path

import pytest

from evals.training.passages import sentences
from rag.agreement import Reason, disagreement

AGREE = [
    ("Finland joined NATO in April 2023.", "Finland joined NATO on 4 April 2023."),
    ("NATO was joined by Finland on 4 April 2023.", "Finland joined NATO on 4 April 2023."),
    ("On April 4, 2023 Finland joined NATO.", "Finland joined NATO on 4 April 2023."),
    ("The deal is worth $1.5bn.", "The deal is worth 1.5 billion dollars."),
    ("The deal is worth 1.5 billion dollars.", "Officials put the deal at $1.5bn."),
    ("Twenty ships left the port.", "A convoy of 20 ships left the port at dawn."),
    ("Turnout was 20%.", "Turnout was 20 per cent."),
    ("Some 1,500 soldiers crossed the river.", "Some 1500 soldiers crossed the river at night."),
    ("Russian envoys met in Oslo.", "Envoys of Russia met in Oslo."),
    ("ECOWAS imposed sanctions.", "The Economic Community of West African States imposed sanctions."),
    ("Putin arrived in Beijing.", "Vladimir Putin arrived in Beijing on Thursday."),
    ("The minister did not sign the accord.", "The minister did not sign the accord on fish."),
    ("Officials said that Sweden may join.", "Sweden may join next year, officials said."),
    ("The court rejected the appeal.", "On Monday the court rejected the appeal of the opposition."),
    ("Exports of grain fell.", "Exports of grain fell by 3 per cent."),
    ("The plant yields 600 megawatts.", "The plant yields 600 MW."),
    ("Russia may have seized the town.", "Russia could have seized the town under a new plan."),
    ("Rates were cut to -0.5 per cent.", "The bank cut rates to minus 0.5 per cent."),
    ("Fights killed 3-5 people in 2020-21.", "Fights killed 3 to 5 people in 2020-21."),
    ("Kenya leads the mission in Haiti.", "The mission in Haiti is led by Kenya."),
    ("The talks were held in Jeddah.", "The talks, which both sides attended, were held in Jeddah."),
]

DATED = [("The talks opened on 16 May 2024.", "The talks opened on 16 May.", "2024-05-17")]

DISAGREE: list[tuple[Reason, str, str]] = [
    ("number", "Thirty ships left the port.", "A convoy of 20 ships left the port."),
    ("number", "The deal is worth $2.5 billion.", "The deal is worth $1.5 billion."),
    ("number", "Turnout was 25 per cent.", "Turnout was 20 per cent."),
    ("number", "The accord covers 12 ports.", "The accord covers the ports."),
    ("date", "Finland joined NATO in May 2023.", "Finland joined NATO on 4 April 2023."),
    ("date", "Finland joined NATO on 5 April 2023.", "Finland joined NATO on 4 April 2023."),
    ("date", "The treaty was signed in 2019.", "The treaty was signed in 2020."),
    ("date", "The treaty was signed in 2019.", "The treaty was signed."),
    ("name", "Sweden joined NATO.", "Finland joined NATO."),
    ("name", "Envoys met in Geneva.", "Envoys met in Oslo."),
    ("name", "Boris Johnson signed the accord.", "The prime minister signed the accord."),
    ("name", "Armenia accused Azerbaijan.", "Azerbaijan accused Armenia."),
    ("negation", "The minister signed the accord.", "The minister did not sign the accord."),
    ("negation", "The minister did not sign the accord.", "The minister signed the accord."),
    ("negation", "Exports of grain rose.", "Exports of grain fell."),
    ("negation", "The court accepted the appeal.", "The court rejected the appeal."),
    ("hedge", "Sweden will join next year.", "Sweden may join next year."),
    ("hedge", "The plant closes in summer.", "The plant may close in summer."),
    ("attribution", "The army killed civilians.", "The rebels claimed that the army killed civilians."),
    ("attribution", "Sweden may join next year.", "Sweden may join next year, officials said."),
    ("attribution", "The vote was rigged.", "The opposition said that the vote was rigged."),
    ("number", "Growth was 2.5 per cent.", "Growth was -2.5 per cent."),
    ("number", "The balance was 5 billion dollars.", "The balance was minus 5 billion dollars."),
    ("number", "The balance was $5bn.", "The balance was −$5bn."),
    ("number", "Hundreds of people fled.", "Hundreds of thousands of people fled."),
    ("number", "Hundreds of thousands of people fled.", "Hundreds of people fled and thousands stayed."),
    ("hedge", "Russia seized the town under a new plan.", "Russia may have seized the town under a new plan."),
    (
        "hedge",
        "Iran shot 40 people with the aim of revenge.",
        "Iran reportedly shot 40 people with the aim of revenge.",
    ),
    ("attribution", "Rebels called up men and shot 30.", "Israel claimed that rebels called up men and shot 30."),
    ("attribution", "Russia put 500 troops in the town.", "According to Moscow, Russia put 500 troops in the town."),
    ("attribution", "Russia seized 30 tanks.", '"Russia seized 30 tanks," Putin told reporters on Monday.'),
    ("attribution", "Russia seized 30 tanks.", "Putin announced that Russia seized 30 tanks."),
]

HOSTILE = ["Xi said ", "may not ", "1 2 3 ", "(", "2024-", "Mr. ", "not "]


@pytest.mark.parametrize(("sentence", "source"), AGREE)
def test_plain_rewordings_agree(sentence: str, source: str) -> None:
    assert disagreement(sentence, source) is None


@pytest.mark.parametrize(("sentence", "source", "dated"), DATED)
def test_the_date_of_the_brief_completes_a_date(sentence: str, source: str, dated: str) -> None:
    assert disagreement(sentence, source, dated=dated) is None
    assert disagreement(sentence, source) == "date"


@pytest.mark.parametrize(("reason", "sentence", "source"), DISAGREE)
def test_what_the_source_does_not_say_is_rejected_for_its_reason(reason: Reason, sentence: str, source: str) -> None:
    assert disagreement(sentence, source) == reason


def test_a_sentence_of_a_brief_agrees_with_itself_and_what_follows() -> None:
    wrong = []
    for path in sorted(Path("corpus").glob("*.md"))[:25]:
        body = path.read_text(encoding="utf-8").split("---", 2)[-1]
        prose = "\n".join(line for line in body.splitlines() if re.match(r"[A-Z]", line))
        found = [prose[start:end] for start, end in sentences(prose)]
        for one, after in itertools.pairwise(found):
            if disagreement(one, f"{one} {after}") is not None:
                wrong.append(one)
    assert len(wrong) <= 2, wrong


@pytest.mark.parametrize("repeated", HOSTILE)
def test_a_hundred_thousand_characters_take_little_time(repeated: str) -> None:
    text = repeated * (100_000 // len(repeated))
    begun = time.perf_counter()
    disagreement("Xi said that Sweden may not join 3 clubs in 2024.", text)
    disagreement(text, "Xi said that Sweden may not join 3 clubs in 2024.")
    assert time.perf_counter() - begun < 6
