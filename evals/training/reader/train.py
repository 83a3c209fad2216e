"""Train the reader on prepared data, with checkpoints; started again, it goes on.

    python -m evals.training.reader.train --work WORK [--name NAME] [--hours 1.0] [--threads 2]

The number of steps is planned once, from --hours and the speed of a short try, or given by --steps. A run lies in
WORK/runs/NAME: plan.json, checkpoint.pt, averaged.safetensors (written with each checkpoint), log.jsonl.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import get_args

import torch

from evals.training.reader.course import CHECKPOINT, Course, Plan, begin, hardest, keep, logger, questions_at
from evals.training.reader.development import figures
from evals.training.reader.examples import Example, Store, read
from evals.training.reader.model import LOSSES, Loss, exported, from_packaged
from rag.embedding import native_dtype
from rag.encoder import CrossEncoder, Pooling, Room, Shape

QUESTIONS_A_PASS = 16
CHECKPOINT_S = 300.0
DEVELOPMENT_S = 1_800.0
LOG_STEPS = 10


@dataclass(frozen=True)
class Data:
    """Prepared examples by split, with the units they point into."""

    store: Store
    train: tuple[Example, ...]
    dev: tuple[Example, ...]


def load_data(work: Path) -> Data:
    """Read the prepared data of a folder."""
    store, examples = read(work)
    train, dev = (tuple(e for e in examples if e.split == split) for split in ("train", "dev"))
    return Data(store, train, dev)


def step(course: Course, data: Data) -> tuple[float, int]:
    """Make one update. Returns the mean loss of its questions and the number of pairs scored."""
    plan, model = course.plan, course.model
    asked = list(questions_at(course.step, data.train, plan))
    total, n_pairs = 0.0, 0
    for start in range(0, len(asked), QUESTIONS_A_PASS):
        some = asked[start : start + QUESTIONS_A_PASS]
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=native_dtype() == "bfloat16"):
            chosen = _hardest(course.seeker or model, some, data.store, plan) if plan.searched else some
            loss, n = _pass(model.train(), chosen, data.store, plan)
        (loss / len(asked)).backward()  # type: ignore[no-untyped-call]
        total, n_pairs = total + float(loss.detach()), n_pairs + n
    torch.nn.utils.clip_grad_norm_(model.kept().values(), 1.0)
    for group in course.optimiser.param_groups:
        group["lr"] = group["initial_lr"] * plan.lr_share(course.step)
    course.optimiser.step()
    course.optimiser.zero_grad()
    course.step += 1
    _average(course)
    return total / len(asked), n_pairs


def _hardest(model: CrossEncoder, asked: Sequence[Example], store: Store, plan: Plan) -> list[Example]:
    """Keep of each question the wrong units that a model, as it stands, takes for answers most."""
    with torch.inference_mode():
        scores = _scores(model.eval(), asked, store, plan)
    return [hardest(e, mine.tolist(), plan.candidates) for e, mine in zip(asked, scores, strict=True)]


def _scores(model: CrossEncoder, asked: Sequence[Example], store: Store, plan: Plan) -> tuple[torch.Tensor, ...]:
    """Score the candidates of some questions together."""
    pairs = [pair for e in asked for pair in e.pairs(store, plan.room)]
    return torch.split(model.score(pairs), [len(e.candidates) for e in asked])


def _pass(model: CrossEncoder, asked: Sequence[Example], store: Store, plan: Plan) -> tuple[torch.Tensor, int]:
    """Score some questions together and sum their losses. Returns the sum and the number of pairs."""
    loss = LOSSES[plan.loss]
    scores = _scores(model, asked, store, plan)
    losses = [loss(mine, model.null, e.n_right) for mine, e in zip(scores, asked, strict=True)]
    return torch.stack(losses).sum(), sum(len(e.candidates) for e in asked)


def _average(course: Course) -> None:
    decay = min(course.plan.averaging, (1 + course.step) / (10 + course.step))
    with torch.no_grad():
        for name, parameter in course.model.kept().items():
            course.average[name].lerp_(parameter, 1 - decay)


def fit(course: Course, data: Data, folder: Path, log: Callable[..., None], *, until: int | None = None) -> None:
    """Go on to the end of the plan, or to a step, from the folder's checkpoint if there is one."""
    checkpoint = folder / CHECKPOINT
    if checkpoint.exists():
        course.load(checkpoint)
    end = course.plan.steps if until is None else until
    saved = measured = since = time.monotonic()
    losses: list[float] = []
    pairs = 0
    while course.step < end:
        loss, n = step(course, data)
        losses, pairs, now = [*losses, loss], pairs + n, time.monotonic()
        if course.step % LOG_STEPS == 0:
            log(step=course.step, of=course.plan.steps, loss=sum(losses) / len(losses), pairs_a_s=pairs / (now - since))
            losses, pairs, since = [], 0, now
        if now - measured > DEVELOPMENT_S and course.step < course.plan.steps:
            _develop(course, data, log)
            measured = since = time.monotonic()
        if now - saved > CHECKPOINT_S:
            keep(course, folder)
            saved = time.monotonic()
    if course.step == course.plan.steps:
        _develop(course, data, log)
    keep(course, folder)


def _develop(course: Course, data: Data, log: Callable[..., None]) -> None:
    """Log the figures of the averaged weights. They choose nothing: they differ by less than their noise."""
    for found in figures(course.model, course.average, data.dev, data.store, course.plan.room):
        log(step=course.step, **asdict(found))


def pairs_a_second(course: Course, data: Data, *, steps: int = 3) -> float:
    """Measure training speed by some updates, which the caller throws away."""
    step(course, data)
    start = time.monotonic()
    pairs = sum(step(course, data)[1] for _ in range(steps))
    return pairs / (time.monotonic() - start)


def planned(wanted: Plan, data: Data, *, hours: float) -> Plan:
    """Set the steps of a plan to what fits in the hours at the speed of a short try."""
    course = begin(replace(wanted, steps=1_000), from_packaged(wanted.shape, wanted.start))
    speed = pairs_a_second(course, data)
    pairs = sum(min(len(e.candidates), wanted.candidates) for e in data.train) / len(data.train)
    steps = int(hours * 3600 * speed / (pairs * wanted.questions))
    print(f"{speed:.1f} pairs a second, {pairs:.1f} pairs a question: {steps} steps in {hours} h", flush=True)
    return replace(wanted, steps=max(1, steps))


def main() -> None:
    """Plan the run or take up its plan, then train to its end."""
    args = _arguments().parse_args()
    torch.set_num_threads(args.threads)
    data = load_data(args.work)
    folder = args.work / "runs" / args.name
    folder.mkdir(parents=True, exist_ok=True)
    plan = _plan(folder / "plan.json", args, data)
    course = begin(plan, from_packaged(plan.shape, plan.start))
    if plan.seeker:
        course.seeker = exported(Path(plan.seeker))
    fit(course, data, folder, logger(folder / "log.jsonl"))


def _plan(path: Path, args: argparse.Namespace, data: Data) -> Plan:
    """Take the plan of a run that was begun, or make one and keep it."""
    if path.exists():
        return Plan.of(json.loads(path.read_text(encoding="utf-8")))
    shape = Shape(layers=args.layers, pooling=args.pooling, dropout=args.dropout)
    room = Room(pair=args.tokens, context=args.context_tokens)
    wanted = Plan(args.steps or 0, shape, args.loss, room, args.questions, args.candidates)
    wanted = replace(wanted, seed=args.seed, start=args.start, keep_head=args.keep_head, lr_layers=args.lr)
    wanted = replace(wanted, searched=args.searched, passed=args.passed, seeker=args.seeker)
    plan = wanted if args.steps else planned(wanted, data, hours=args.hours)
    path.write_text(json.dumps(asdict(plan), indent=1) + "\n", encoding="utf-8")
    return plan


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder of the prepared data")
    parser.add_argument("--name", default="reader", help="name of the run: one a trial")
    parser.add_argument("--hours", type=float, default=1.0, help="what the plan should take")
    parser.add_argument("--steps", type=int, help="plan as many updates instead")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", default="", help="folder of an exported model to start from")
    parser.add_argument("--keep-head", action="store_true", help="start from its head too")
    parser.add_argument("--lr", type=float, default=Plan.lr_layers, help="highest learning rate of the layers")
    parser.add_argument("--loss", choices=get_args(Loss), default="listwise")
    parser.add_argument("--pooling", choices=get_args(Pooling), default="cls")
    parser.add_argument("--layers", type=int, choices=(4, 6, 12), default=6)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--questions", type=int, default=16, help="questions a step")
    parser.add_argument("--tokens", type=int, default=112, help="most tokens of an input")
    parser.add_argument("--candidates", type=int, default=8, help="most units a question is scored with")
    parser.add_argument("--searched", type=int, default=0, help="units among which the hardest are sought; 0 for none")
    parser.add_argument("--seeker", default="", help="folder of an exported model that seeks them")
    parser.add_argument("--passed", type=int, default=0, help="questions of an earlier run that are passed over")
    parser.add_argument("--context-tokens", type=int, default=32, help="most of title and what is before; 0 for none")
    return parser


if __name__ == "__main__":
    main()
