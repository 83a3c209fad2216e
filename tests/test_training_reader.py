from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import BertConfig, BertModel

from evals.training.passages import Text, unwrapped
from evals.training.reader.cloze import gaps, is_factual, keyword_question
from evals.training.reader.course import Course, Plan, begin, drawn, hardest, questions_at
from evals.training.reader.examples import Asked, Example, read, write
from evals.training.reader.export import export
from evals.training.reader.measure import Scored, refusal, right_within
from evals.training.reader.model import binary, each, exported, listwise
from evals.training.reader.prepare import prepare, trained_ids
from evals.training.reader.questions import right_units
from evals.training.reader.squad1 import SQUAD1
from evals.training.reader.swaps import cased, dated, swap
from evals.training.reader.train import Data, fit, load_data, step
from evals.training.reader.units import UnitInContext, UnitSearch, counter, packaged_tokenizer, units_of
from evals.training.reader.written import (
    ARCHIVE,
    ARTICLES,
    ENCYCLOPEDIA,
    QUESTIONS,
    SPEECHES,
    Kind,
    Written,
    read_questions,
    removed_shares,
    windows,
    written_examples,
)
from evals.training.trained_on import in_training_half
from rag.cross_encoder import MODELS, PackagedCrossEncoder
from rag.encoder import (
    CLS,
    MAX_TOKENS,
    SEP,
    CrossEncoder,
    Pair,
    Room,
    Shape,
    build,
    collate,
    encode,
    lay_out,
    restore,
    to_bert,
)

TINY = Shape(layers=2)
PLAN = Plan(steps=6, shape=TINY, lr_layers=2e-3, lr_head=2e-3, candidates=4)
FILES = (QUESTIONS, ARCHIVE, ENCYCLOPEDIA, ARTICLES, SPEECHES)
CITIES = "Paris London Rome Madrid Vienna Prague Warsaw Lisbon Dublin Athens".split()


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def tiny_bert() -> BertConfig:
    return BertConfig(
        vocab_size=30522, hidden_size=32, num_attention_heads=2, intermediate_size=64, max_position_embeddings=128
    )


def tiny_model() -> CrossEncoder:
    torch.manual_seed(3)
    return build(tiny_bert(), TINY)


def unit(text: str, place: int = 0, *, before: str = "") -> UnitInContext:
    return UnitInContext("doc", place, "Visits", before, text)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty questions on who went where; every fourth has no answer."""
    folder = tmp_path_factory.mktemp("work")
    units = [unit(f"The minister flew to {city} in May.", i) for i, city in enumerate(CITIES)]
    rain = [unit(f"It rained on {city} all day.", i) for i, city in enumerate(CITIES)]
    asked = []
    for i in range(20):
        right = () if i % 4 == 3 else (units[i % 10],)
        wrong = tuple(rain[i % 4 : i % 4 + 6])
        asked.append(Asked(f"q{i}", "squad", "train", f"When did he go to {CITIES[i % 10]}?", right, wrong))
    asked += [replace(one, id=f"d{one.id}", split="dev") for one in asked[:8]]
    write(folder, asked, packaged_tokenizer())
    return folder


def quiet(**fields: object) -> None:
    assert fields


def state_of(course: Course) -> dict[str, Tensor]:
    return {name: p.detach().clone() for name, p in course.model.kept().items()}


def test_input_cuts_the_context_before_the_unit() -> None:
    short = lay_out([7, 8], [9] * 5, [4] * 200, Room(context=200))
    assert short.ids[:4] == (CLS, 7, 8, SEP)
    assert short.n_question == 4
    assert len(short.ids) == MAX_TOKENS
    assert short.ids.count(9) == 5
    long = lay_out([7, 8], [9] * 200, [4] * 200)
    assert len(long.ids) == MAX_TOKENS
    assert long.ids.count(4) == 0
    assert lay_out([7], [9], []).ids == (CLS, 7, SEP, 9, SEP)


def test_segments_part_the_question_from_the_rest() -> None:
    ids, types, mask = collate([Pair((1, 2, 3, 4), 2), Pair((1, 2, 3), 1)])
    assert ids.tolist() == [[1, 2, 3, 4], [1, 2, 3, 0]]
    assert types.tolist() == [[0, 0, 1, 1], [0, 1, 1, 0]]
    assert mask.tolist() == [[1, 1, 1, 1], [1, 1, 1, 0]]


def test_losses_are_those_of_even_odds() -> None:
    even, null = torch.zeros(3), torch.zeros(())
    assert float(listwise(even, null, 2)) == pytest.approx(0.6931, abs=1e-4)  # 2 of 4
    assert float(listwise(even, null, 0)) == pytest.approx(1.3863, abs=1e-4)  # 1 of 4
    assert float(each(even, null, 0)) == pytest.approx(1.3863, abs=1e-4)
    assert float(each(even, null, 2)) == pytest.approx(1.0986, abs=1e-4)  # 1 of 3, twice
    assert float(binary(even, null, 1)) == pytest.approx(0.6931, abs=1e-4)


def test_a_right_unit_that_is_low_costs_though_another_is_high() -> None:
    null = torch.zeros(())
    low, level = torch.tensor([9.0, -9.0, 0.0]), torch.tensor([9.0, 9.0, 0.0])
    assert float(listwise(low, null, 2)) == pytest.approx(float(listwise(level, null, 2)), abs=1e-3)
    assert float(each(low, null, 2)) > float(each(level, null, 2)) + 4


@pytest.mark.parametrize("training", [False, True])
def test_exported_weights_are_those_of_a_whole_bert(training: bool) -> None:
    model = tiny_model().eval()
    config = tiny_bert()
    config.num_hidden_layers = 2
    whole = BertModel(config, add_pooling_layer=False)
    whole.train(False)
    named = to_bert(model.kept(), TINY)
    missing = whole.load_state_dict({name: w for name, w in named.items() if name in whole.state_dict()}, strict=False)
    assert missing.missing_keys == ["embeddings.word_embeddings.weight"]
    whole.embeddings.word_embeddings.weight.data.copy_(model.encoder.embeddings.word_embeddings.weight)
    ids, types, mask = collate([lay_out([5, 6], [9, 8, 7], [4]), lay_out([5], [9], [])])
    with torch.inference_mode(not training):  # two ways of computing the same
        states = whole(input_ids=ids, token_type_ids=types, attention_mask=mask).last_hidden_state
        expected = model.head(states[:, 0]).squeeze(-1)
        torch.testing.assert_close(model(ids, types, mask), expected, atol=1e-5, rtol=1e-4)


def test_scores_come_in_the_order_of_the_pairs() -> None:
    model = tiny_model().eval()
    pairs = [lay_out([5, 6], [9 + i] * (1 + 7 * i % 11), []) for i in range(9)]
    with torch.inference_mode():
        together = model.score(pairs)
        alone = torch.cat([model.score([pair]) for pair in pairs])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)


def test_training_lowers_the_loss(work: Path) -> None:
    data = load_data(work)
    course = begin(replace(PLAN, steps=30), tiny_model())
    losses = [step(course, data)[0] for _ in range(30)]
    assert sum(losses[-5:]) < 0.7 * sum(losses[:5])


def test_word_embeddings_stay_frozen(work: Path) -> None:
    course = begin(PLAN, tiny_model())
    before = course.model.encoder.embeddings.word_embeddings.weight.clone()
    step(course, load_data(work))
    assert torch.equal(course.model.encoder.embeddings.word_embeddings.weight, before)


def test_resumed_run_ends_as_an_uninterrupted_one(work: Path, tmp_path: Path) -> None:
    data = load_data(work)
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
    whole = begin(PLAN, tiny_model())
    fit(whole, data, tmp_path / "whole", quiet)
    fit(begin(PLAN, tiny_model()), data, tmp_path / "parts", quiet, until=3)
    resumed = begin(PLAN, tiny_model())
    torch.manual_seed(99)
    fit(resumed, data, tmp_path / "parts", quiet)
    assert resumed.step == 6
    assert all(torch.equal(value, state_of(whole)[name]) for name, value in state_of(resumed).items())
    assert all(torch.equal(value, whole.average[name]) for name, value in resumed.average.items())


def test_checkpoint_of_another_plan_is_refused(work: Path, tmp_path: Path) -> None:
    begin(PLAN, tiny_model()).save(tmp_path / "checkpoint.pt")
    with pytest.raises(ValueError, match="another plan"):
        begin(replace(PLAN, loss="binary"), tiny_model()).load(tmp_path / "checkpoint.pt")


def test_exported_reader_scores_alike(work: Path, tmp_path: Path) -> None:
    model = tiny_model().eval()
    digest = export(model.kept(), PLAN, tiny_bert(), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    weights = load_file(tmp_path / "model.safetensors")
    again = restore(config, weights, model.encoder.embeddings.word_embeddings.weight)
    pairs = [lay_out([5, 6, i], [9, 10 + i], [11]) for i in range(6)]
    with torch.inference_mode():
        torch.testing.assert_close(again.score(pairs), model.score(pairs), atol=5e-3, rtol=5e-3)
    assert Plan.of(config["plan"]) == PLAN
    assert config["sha256"] == digest
    assert not any("word_embeddings" in name for name in torch_names(tmp_path))


def torch_names(folder: Path) -> Sequence[str]:
    from safetensors import safe_open

    with safe_open(folder / "model.safetensors", framework="pt") as file:
        return list(file.keys())


def test_steps_visit_every_question_once_a_pass(work: Path) -> None:
    examples = load_data(work).train
    seen = [e.id for i in range(5) for e in questions_at(i, examples, PLAN)]
    assert sorted(seen[:20]) == sorted(e.id for e in examples)
    assert sorted(seen[60:80]) == sorted(e.id for e in examples)
    assert [e.id for e in questions_at(1, examples, PLAN)] == seen[16:32]
    assert [e.id for e in questions_at(0, examples, replace(PLAN, passed=24))] == seen[24:40]


def test_draw_keeps_right_units_first_and_the_hardest_wrong_ones() -> None:
    example = Example("q", "squad", "train", (), (1, 2, 3, 4, 5, 6, 7, 8), 1)
    made = drawn(example, 5, random.Random(0))
    assert made.candidates[:3] == (1, 2, 3)
    assert len(made.candidates) == 5
    assert made.n_right == 1


def test_of_the_searched_units_those_that_score_highest_are_kept() -> None:
    example = Example("q", "squad", "train", (), (1, 2, 3, 4, 5, 6, 7), 2)
    made = hardest(example, [0.0, 9.0, 1.0, 5.0, 2.0, 4.0, 3.0], 4)
    assert (made.candidates, made.n_right) == ((1, 2, 4, 6), 2)
    unanswered = hardest(replace(example, n_right=0), [0.0, 9.0, 1.0, 5.0, 2.0, 4.0, 3.0], 2)
    assert (unanswered.candidates, unanswered.n_right) == ((2, 4), 0)


def test_a_step_that_searches_scores_as_many_as_one_that_does_not(work: Path) -> None:
    data = load_data(work)
    course = begin(replace(PLAN, steps=30, candidates=3, searched=6), tiny_model())
    losses, counts = zip(*(step(course, data) for _ in range(30)), strict=True)
    assert max(counts) <= 3 * PLAN.questions
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])


def test_another_model_may_seek_the_units_that_a_step_trains_against(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, ...]] = []

    def remember(example: Example, scores: Sequence[float], n: int) -> Example:
        seen.append(example.candidates)
        assert list(scores) == sorted(scores)  # those of the seeker, not of the model
        return hardest(example, scores, n)

    class Seeker(CrossEncoder):
        def score(self, pairs: Sequence[Pair]) -> Tensor:
            return torch.arange(len(pairs))

    monkeypatch.setattr("evals.training.reader.train.hardest", remember)
    course = begin(replace(PLAN, candidates=3, searched=6), tiny_model())
    course.seeker = Seeker(tiny_bert(), TINY)
    step(course, load_data(work))
    assert len(seen) == PLAN.questions


@pytest.mark.slow
def test_an_exported_model_is_loaded_to_score_as_it_does() -> None:
    pairs = [("Who signed it?", "Envoys signed it in Oslo."), ("Who signed it?", "Rain fell.")]
    packaged = PackagedCrossEncoder(MODELS / "reader", dtype="float32")
    model = exported(MODELS / "reader")
    room, tokenizer = Room(**packaged.config["room"]), packaged_tokenizer()
    cut = [encode(tokenizer, [*pair, ""]) for pair in pairs]
    laid = [lay_out(question, text, context, room) for question, text, context in cut]
    with torch.inference_mode():
        scores = (model.score(laid) - model.null).tolist()
    assert scores == pytest.approx(packaged.score(pairs), abs=1e-4)


def test_right_units_are_those_that_share_the_questions_words() -> None:
    units = [unit("He was born in 1950."), unit("The treaty on missiles was signed in 1950.", 1)]
    assert right_units("When was the treaty on missiles signed?", units, ["1950"]) == [units[1]]
    assert right_units("When?", units, ["1951"]) == []


def test_swap_moves_the_year() -> None:
    other = swap("Who signed the treaty in 1950?", ["Atlantis"], random.Random(0))
    assert other is not None
    assert other.startswith("Who signed the treaty in 19")
    assert "1950" not in other


def test_dated_question_has_a_true_and_a_false_twin() -> None:
    pair = dated("Who flew to Rome?", "Laval flew to Rome in 1935.", ["Laval"], random.Random(0))
    assert pair is not None
    assert pair.right == "Who flew to Rome in 1935?"
    assert "1935" not in pair.wrong
    assert dated("When did Laval fly?", "Laval flew in 1935.", ["1935"], random.Random(0)) is None


def test_search_query_gets_the_capitals_of_the_text() -> None:
    assert cased("who leads north korea", "North Korea is led by Kim.") == "who leads North Korea"


def test_cloze_asks_for_what_was_taken_away() -> None:
    sentence = "In October 1962 the government of the island agreed to remove 42 missiles under inspection by Sweden."
    assert is_factual(sentence)
    found = {sentence[gap.start : gap.end]: gap.word for gap in gaps(sentence)}
    assert found["October 1962"] == "when"
    assert found["42"] == "how many"
    question = keyword_question(sentence, gaps(sentence)[0], random.Random(1))
    assert question is not None
    assert question.lower().startswith("when ")
    assert "1962" not in question


def test_speeches_are_unwrapped_by_paragraph() -> None:
    assert unwrapped("We thank \nthe host.\n\nIn 2013 \nwe met.") == "We thank the host.\n\nIn 2013 we met."


def test_search_prefers_the_unit_that_shares_rare_words() -> None:
    units = [unit("The talks began."), unit("The talks on grain began in Geneva.", 1), unit("It rained.", 2)]
    assert UnitSearch(units).best("When did talks on grain begin?", k=2) == [units[1], units[0]]


def test_units_carry_what_stands_before() -> None:
    made = units_of(Text("d", "Visit", "Putin landed in Beijing. He will go to Harbin."), counter(packaged_tokenizer()))
    assert [u.text for u in made] == ["Putin landed in Beijing.", "He will go to Harbin."]
    assert [u.before for u in made] == ["", "Putin landed in Beijing."]


def benchmark(folder: Path, name: str, texts: Sequence[dict[str, str]], rows: Sequence[dict[str, object]]) -> None:
    (folder / name).mkdir()
    for file, lines in (("corpus.jsonl", texts), ("questions.jsonl", rows)):
        (folder / name / file).write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight SQuAD articles of one paragraph, eight NQ passages, four speeches."""
    folder = tmp_path_factory.mktemp("data")
    texts = [{"id": f"a{i}", "title": f"Article {i}", "text": f"Treaty {i} was signed in 19{50 + i}. Ohio cheered. "
              f"Peru{i} had doubts about it."} for i in range(8)]  # fmt: skip
    rows = [{"id": f"s{i}{'yn'[n]}", "question": f"When was treaty {i} {'signed' if n == 0 else 'burnt'}?",
             "answers": [f"19{50 + i}"] if n == 0 else [], "doc_ids": [f"a{i}"], "answerable": n == 0}
            for i in range(8) for n in range(2)]  # fmt: skip
    benchmark(folder, "squad2_dev", texts, rows)
    asked = [{"id": f"n{i}", "question": f"who leads land {i % 7}", "answers": [f"Leader{i}"], "doc_ids": [f"a{i}"],
              "answerable": True} for i in range(8)]  # fmt: skip
    texts = [{**text, "text": f"Leader{i} leads land {i % 7}. It is large."} for i, text in enumerate(texts)]
    benchmark(folder, "nq_open_oracle", texts, asked)
    speech = "The republic of the north signed an accord on water with the people of Chile in 1999. It held for long."
    for name in ("ungdc_2013_2024", "us_state_historian"):
        texts = [{"id": f"{name}{i}", "title": "A speech", "text": speech.replace("1999", f"199{i}")} for i in range(4)]
        benchmark(folder, name, texts, [])
    return folder


TRAINED = {
    "squad2_dev": frozenset(f"s{i}{kind}" for i in range(4) for kind in "yn"),
    "nq_open_oracle": frozenset(f"n{i}" for i in range(4)),
}


def test_prepared_data_hold_no_held_out_question(data: Path, tmp_path: Path) -> None:
    tokenizer = packaged_tokenizer()
    made = list(prepare(data, TRAINED, counter(tokenizer), dev_articles=1, cloze=8, written=()))
    write(tmp_path, made, tokenizer)
    _, examples = read(tmp_path)
    ids = {e.id for e in examples if not e.kind.startswith("cloze")}
    assert ids
    assert ids <= TRAINED["squad2_dev"] | TRAINED["nq_open_oracle"]
    assert "n0" not in ids  # its words are those of n7, which is held out
    assert {"squad", "squad/unanswerable", "nq", "cloze"} <= {e.kind for e in examples}
    assert not any(u.doc in {f"a{i}" for i in range(4, 8)} for a in made if a.kind.startswith("squad")
                   for u in (*a.right, *a.wrong))  # fmt: skip


def test_development_articles_are_not_trained_on(data: Path) -> None:
    made = list(prepare(data, TRAINED, counter(packaged_tokenizer()), dev_articles=1, cloze=0, written=()))
    squad = [a for a in made if a.kind.startswith("squad")]
    shown = {split: {u.doc for a in squad if a.split == split for u in (*a.right, *a.wrong)}
             for split in ("train", "dev")}  # fmt: skip
    assert len(shown["dev"]) == 1
    assert not shown["dev"] & shown["train"]


def test_null_examples_show_no_right_unit(data: Path) -> None:
    made = list(prepare(data, TRAINED, counter(packaged_tokenizer()), dev_articles=1, cloze=8, written=()))
    for one in made:
        is_null = one.kind.partition("/")[2] in ("unanswerable", "removed", "swapped", "outside")
        assert is_null == (not one.right)
        assert not set(one.right) & set(one.wrong)


def scored(kind: str, right: tuple[bool, ...], scores: list[float]) -> Scored:
    return Scored(kind, "group", right, {"reader": scores}, {"reader": max(scores)})


def test_measures_are_those_counted_by_hand() -> None:
    found = [
        scored("squad2_dev", (False, True, False), [0.1, 0.9, 0.2]),
        scored("squad2_dev", (False, True, False), [0.8, 0.5, 0.2]),
        scored("squad2_dev", (False, False, True), [0.3, 0.3, 0.3]),
        scored("squad2_dev/unanswerable", (False, False), [0.6, 0.1]),
    ]
    assert right_within(found[:3], "reader", 1).value == pytest.approx(1 / 3)
    assert right_within(found[:3], "reader", 2).value == pytest.approx(2 / 3)
    measured = refusal(found, "reader")
    assert measured is not None
    assert measured.value == pytest.approx(2 / 3)  # .9 and .8 above .6, .3 below


def test_half_of_the_questions_train_by_their_digest() -> None:
    assert not in_training_half("a")  # sha256 ca97...
    assert in_training_half("b")  # sha256 3e23...
    assert sum(map(in_training_half, map(str, range(1000)))) == pytest.approx(500, abs=60)


def test_packaged_list_names_whole_training_halves() -> None:
    assert {name: len(ids) for name, ids in trained_ids().items()} == {"squad2_dev": 6255, "nq_open_oracle": 1066}


def test_data_are_parted_by_split(work: Path) -> None:
    data = load_data(work)
    assert isinstance(data, Data)
    assert (len(data.train), len(data.dev)) == (20, 8)


def written(question: str, kind: Kind, *right: int) -> Written:
    return Written("us_state_historian", "essay", 1, 3, 5, right, kind, question)


@pytest.fixture
def essay(tmp_path: Path) -> Path:
    """One essay of five sentences, of which a window of three is asked about."""
    text = "It began early. Envoys met in Oslo. They signed a pact on fish. The king stayed at home. It ended late."
    folder = tmp_path / "us_state_historian"
    folder.mkdir()
    row = {"id": "essay", "title": "Fish", "text": text}
    (folder / "corpus.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    return tmp_path


def test_written_questions_are_asked_of_their_window(essay: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [written("Which town hosted the talks?", "paraphrase", 0), written("Who hosted the talks?", "near_miss")]
    monkeypatch.setattr("evals.training.reader.written.DEV_EVERY", 10**9)
    count = counter(packaged_tokenizer())
    dev = list(written_examples(essay, asked, count, random.Random(0)))
    assert [(e.kind, e.split) for e in dev] == [("written", "dev"), ("written/near_miss", "dev")]  # the first document
    assert [unit.text for unit in dev[0].right] == ["Envoys met in Oslo."]
    window = {"Envoys met in Oslo.", "They signed a pact on fish.", "The king stayed at home."}
    assert {unit.text for unit in (*dev[0].right, *dev[0].wrong)} == window
    assert dev[1].right == ()
    assert {unit.text for unit in dev[1].wrong} == window


def test_places_of_a_document_that_is_cut_otherwise_are_refused(essay: Path) -> None:
    asked = [replace(written("Who hosted the talks?", "near_miss"), units=4)]
    with pytest.raises(ValueError, match="essay is cut into 5 units, not 4"):
        list(written_examples(essay, asked, counter(packaged_tokenizer()), random.Random(0)))


def test_answers_are_taken_away_until_an_opening_word_tells_nothing() -> None:
    asked = [written("Why so?", "paraphrase", 0)] * 4 + [written("Why not?", "near_miss")] * 3
    asked += [written("Who?", "paraphrase", 0), written("Who?", "near_miss"), written("Who?", "near_miss")]
    assert removed_shares((one.question, bool(one.right)) for one in asked) == {"why": 0.25, "who?": 0.0}


@pytest.mark.parametrize(
    ("path", "least", "sets"),
    [
        (QUESTIONS, 6_000, {"us_state_historian", "ungdc_2013_2024", "squad2_dev"}),
        (ARCHIVE, 6_000, {"us_state_historian", "ungdc_2013_2024", "world_factbook"}),
        (ENCYCLOPEDIA, 6_000, {"squad1_train"}),
        (ARTICLES, 4_800, {"squad1_train"}),
        (SPEECHES, 1_900, {"ungdc_2013_2024", "world_factbook"}),
    ],
)
def test_written_questions_name_units_inside_their_windows(path: Path, least: int, sets: set[str]) -> None:
    asked = read_questions(path)
    assert len(asked) > least
    assert all(bool(one.right) == (one.kind not in ("near_miss", "false_premise")) for one in asked)
    assert all(0 <= place < one.size for one in asked for place in one.right)
    assert {one.set for one in asked} == sets


def test_no_document_is_asked_about_in_two_files() -> None:
    asked = [{one.doc for one in read_questions(path)} for path in FILES]
    assert sum(map(len, asked)) == len(set().union(*asked))


def test_windows_of_whole_articles_are_cut_from_what_was_fetched(tmp_path: Path) -> None:
    paragraphs = [{"context": f"Envoys met {n} in Oslo. They signed a pact {n}.", "qas": []} for n in range(3)]
    article = {"title": "Oslo%27s_talks", "paragraphs": paragraphs}
    (tmp_path / SQUAD1).parent.mkdir()
    (tmp_path / SQUAD1).write_text(json.dumps({"data": [article]}), encoding="utf-8")
    asked = [Written("squad1_train", "Oslo%27s_talks", first, 2, 6, (0,), "plain", "Who met?") for first in (0, 2)]
    found = windows(tmp_path, asked, counter(packaged_tokenizer()))
    assert {place: [unit.text for unit in window] for place, window in found.items()} == {
        ("Oslo%27s_talks", n): [f"Envoys met {n // 2} in Oslo.", f"They signed a pact {n // 2}."] for n in (0, 2)
    }
    assert found["Oslo%27s_talks", 0][0].title == "Oslo's talks"
