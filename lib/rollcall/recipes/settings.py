"""What a recipe says, and in which ranges."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Literal, get_args

from rollcall.recipes.privacy import Privacy, read_privacy
from rollcall.util.errors import InputError

Precision = Literal["auto", "float32", "bf16"]
Schedule = Literal["cosine", "paper"]
OptimiserName = Literal["adamw", "sgd"]


@dataclass(frozen=True)
class Recipe:
    """Everything that decides how one target is trained, but the data, its members and its seed.

    model          name in rollcall.models, or FILE.py:NAME, timm:NAME, torchvision:NAME
                   (docs/own-models.md), with its `settings`
    epochs         passes over the members: every target takes about epochs * records / 2 / batch
                   batches, all of them full
    batch          records per (micro-)batch
    accumulate     batches whose gradients are averaged for one step of the optimiser
    optimiser      "adamw" or "sgd" (heavy ball: v <- momentum v - lr g, w <- w + v); weight decay
                   is decoupled in both and applies to every tensor: w <- w - lr * weight_decay * w
    warmup         fraction of the steps over which the learning rate rises linearly
    schedule       "cosine": after the warm-up half a cosine to 0.
                   "paper": cos(7 pi t / 16) * min(1, t / warmup), t from 0 to 1
    ema            decay per batch of the moving average of the weights that is kept in the end;
                   0: the last weights themselves
    augment        policy of rollcall.training.augmentation for training images
    views          stored views of each record: the clean image and views - 1 fixed draws of
                   `augment`, the same for all targets
    stack          targets that train side by side. Part of the recipe, so that a target trained
                   alone goes through the same arithmetic as one in a full stack: the same logits
    precision      of training: "float32"; "bf16" (products in bf16; heads, losses, weights and
                   stored logits in float32); or "auto": bf16 where the device multiplies it faster
                   and the family is one for which it was measured harmless.
                   Decided once for a run, by the first worker, in run.json
    cohort         options of the cohort that go with the recipe (`rules = "paper"`)
    privacy        training with differential privacy: rollcall.recipes.privacy. Then `batch` is the
                   expected number of units (patients, or records) of a step, `epochs` counts
                   passes over these, and they are drawn anew, each by itself, for every step.
                   Empty: none

    Rollcall notes beside them, and no recipe may set:

    files          sha256 of the files of a network that a user brings, by name
    sources        where on this machine the network's file and the recipe's are; no part of a run's
                   identity

    InputError, naming the setting, if a value is out of its range; also when read back from a run.
    """

    model: str
    epochs: int
    batch: int
    learning_rate: float
    settings: dict = field(default_factory=dict)
    optimiser: OptimiserName = "adamw"
    weight_decay: float = 0.0
    momentum: float = 0.9
    warmup: float = 0.05
    schedule: Schedule = "cosine"
    accumulate: int = 1
    ema: float = 0.0
    augment: str = "none"
    views: int = 1
    stack: int = 8
    precision: Precision = "auto"
    cohort: dict = field(default_factory=dict)
    privacy: dict = field(default_factory=dict)
    files: dict = field(default_factory=dict)
    sources: dict = field(default_factory=dict, compare=False)

    def __post_init__(self):
        precisions, optimisers, schedules = map(get_args, (Precision, OptimiserName, Schedule))
        for name, is_valid, expected in (
            ("epochs", self.epochs > 0, "above 0"),
            ("batch", self.batch >= 1, "at least 1"),
            ("learning_rate", self.learning_rate > 0, "above 0"),
            ("weight_decay", self.weight_decay >= 0, "0 or more"),
            ("momentum", 0 <= self.momentum < 1, "from 0 to below 1"),
            ("warmup", 0 <= self.warmup < 1, "from 0 to below 1"),
            ("ema", 0 <= self.ema < 1, "from 0 to below 1"),
            ("accumulate", self.accumulate >= 1, "at least 1"),
            ("views", self.views >= 1, "at least 1"),
            ("stack", self.stack >= 1, "at least 1"),
            ("precision", self.precision in precisions, " or ".join(precisions)),
            ("optimiser", self.optimiser in optimisers, " or ".join(optimisers)),
            ("schedule", self.schedule in schedules, " or ".join(schedules)),
        ):
            if not is_valid:
                raise InputError(f"recipe: {name} is {getattr(self, name)!r}, expected {expected}")

        private = read_privacy(self.privacy)
        if private and private.augmentations > 1 and self.augment == "none":
            raise InputError(
                f"recipe: privacy.augmentations is {private.augmentations}, and augment is 'none'; "
                "expected 1, or an augmentation"
            )
        object.__setattr__(self, "privacy", private.asdict() if private else {})

    @property
    def private(self) -> Privacy | None:
        """What the recipe says of differential privacy; None if it is trained without."""
        return read_privacy(self.privacy)

    def asdict(self) -> dict:
        """Return the recipe as run.json keeps it, and compares it: without what is beside it.

        What came with a later version is there only where it is used: older runs stay the same.
        """
        kept = asdict(self)
        del kept["sources"]
        return {key: kept[key] for key in kept if kept[key] or key not in ("files", "privacy")}
