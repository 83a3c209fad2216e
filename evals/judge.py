"""Let an LLM judge the answers of a report: faithfulness and answer relevance as DeepEval defines them.

    python -m venv .venv-judge && .venv-judge/bin/pip install '.[judge]' langchain-openai
    .venv-judge/bin/python -m evals.judge REPORT.json --model openai:gpt-4o-mini-2024-07-18 [--limit N] [--json OUT]

The output names the judge: give a dated model, since figures of a judge that changes cannot be compared. Faithfulness
is the share of an answer's claims that its evidence does not contradict, relevance the share of its statements that
bear on the question. Refusals are not judged. Source: DeepEval 4.3, FaithfulnessMetric and AnswerRelevancyMetric.
"""

from __future__ import annotations

import argparse
import json
import os
import random
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.evaluation.compare import read_report
from rag.evaluation.records import Measured, QuestionRecord
from rag.evaluation.statistics import bootstrap_mean

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

MISSING = "the judge needs DeepEval: pip install 'geobrief[judge]', in an environment of its own"


def main() -> None:
    """Judge a sample of a system's answers and print the means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=Path)
    parser.add_argument("--model", required=True, help="provider:name, as langchain's init_chat_model takes it")
    parser.add_argument("--system", default="full")
    parser.add_argument(
        "--limit", type=int, default=100, help="answers judged, drawn by seed 0; each costs about 3 calls"
    )
    parser.add_argument("--json", type=Path, help="write every verdict")
    arguments = parser.parse_args()
    from langchain.chat_models import init_chat_model

    records = answered(read_report(arguments.report).records, arguments.system, arguments.limit)
    judge = init_chat_model(arguments.model, temperature=0)
    verdicts = judged(records, judge, name=arguments.model)
    print(f"judge {arguments.model}, deepeval {version('deepeval')}; {arguments.system}, {len(records)} answers")
    for name, measured in summary(records, verdicts).items():
        print(
            f"{name:18} {measured.value:.3f} [{measured.low:.3f}, {measured.high:.3f}]  n {measured.n}/{len(records)}"
        )
    if arguments.json:
        rows = [{"id": record.id, **verdict} for record, verdict in zip(records, verdicts, strict=True)]
        result = {
            "judge": arguments.model,
            "deepeval": version("deepeval"),
            "system": arguments.system,
            "verdicts": rows,
        }
        arguments.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def answered(records: Sequence[QuestionRecord], system: str, limit: int) -> list[QuestionRecord]:
    """Draw at most `limit` answers of a system; refusals are left out."""
    found = [r for r in records if r.system == system and r.said is not None and not r.said.abstained]
    return random.Random(0).sample(found, min(limit, len(found)))


def judged(records: Sequence[QuestionRecord], judge: BaseChatModel, *, name: str) -> list[dict[str, float | None]]:
    """Return faithfulness and relevance of each answer; None where the judge's reply could not be used."""
    os.environ["DEEPEVAL_TELEMETRY_OPT_OUT"] = "YES"  # read when it is imported
    try:
        from deepeval.metrics import AnswerRelevancyMetric, FaithfulnessMetric
        from deepeval.test_case import LLMTestCase
    except ImportError as error:
        raise SystemExit(MISSING) from error
    options = {"model": _model(judge, name), "async_mode": False, "include_reason": False}
    metrics = {"faithfulness": FaithfulnessMetric(**options), "answer_relevance": AnswerRelevancyMetric(**options)}
    verdicts = []
    for record in records:
        assert record.said is not None
        contexts = evidence(record)
        asked = record.standalone_question or record.question
        case = LLMTestCase(input=asked, actual_output=record.said.text, retrieval_context=contexts)
        verdicts.append({metric: _verdict(measure, case) for metric, measure in metrics.items()})
    return verdicts


def evidence(record: QuestionRecord) -> list[str]:
    """Return what an answer was drawn from, as far as the record has it: what it cites, then what was found.

    What was found is of the whole corpus, and need not hold what an answer from the gold documents alone cites.
    """
    said = record.said.sentences if record.said else ()
    cited = [cited.source or cited.quote for sentence in said for cited in sentence.citations]
    found = [hit.text for hit in record.hits if hit.text]
    return [*(text for text in dict.fromkeys(cited) if not any(text in passage for passage in found)), *found]


def _model(judge: BaseChatModel, name: str) -> Any:
    """Give DeepEval any chat model of langchain's."""
    from deepeval.models import DeepEvalBaseLLM

    class Judge(DeepEvalBaseLLM):  # type: ignore[misc, unused-ignore]
        def load_model(self) -> BaseChatModel:
            return judge

        def generate(self, prompt: str) -> str:
            return str(judge.invoke(prompt).content)

        async def a_generate(self, prompt: str) -> str:
            return self.generate(prompt)

        def get_model_name(self) -> str:
            return name

    return Judge()


def _verdict(metric: Any, case: Any) -> float | None:
    """Ask for one verdict; a reply that is not of the form asked for is no verdict, and not 0."""
    from deepeval.errors import DeepEvalError

    try:
        return float(metric.measure(case, _show_indicator=False))
    except (DeepEvalError, ValueError, KeyError, TypeError):
        return None


def summary(records: Sequence[QuestionRecord], verdicts: Sequence[Mapping[str, float | None]]) -> dict[str, Measured]:
    """Mean of each verdict with its interval, over the answers that have one."""
    names = dict.fromkeys(name for verdict in verdicts for name in verdict)
    values = {name: [verdict.get(name) for verdict in verdicts] for name in names}
    scored = {name: column for name, column in values.items() if any(value is not None for value in column)}
    groups = [record.group for record in records]
    return {name: bootstrap_mean(column, groups) for name, column in scored.items()}


if __name__ == "__main__":
    main()
