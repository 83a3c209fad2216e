from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from evals.training.reader.examples import Asked, read, write
from evals.training.reader.units import UnitInContext, counter, packaged_tokenizer
from evals.training.verifier.dates import numbers_in, other_dates, other_numbers
from evals.training.verifier.faithful import forms, kept, orders
from evals.training.verifier.fever import dev_rows, untokenised
from evals.training.verifier.hedges import surer, unattributed
from evals.training.verifier.names import named_in
from evals.training.verifier.negation import denied
from evals.training.verifier.prepare import prepare
from evals.training.verifier.rules import rule_examples
from evals.training.verifier.scene import Rule, Scene
from evals.training.verifier.shortened import shorter
from evals.training.verifier.unfaithful import UNFAITHFUL, added, exchanged, name, neighbour
from evals.training.verifier.written import WrittenPair, read_pairs

SUPPORTED = {"kept", "shortened", "reordered", "rewritten"}


def scene(sentence: str, *others: str) -> Scene:
    """A span of the sentence alone, with other units of the document behind it."""
    units = tuple(UnitInContext("doc", i, "Visits", "", text) for i, text in enumerate((sentence, *others)))
    return Scene(sentence, units[:1], units)


def claims(rule: Rule, of: Scene) -> set[str | None]:
    """All claims that a rule draws in twenty tries."""
    return {rule(of, random.Random(seed)) for seed in range(20)}


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        (
            "The treaty on the river Oder (the second of its kind) was signed in Geneva.",
            ["The treaty on the river Oder was signed in Geneva."],
        ),
        (
            "Charles Sumner, the chairman of the committee, opposed the treaty with Britain.",
            ["Charles Sumner opposed the treaty with Britain."],
        ),
        (
            "The border dispute, which dates back to 1830, has divided the two peoples.",
            ["The border dispute has divided the two peoples."],
        ),
        (
            "Kuwait opened its first embassy in Oslo, including a consular section.",
            ["Kuwait opened its first embassy in Oslo."],
        ),
        (
            "Furthermore, the ministers from both countries met in Oslo.",
            ["The ministers from both countries met in Oslo."],
        ),
        (
            "In May 1999, the king of Norway opened the new parliament.",
            ["The king of Norway opened the new parliament."],
        ),
        ("They named the causes, which are mainly drought, armed conflict and poverty in the south.", []),
        ("The troops left the town, according to the army (or so it claimed).", []),
        ("The troops will leave the town, which may be why the talks failed.", []),
        ("In 1999, the king was not the only guest of the parliament.", []),
        ("Neither side moved its troops to the border, including the guards.", []),
    ],
)
def test_what_is_cut_is_no_hedge_negation_or_attribution(sentence: str, expected: Sequence[str]) -> None:
    assert shorter(sentence) == expected


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("In 2014, Togo signed the accord with Benin.", ["Togo signed the accord with Benin in 2014."]),
        ("Togo signed the accord in May 2014.", ["In May 2014, Togo signed the accord."]),
        ("The embassy was closed on June 5, 1942.", []),
        ("The American Embassy was closed on June 5, 1942.", ["On June 5, 1942, the American Embassy was closed."]),
        (
            "Although the talks failed in Oslo, the ministers kept in touch.",
            ["The ministers kept in touch, although the talks failed in Oslo."],
        ),
        ("In 2014, Togo said that Benin had signed the accord.", []),
        ("In 2014, it signed the accord with Benin.", []),
    ],
)
def test_order_changes_only_where_the_moved_part_keeps_its_verb(sentence: str, expected: Sequence[str]) -> None:
    assert orders(sentence) == expected


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("It began on 16 May 2024.", ["It began on May 16, 2024."]),
        ("It began on May 16, 2024.", ["It began on 16 May 2024."]),
        ("Exports fell by 20 per cent.", ["Exports fell by 20%.", "Exports fell by 20 percent."]),
        ("He met two ministers.", ["He met 2 ministers."]),
        ("He met 3 ministers.", ["He met three ministers."]),
        ("They lost 1,500 men.", ["They lost 1500 men."]),
        ("It cost $30 million.", ["It cost 30 million dollars."]),
        ("He flew to the United States.", ["He flew to the US."]),
        ("They did not agree.", ["They didn’t agree."]),
        ("It rained.", []),
    ],
)
def test_forms_are_rewritten_to_the_same_effect(sentence: str, expected: Sequence[str]) -> None:
    assert forms(sentence) == expected


def test_kept_sentence_is_sometimes_joined_to_another_of_its_span() -> None:
    first = "Kuwait opened an embassy in the town of Bergen last year."
    second = "The envoys of Norway moved into the old palace near the harbour."
    units = tuple(UnitInContext("doc", i, "", "", text) for i, text in enumerate((first, second)))
    made = claims(kept, Scene(first, units, units))
    rest = "the envoys of Norway moved into the old palace near the harbour."
    assert first in made
    assert made - {first} <= {f"{first[:-1]}{link}{rest}" for link in (", and ", ", while ", "; ")}
    assert len(made) > 1


def test_number_changes_to_one_that_the_span_does_not_state() -> None:
    made = other_numbers("In 1999, 12 ships and two boats left on May 16, 2024.", "12 and 13 ships", random.Random(0))
    assert len(made) == 2
    assert all(claim.startswith("In 1999, ") and claim.endswith(" left on May 16, 2024.") for claim in made)
    assert "In 1999, 12 ships and two boats left on May 16, 2024." not in made
    assert not any("13 ships" in claim for claim in made)


def test_dates_are_no_numbers() -> None:
    found = numbers_in("On May 16, 2024 and on 17 May 2024 the Two Sicilies sent 1,500 men.")
    assert [match.group() for match in found] == ["1,500"]


def test_year_month_and_day_change_one_at_a_time() -> None:
    sentence = "They met on 16 May 2024."
    year, month, day = other_dates(sentence, sentence, random.Random(0))
    assert year.startswith("They met on 16 May ")
    assert month.startswith("They met on 16 ")
    assert month.endswith(" 2024.")
    assert day.endswith(" May 2024.")
    assert sentence not in (year, month, day)


def test_names_are_found_whole_and_by_kind() -> None:
    found = named_in("The United States told President John Tyler of South Sudan, China, New Guinea and NATO.")
    assert [(n.name, n.kind) for n in found] == [
        ("the United States", "country"), ("John Tyler", "person"), ("South Sudan", "country"), ("China", "country"),
        ("NATO", "organisation"),
    ]  # fmt: skip


def test_name_is_swapped_for_one_of_its_kind_from_the_document() -> None:
    of = scene("Kenya warned President Ruto.", "The United States and NATO met President Biden.")
    assert claims(name, of) == {"The United States warned President Ruto.", "Kenya warned President Biden."}


def test_names_are_exchanged_only_where_the_verb_runs_one_way() -> None:
    assert claims(exchanged, scene("Iraq invaded Kuwait in August.")) == {"Kuwait invaded Iraq in August."}
    for sentence in (
        "He was seen from Iraq to Kuwait.",
        "Iraq and Kuwait signed a pact.",
        "Iraq met with Kuwait.",
        "Iraq borders Kuwait to the south.",
    ):
        assert claims(exchanged, scene(sentence)) == {None}


def test_possessive_follows_the_exchanged_name() -> None:
    made = exchanged(scene("Denmark has been one of the United States’ closest allies."), random.Random(0))
    assert made == "The United States has been one of Denmark’s closest allies."


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("The talks are open to all.", "The talks are not open to all."),
        ("The talks will begin soon.", "The talks will not begin soon."),
        ("Kuwait signed the treaty.", "Kuwait did not sign the treaty."),
        ("The talks were not open to them.", "The talks were open to them."),
        ("They cannot leave the town.", "They can leave the town."),
        ("They did not leave until noon.", None),
        ("They have not left yet.", None),
        ("They didn’t leave, nor are they tired.", None),
    ],
)
def test_negation_is_put_in_or_taken_out_once(sentence: str, expected: str | None) -> None:
    assert claims(denied, scene(sentence)) == {expected}


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("The price may fall.", "The price will fall."),
        ("He is expected to resign.", "He will resign."),
        ("Norway plans to build a port.", "Norway will build a port."),
        ("He reportedly fled.", "He fled."),
        ("Some countries agreed.", "All countries agreed."),
        ("It met in May 2020.", None),
        ("The plan to build a port failed.", None),
        ("The state plans to build a port.", "The state will build a port."),
        ("The first plan to build a port failed.", None),
        ("They may not leave.", None),
    ],
)
def test_hedge_is_dropped(sentence: str, expected: str | None) -> None:
    assert claims(surer, scene(sentence)) == {expected}


def test_attribution_is_dropped_or_given_to_another() -> None:
    of = scene("Kuwait said that the port of Basra was closed.", "Norway sent a ship.")
    assert claims(unattributed, of) == {
        "The port of Basra was closed.",
        "Norway said that the port of Basra was closed.",
    }
    accord = scene("According to the army, the port of Basra was closed.")
    assert claims(unattributed, accord) == {"The port of Basra was closed."}
    for sentence in ("The man who said that was here all day.", "When Kuwait said that they left, the port closed."):
        assert claims(unattributed, scene(sentence)) == {None}


def test_neighbour_and_added_sentence_are_not_what_the_span_says() -> None:
    first = "Kuwait opened an embassy in the town of Bergen last year."
    other = "The envoys of Norway moved into the old palace near the harbour."
    same = "Last year Kuwait opened an embassy in the town of Bergen, in Norway."
    assert claims(neighbour, scene(first, same, other)) == {other}
    rest = "the envoys of Norway moved into the old palace near the harbour."
    assert claims(added, scene(first, same, other)) == {
        f"{first[:-1]}{link}{rest}" for link in (", and ", ", while ", "; ")
    }


def test_fever_text_is_written_as_before_tokenisation() -> None:
    assert untokenised("`` Lost '' -LRB- 2004 -RRB- is Jack 's , and it does n't end .") == (
        "\"Lost\" (2004) is Jack's, and it doesn't end."
    )


def corpus(folder: Path, texts: Sequence[dict[str, str]]) -> None:
    folder.mkdir()
    (folder / "corpus.jsonl").write_text("".join(json.dumps(text) + "\n" for text in texts), encoding="utf-8")


def text_of(i: int) -> str:
    return (
        f"In 19{50 + i}, the United States signed a treaty on trade and fish with the small kingdom of Norway. "
        f"Kenya said that the new port near the old town would remain closed for {i + 20} weeks. "
        f"The ministers of both sides may return to the town in May 19{50 + i} for another round of talks. "
        f"The embassy (the first of its kind) was opened on June {i % 20 + 2}, 19{50 + i} by a minister from Togo. "
        f"Furthermore, President Aker{'abcdefghijklmnopqrstuvwxyz'[i % 26]} is not the owner of the two ships at sea."
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty documents a set, and four pairs of FEVER, two of them for tests."""
    folder = tmp_path_factory.mktemp("data")
    for name_ in ("us_state_historian", "ungdc_2013_2024"):
        rows = [{"id": f"{name_}{i}", "title": "Fish", "date": "2013-09", "text": text_of(i)} for i in range(40)]
        corpus(folder / name_, rows)
    rows = [
        {"id": f"f{i}", "premise": f"Lost -LRB- {i} -RRB- ended .", "hypothesis": f"Lost {split} {i} ended .",
         "label": "REFUTES" if i % 2 else "SUPPORTS", "split": split}
        for i, split in enumerate(("dev", "dev", "test", "test"))
    ]  # fmt: skip
    (folder / "fever_symmetric").mkdir()
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "fever_symmetric" / "pairs.jsonl").write_text(lines, encoding="utf-8")
    return folder


PAIRS = [
    WrittenPair("us_state_historian", "us_state_historian0", 1, 3, 5, (0, 1), "supported", "Claim 0."),
    WrittenPair("us_state_historian", "us_state_historian1", 1, 3, 5, (0, 1), "hedge", "Claim 1."),
    WrittenPair("us_state_historian", "us_state_historian2", 1, 3, 5, (0, 1), "supported", "Claim 2."),
]


@pytest.fixture(scope="module")
def made(data: Path) -> list[Asked]:
    return list(prepare(data, PAIRS, counter(packaged_tokenizer()), per_kind=12))


def test_claims_have_one_candidate_that_is_right_or_wrong(made: Sequence[Asked]) -> None:
    assert all(len(one.right) + len(one.wrong) == 1 for one in made)
    assert all(unit.before == "" for one in made for unit in (*one.right, *one.wrong))
    assert {u.title for one in made if one.kind == "rule/kept" for u in one.right} == {"Fish, 2013-09"}


def test_rules_make_as_many_supported_claims_as_not(made: Sequence[Asked]) -> None:
    rule = [one for one in made if one.kind.startswith("rule/")]
    assert len(rule) >= 60
    assert sum(bool(one.right) for one in rule) * 2 == len(rule)
    assert all(bool(one.right) == (one.kind.removeprefix("rule/") in SUPPORTED) for one in rule)
    counts = Counter(one.kind.removeprefix("rule/") for one in rule)
    assert set(counts) <= SUPPORTED | set(UNFAITHFUL)
    assert max(counts.values()) <= 12


def test_unsupported_claims_are_not_what_their_span_says(made: Sequence[Asked]) -> None:
    assert [one.question for one in made if one.wrong and one.question in one.wrong[0].text] == []


def test_written_pairs_are_read_against_their_span(made: Sequence[Asked]) -> None:
    written = [one for one in made if one.kind.startswith("written")]
    assert [(one.kind, one.split) for one in written] == [
        ("written", "dev"), ("written/hedge", "train"), ("written", "train"),
    ]  # fmt: skip
    span = " ".join(text_of(0).split(". ")[1:2]) + ". " + text_of(0).split(". ")[2] + "."
    assert [unit.text for unit in written[0].right] == [span]


def test_nothing_is_of_fevers_test_split(made: Sequence[Asked], data: Path) -> None:
    fever = [one for one in made if one.kind.startswith("fever")]
    assert [(one.id, one.kind, one.split) for one in fever] == [
        ("f0", "fever", "train"), ("f1", "fever/refuted", "train"),
    ]  # fmt: skip
    assert [row["split"] for row in dev_rows(data / "fever_symmetric" / "pairs.jsonl")] == ["dev", "dev"]


def test_no_document_is_in_two_splits(made: Sequence[Asked]) -> None:
    docs = {split: {one.id for one in made if one.split == split} for split in ("train", "dev")}
    assert docs["dev"]
    assert not docs["dev"] & docs["train"]


def test_same_seed_makes_the_same_claims(data: Path) -> None:
    count = counter(packaged_tokenizer())
    runs = [list(rule_examples(data, count, random.Random(7), per_kind=5, without=())) for _ in range(2)]
    assert runs[0]
    assert runs[0] == runs[1]


def test_prepared_claims_are_read_as_the_readers_examples(made: Sequence[Asked], tmp_path: Path) -> None:
    write(tmp_path, made, packaged_tokenizer())
    _, examples = read(tmp_path)
    assert [(e.kind, e.n_right, len(e.candidates)) for e in examples] == [(m.kind, len(m.right), 1) for m in made]


def test_written_pairs_name_units_inside_their_windows() -> None:
    pairs = read_pairs()
    assert len(pairs) > 1_000
    assert all(0 <= place < one.size for one in pairs for place in one.span)
    assert all(one.span for one in pairs)
    assert len({(one.doc, one.first, one.size) for one in pairs}) == len({one.doc for one in pairs})
