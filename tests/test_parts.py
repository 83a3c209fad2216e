"""What is split into parts, how each is made to stand alone, and what is left whole."""

from __future__ import annotations

import time

import pytest
from langchain_core.documents import Document

from rag.parts import MAX_PARTS, parts
from rag.read import in_turn
from tests.conftest import Desk

SPLIT: list[tuple[str, tuple[str, ...]]] = [
    ("Who led Niger in 2022, and who in 2024?", ("Who led Niger in 2022?", "Who led Niger in 2024?")),
    (
        "Who hosted the talks, and how many states took part?",
        ("Who hosted the talks?", "how many states took part?"),
    ),
    (
        "How did Kenya react in May 2021 and again in June 2022?",
        ("How did Kenya react in May 2021?", "How did Kenya react in June 2022?"),
    ),
    (
        "Which firms were named in the list of 2019 and in that of 2021?",
        ("Which firms were named in the list of 2019?", "Which firms were named in the list of 2021?"),
    ),
    (
        "Compare the talks in Jeddah in 2023 with those in Geneva in 2024.",
        ("the talks in Jeddah in 2023?", "the talks in Geneva in 2024?"),
    ),
    (
        "In which towns were the Kenyan and the Norwegian papers signed?",
        ("In which towns were the Kenyan papers signed?", "In which towns were the Norwegian papers signed?"),
    ),
    (
        "What did the general say in 2020, and what did he do in 2021?",
        ("What did the general say in 2020?", "what did he do in 2021?"),
    ),
    (
        "When did Ruto visit Oslo, and what did he sign there in May?",
        ("When did Ruto visit Oslo?", "Ruto, Oslo: what did he sign there in May?"),
    ),
    ("Who met Ruto? What did they agree on fishing?", ("Who met Ruto?", "Ruto: what did they agree on fishing?")),
    (
        "What is the difference between the Oslo text and the Geneva text?",
        ("the Oslo text?", "the Geneva text?"),
    ),
]

SPLIT += [
    (
        "Which came first in Kenya in 2021, the strike or the vote?",
        ("When was the strike (Kenya 2021)?", "When was the vote (Kenya 2021)?"),
    ),
    ("Which was later: the Oslo or the Geneva round?", ("When was the Oslo round?", "When was the Geneva round?")),
]

SPLIT += [
    (
        "Who paid for the dyke, and was it finished in 2031?",
        ("Who paid for the dyke?", "was it finished in 2031?"),
    ),
    (
        "How did Oslo punish Kenyan firms, and what ended the penalty?",
        ("How did Oslo punish Kenyan firms?", "Oslo, Kenyan: what ended the penalty?"),
    ),
    (
        "How many states backed the pact, how many signed it, and who dropped out?",
        ("How many states backed the pact?", "how many signed it?", "who dropped out?"),
    ),
    (
        "Name the bank that left Oslo in 2021 and the two insurers that followed a year later.",
        ("the bank that left Oslo in 2021?", "the two insurers that followed a year later?"),
    ),
    (
        "How did Kenya defend itself on the river in 2029 and at sea in 2033?",
        ("How did Kenya defend itself on the river in 2029?", "How did Kenya defend itself at sea in 2033?"),
    ),
    (
        "What were the returns of the Kenyan and of the Ghanaian tax spent on?",
        (
            "What were the returns of the Kenyan tax spent on?",
            "What were the returns of the Ghanaian tax spent on?",
        ),
    ),
    (
        "What did Oslo do about bread in January and in May 2033?",
        ("What did Oslo do about bread in January 2033?", "What did Oslo do about bread in May 2033?"),
    ),
    (
        "Was turnout higher in Oslo or in Accra?",
        ("Was turnout higher in Oslo?", "Was turnout higher in Accra?"),
    ),
    (
        "How many notices have Oslo and Accra each given?",
        ("How many notices have Oslo given?", "How many notices have Accra given?"),
    ),
]

SPLIT += [
    (
        "What does Kenya offer for the dam, and how much of it is paid?",
        ("What does Kenya offer for the dam?", "Kenya: how much of it is paid?"),
    ),
    ("Did Ruto attend and what did he say?", ("Did Ruto attend?", "Ruto: what did he say?")),
    ("Who met Ruto, and what did he say?", ("Who met Ruto?", "Ruto: what did he say?")),
    (
        "What is the treaty of Oslo and why did Kenya leave it?",
        ("What is the treaty of Oslo?", "Oslo: why did Kenya leave it?"),
    ),
    (
        "How did Norway vote on the levy in 2021, and how did Denmark?",
        ("How did Norway vote on the levy in 2021?", "how did Denmark vote on the levy in 2021?"),
    ),
    (
        "Who was killed in Oslo in May 2021 and in Accra in July 2022?",
        ("Who was killed in Oslo in May 2021?", "Who was killed in Accra in July 2022?"),
    ),
    (
        "What do the United States and Norway each give?",
        ("What do the United States give?", "What do Norway give?"),
    ),
    (
        "Compare the responses of Norway and Kenya to the war.",
        ("the responses of Norway to the war?", "the responses of Kenya to the war?"),
    ),
    (
        "When was the pact signed, when did Kenya leave it, and how did Oslo react?",
        ("When was the pact signed?", "when did Kenya leave it?", "how did Oslo react?"),
    ),
    (
        "How many died in Niger and in Mali and in Chad?",
        ("How many died in Niger?", "How many died in Mali?", "How many died in Chad?"),
    ),
    (
        "Which of the states that signed in 2021 have since ratified the pact?",
        ("Which states signed in 2021?", "Which states have ratified the pact?"),
    ),
]

SPLIT += [
    (
        "How many died in the Oslo raid in May 2022 and how many in the Accra raid in June 2023?",
        ("How many died in the Oslo raid in May 2022?", "How many died in the Accra raid in June 2023?"),
    ),
    ("When was the mine to open, and when did it?", ("When was the mine to open?", "when did it open?")),
    (
        "How many ships did Kenya ask for, and how many did it get?",
        ("How many ships did Kenya ask for?", "Kenya: how many ships did it get?"),
    ),
    (
        "Who spoke for the union in 2028, and who does now?",
        ("Who spoke for the union in 2028?", "Who spoke for the union now?"),
    ),
    (
        "How long did the truce in Chad hold and how long did the one in Mali hold?",
        ("How long did the truce in Chad hold?", "how long did the truce in Mali hold?"),
    ),
    (
        "Which bank and which insurer were fined in Oslo?",
        ("Which bank were fined in Oslo?", "which insurer were fined in Oslo?"),
    ),
    ("What was turnout in 2019 and 2023?", ("What was turnout in 2019?", "What was turnout in 2023?")),
    (
        "Who spoke at the talks of May 2022 and June 2023 for Kenya?",
        ("Who spoke at the talks of May 2022 for Kenya?", "Who spoke at the talks of June 2023 for Kenya?"),
    ),
    ("In 2023, who led Niger and who led Mali?", ("In 2023, who led Niger?", "In 2023, who led Mali?")),
    ("Who runs Oslo? Also, who runs Accra and Lagos?", ("Who runs Oslo?", "who runs Accra and Lagos?")),
    ("who signed the pact, also when did it end?", ("who signed the pact?", "when did it end?")),
    ("can you tell me who signed it & when it expired", ("can you tell me who signed it?", "when it expired?")),
    ("Is the pact in force and, if not, who ended it?", ("Is the pact in force?", "who ended it?")),
    ("who shot Ruto and is he still in office", ("who shot Ruto?", "Ruto: is he still in office?")),
    ("Who heads the mission and what's its mandate?", ("Who heads the mission?", "what's its mandate?")),
    (
        "Of the states that signed, which have since ratified the pact?",
        ("Which states signed?", "Which states have ratified the pact?"),
    ),
    (
        "Which of the states that signed in Oslo did not ratify the pact?",
        ("Which states signed in Oslo?", "Which states did not ratify the pact?"),
    ),
    (
        "How did turnout differ between the votes of 2021 and 2023?",
        ("How did turnout differ between the votes of 2021?", "How did turnout differ between the votes of 2023?"),
    ),
    ("Which of those who met have not signed it?", ("Which ones met?", "Which ones have not signed it?")),
    ("What rights and what duties do they have?", ("What rights do they have?", "what duties do they have?")),
    (
        "I want to know who Ruto is and what he did in Oslo.",
        ("I want to know who Ruto is?", "Ruto: what he did in Oslo?"),
    ),
    ("What did Kenya do, and what came of it?", ("What did Kenya do?", "Kenya: what came of it?")),
    ("What did Ruto sign in Oslo, and what is he now?", ("What did Ruto sign in Oslo?", "Ruto, Oslo: what is he now?")),
    (
        "How many posts was the office to have, and how many are filled?",
        ("How many posts was the office to have?", "how many posts are filled?"),
    ),
    (
        "What was the trade worth before the quarrel, and what in 2032?",
        ("What was the trade worth before the quarrel?", "What was the trade worth in 2032?"),
    ),
    (
        "Give me the date of the coup in Mali and the name of the man who led the one in Niger.",
        ("the date of the coup in Mali?", "the name of the man who led the coup in Niger?"),
    ),
    (
        "What's new on the Great Kenyan Dam and on the Nile talks?",
        ("What's new on the Great Kenyan Dam?", "What's new on the Nile talks?"),
    ),
]

SPLIT += [
    ("compare turnout in 2019 and 2023 please", ("turnout in 2019?", "turnout in 2023?")),
    (
        "Compare turnout in the 2019 and 2023 elections in Kenya.",
        ("turnout in the 2019 elections in Kenya?", "turnout in the 2023 elections in Kenya?"),
    ),
    ("Compare the number of tanks and guns.", ("the number of tanks?", "the number of guns?")),
    ("compare how Oslo and Accra reacted", ("how Oslo reacted?", "how Accra reacted?")),
    ("How does Kenya's debt compare with that of Ghana?", ("Kenya's debt?", "Ghana's debt?")),
    (
        "What is the difference between Kenyan and Ghanaian tea prices?",
        ("Kenyan tea prices?", "Ghanaian tea prices?"),
    ),
]

WHOLE = [
    "What sectors will they cooperate on?",
    "Which brother was the first to resign in 2022, and on what date?",
    "Which group asked for the levy in May 2023? Name it.",
    "Who and what was lost?",
    "Which brother was first, and why?",
    "Which accord did Kenya and Norway sign?",
    "Was it signed in Oslo or in Accra?",
    "When did Finland join NATO? And when?",
    "When the envoy named Kenya, what did the judges answer?",
    "Did the prime minister resign in 2021 or in 2022?",
    "Was the order given by Putin or by Shoigu?",
    "What is the Belt and Road initiative?",
    "Which countries have left the Belt and Road initiative?",
    "Who won and who lost the election in Poland?",
    "How many states voted for and how many against the levy?",
    "Tell me when and where the treaty was signed.",
    "In what year and in which city was it signed?",
    "Compare Bosnia and Herzegovina with Kosovo.",
    "Which country recognised Palestine first, Spain or Ireland?",
    "What did the UN and WHO say about the outbreak?",
    "Which party won the election in Poland, and is now in government?",
    "What do the coups in Mali and in Niger have in common?",
    "Give the date and the name of the treaty that ended the war.",
    "Name the ministers and the generals who resigned in Niger.",
    "Has Israel said what it wants in Gaza and what it will do?",
    'Who said "I came and what did I see in Oslo"?',
    "What did the envoy, how he and his aide?",
    "In how many districts was the law to hold, and in how many is it?",
    "Name the bank and the insurer.",
    "Who was with him in the car and in the plane?",
    "What worked and what failed in Mali?",
    "How does Kenya compare with others?",
    "How many fled Niger in 2021 and 2022?",
    "How high was the fee, and what became of it?",
    "How did trade change between May 2022 and June 2023?",
    "How did trade change between the spring of 2022 and June 2023?",
    "How many MPs are for and how many are against the levy?",
    "How many districts did the loser want recounted, and how many were?",
    "What does Kenya say about the river and how it should be shared?",
    "Of the three juntas that left, which country's was the last to seize power?",
    "What was paid in 2021 and 2022 together?",
    "After the coup in Niger, what did France and Mali do?",
    "and",
    "?",
    "",
    "who " * 900,
    "Which general who led the coup and fled",
]


@pytest.mark.parametrize(("question", "expected"), SPLIT)
def test_a_question_of_several_parts_is_split(question: str, expected: tuple[str, ...]) -> None:
    found = parts(question)
    assert [part.lower() for part in found] == [part.lower() for part in expected]


@pytest.mark.parametrize("question", WHOLE)
def test_one_question_is_left_as_it_is(question: str) -> None:
    assert parts(question) == (question,)


def test_more_parts_than_can_be_read_are_asked_as_one() -> None:
    question = " and ".join(f"who ruled Niger in {year}" for year in range(2015, 2024)) + "?"
    assert parts(question) == (question,)


@pytest.mark.parametrize(
    "hostile",
    [
        "What happened" + " and in Xland" * 36,
        "x " + "Aa and Bb each " * 30,
        "which papers " + "the Aa and the Bb " * 25 + "papers",
        "who went" + " in Aa and in Bb. who x" * 20,
        "Aa " * 80 + "and " + "Bb " * 80,
        "which first " * 40,
        "who ran and " * 40,
        ", how many came" * 30,
        "the A and the B " * 250,
        "who and " * 500,
        "in 2021, " * 50 + "and 2023",
        "which of the " + "one in " * 60 + "and which of the one in x",
        "after the " * 45 + ", who and who",
    ],
)
def test_no_question_takes_long(hostile: str) -> None:
    start = time.perf_counter()
    found = parts(hostile)
    assert time.perf_counter() - start < 0.5
    assert len(found) <= MAX_PARTS


def test_each_part_is_answered_from_its_own_brief(desk: Desk) -> None:
    desk.write("oslo.md", "Kenya signed the fisheries accord in Oslo on 3 March 2021.", title="Fisheries")
    desk.write("accra.md", "Ghana hosted the cocoa summit in Accra on 9 May 2022.", title="Cocoa")
    desk.ingest()
    answer = desk.ask("Who signed the fisheries accord in Oslo, and who hosted the cocoa summit in Accra?")
    assert answer.parts == (
        "Who signed the fisheries accord in Oslo?",
        "who hosted the cocoa summit in Accra?",
    )
    cited = [sentence.citations[0] for sentence in answer.sentences]
    assert {c.passage.metadata["brief_id"] for c in cited} == {"oslo", "accra"}
    assert all(answer.evidence[c.n - 1] is c.passage for c in cited)
    ids = [p.metadata["chunk_id"] for p in answer.evidence]
    assert len(ids) == len(set(ids))


def test_a_part_is_read_in_what_the_whole_question_finds_too(desk: Desk) -> None:
    desk.write("mombasa.md", "Kenya closed the harbour of Mombasa. Pilots from Accra came.", title="Mombasa harbour")
    for i in range(12):
        desk.write(f"quarrel-{i}.md", f"The quarrel over field {i} ended on a fair day.", title=f"Quarrel {i}")
    desk.ingest()
    assert "mombasa" not in desk.found("What ended the quarrel over a field?")
    answer = desk.ask("Who closed the harbour, and what ended the quarrel over a field?")
    asked = desk.ask("What ended the quarrel over a field, and who closed the harbour?")
    for one in (answer, asked):
        assert "Kenya closed the harbour of Mombasa." in [sentence.text for sentence in one.sentences]


def test_passages_of_two_searches_are_taken_in_turn_and_once() -> None:
    a, b, c, d = (Document(page_content=name, metadata={"chunk_id": name}) for name in "abcd")
    assert in_turn([a, b], [c, a, d]) == [a, c, b]
    assert in_turn([], [c]) == [c]
    assert in_turn([a], [a]) == [a]


def test_what_answers_both_parts_is_said_once(desk: Desk) -> None:
    desk.write("oslo.md", "Kenya signed the fisheries accord in Oslo on 3 March 2021.", title="Fisheries")
    desk.ingest()
    answer = desk.ask("Who signed the fisheries accord, and when was the fisheries accord signed?")
    assert [sentence.text for sentence in answer.sentences] == [
        "Kenya signed the fisheries accord in Oslo on 3 March 2021."
    ]


def test_the_part_that_nothing_answers_is_named(desk: Desk) -> None:
    desk.write("oslo.md", "Kenya signed the fisheries accord in Oslo on 3 March 2021.", title="Fisheries")
    desk.ingest()
    answer = desk.ask("Who signed the fisheries accord in Oslo, and who won the football cup in Qatar?")
    assert not answer.abstained
    assert any("who won the football cup in Qatar?" in note for note in answer.notes)
