"""What a training run does and where it stands: its plan, its order of questions, its checkpoint."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import torch
from safetensors.torch import save_file
from torch import Tensor

from evals.training.reader.examples import Example
from evals.training.reader.model import Loss
from rag.encoder import CrossEncoder, Room, Shape, put

CHECKPOINT = "checkpoint.pt"
AVERAGED = "averaged.safetensors"


@dataclass(frozen=True)
class Plan:
    """The settings of a run; the same plan over the same data gives the same weights on the same machine.

    Attributes:
        steps: updates of the weights, of `questions` each.
        candidates: most units a question is scored with.
        searched: most units that the wrong ones among these are chosen from, as those that the model takes for answers
            most; 0 for the choice that was prepared.
        seeker: folder of an exported model that chooses the wrong ones instead: one that reads first what this one is
            to read again.
        room: how many tokens question, unit and context may have; a context of 0 shows the unit alone.
        start: folder of an exported model to start from; the packaged embedding model if empty.
        keep_head: whether to start from the head of that model too.
        averaging: decay of the average of the weights; it grows from 0 with the steps, (1 + t) / (10 + t).
        passed: questions that an earlier run over the same data, with the same seed, has been asked: they are passed
            over.
    """

    steps: int
    shape: Shape = field(default_factory=Shape)
    loss: Loss = "listwise"
    room: Room = field(default_factory=Room)
    questions: int = 16
    candidates: int = 8
    lr_layers: float = 6e-5
    lr_head: float = 3e-4
    decay: float = 0.01
    warm_up: float = 0.05
    averaging: float = 0.999
    seed: int = 0
    start: str = ""
    keep_head: bool = False
    searched: int = 0
    passed: int = 0
    seeker: str = ""

    def lr_share(self, step: int) -> float:
        """Share of the learning rate at a step: linear up in `warm_up` of the steps, then linear down to 0."""
        rising = max(1, round(self.warm_up * self.steps))
        return min((step + 1) / rising, max(0.0, (self.steps - step) / max(1, self.steps - rising)))

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Self:
        """Read what `asdict` made of a plan."""
        return cls(**{**kept, "shape": Shape(**kept["shape"]), "room": Room(**kept["room"])})


@dataclass
class Course:
    """A run as it stands after `step` updates."""

    plan: Plan
    model: CrossEncoder
    optimiser: torch.optim.AdamW
    average: dict[str, Tensor]
    step: int = 0
    seeker: CrossEncoder | None = None

    def save(self, path: Path) -> None:
        """Write everything that the next step depends on; a failure leaves the old file whole."""
        state = {
            "plan": json.dumps(asdict(self.plan)),
            "model": dict(self.model.kept()),
            "average": self.average,
            "optimiser": self.optimiser.state_dict(),
            "rng": torch.get_rng_state(),
            "step": self.step,
        }
        replace_file(path, lambda partial: torch.save(state, partial))

    def load(self, path: Path) -> None:
        """Go back to where a checkpoint of the same plan stands.

        Raises:
            ValueError: if the checkpoint is of another plan.
        """
        state: dict[str, Any] = torch.load(path, weights_only=True)
        if json.loads(state["plan"]) != asdict(self.plan):
            raise ValueError(f"{path} is of another plan, {state['plan']}; give this run another --name")
        put(self.model, state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        torch.set_rng_state(state["rng"])
        self.average, self.step = state["average"], state["step"]


def begin(plan: Plan, model: CrossEncoder) -> Course:
    """Start a run of a model; biases and layer norms are not decayed."""
    torch.manual_seed(plan.seed)
    if not plan.keep_head:
        with torch.no_grad():
            torch.nn.init.normal_(model.head.weight, std=0.02)
    groups: dict[tuple[float, float], list[Tensor]] = {}
    for name, parameter in model.kept().items():
        lr = plan.lr_layers if name.startswith(("encoder.", "last.")) else plan.lr_head
        groups.setdefault((lr, plan.decay if parameter.dim() > 1 else 0.0), []).append(parameter)
    made = [{"params": ps, "lr": lr, "initial_lr": lr, "weight_decay": decay} for (lr, decay), ps in groups.items()]
    average = {name: parameter.detach().clone() for name, parameter in model.kept().items()}
    return Course(plan, model, torch.optim.AdamW(made), average)


def keep(course: Course, folder: Path) -> None:
    """Write a run's checkpoint and its averaged weights."""
    course.save(folder / CHECKPOINT)
    replace_file(folder / AVERAGED, lambda partial: save_file(course.average, partial))


def logger(path: Path) -> Callable[..., None]:
    """Return what prints fields as a line of JSON, with the time, and appends it to a file."""

    def log(**fields: object) -> None:
        rounded = {name: round(value, 4) if isinstance(value, float) else value for name, value in fields.items()}
        line = json.dumps({"at": time.strftime("%H:%M:%S"), **rounded})
        print(line, flush=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    return log


def questions_at(step: int, examples: Sequence[Example], plan: Plan) -> Iterator[Example]:
    """Yield the questions of a step with their candidates drawn: a function of the step alone, so runs can resume.

    Each pass over the examples has its own order; right units come first, then a draw of the wrong ones.
    """
    first = plan.passed + step * plan.questions
    for place in range(first, first + plan.questions):
        turn, at = divmod(place, len(examples))
        example = examples[_order(len(examples), plan.seed + turn)[at]]
        yield drawn(example, max(plan.candidates, plan.searched), random.Random(f"{plan.seed} {place}"))


def hardest(example: Example, scores: Sequence[float], n: int) -> Example:
    """Keep the right units, and of the wrong ones those that score highest, `n` in all; right ones for half at most."""
    right = example.candidates[: example.n_right][: max(1, n // 2)]
    wrong = sorted(range(example.n_right, len(scores)), key=lambda i: -scores[i])[: n - len(right)]
    return replace(example, candidates=(*right, *(example.candidates[i] for i in wrong)), n_right=len(right))


def drawn(example: Example, n: int, rng: random.Random) -> Example:
    """Draw at most `n` candidates: right ones for half of the places at most; the hardest wrong ones, then any."""
    right, wrong = list(example.candidates[: example.n_right]), list(example.candidates[example.n_right :])
    right = rng.sample(right, min(len(right), max(1, n // 2)))
    room = n - len(right)
    hard = wrong[: (room + 1) // 2]
    rest = wrong[len(hard) :]
    chosen = [*right, *hard, *rng.sample(rest, min(len(rest), room - len(hard)))]
    return Example(example.id, example.kind, example.split, example.tokens, tuple(chosen), len(right))


_ORDERS: dict[tuple[int, int], list[int]] = {}


def _order(n: int, seed: int) -> list[int]:
    if (n, seed) not in _ORDERS:
        _ORDERS.clear()
        _ORDERS[n, seed] = random.Random(seed).sample(range(n), n)
    return _ORDERS[n, seed]


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file beside its place and then move it there."""
    partial = path.with_suffix(".partial")
    write(partial)
    os.replace(partial, path)
