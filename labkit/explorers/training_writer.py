"""What a model in training writes now and then: the same prompt each time, so that one sees it learn.

Reads   a Plan, and Steps as they are done.
Gives   texts, noted in the run.
"""

from typing import Any

from labkit.core.errors import ModelError, OptionError
from labkit.core.seeds import derive
from labkit.training import Plan, Run, Step, add_sample

FIRST = 10
"""Steps before the first text; the number doubles from text to text."""
WRITTEN = 120
"""Tokens of a text at most."""


class Writer:
    """Has the model write a text now and then, for the run's samples."""

    def __init__(self, planned: Plan, prompt: str | None = None) -> None:
        self.planned, self.latest = planned, ""
        self.prompt = opening(planned) if prompt is None else prompt
        self._room = planned.sizes.context - len(planned.data.tokenizer(self.prompt)["input_ids"])
        if self._room < 1:
            raise OptionError(
                f"the prompt has {planned.sizes.context - self._room} tokens, but the model reads at most "
                f"{planned.sizes.context}; shorten it, so that there is room to write"
            )
        self._due = FIRST
        self._newest: Step | None = None

    def after(self, run: Run, step: Step) -> None:
        """Write if it is time."""
        self._newest = step
        if step.index >= self._due:
            while self._due <= step.index:
                self._due *= 2
            self._write(run, step)

    def last(self, run: Run) -> None:
        """Write once more at the end."""
        done = run.samples["step"]
        if self._newest is not None and (not done or done[-1] != self._newest.index):
            self._write(run, self._newest)

    def text(self, step: Step) -> str:
        """What the model writes after this step."""
        return write(self.planned, step.state.model, self.prompt, self._room)

    def _write(self, run: Run, step: Step) -> None:
        try:
            self.latest = self.text(step)
        except ModelError:  # weights that say nothing: the next step, or the look after the last, names the rate
            return
        add_sample(run, step.index, self.latest)


def opening(planned: Plan) -> str:
    """What the model is to continue: the beginning of a held-out window, whole words alone."""
    window = planned.data.batch(0, batch=1, context=planned.sizes.context, split="validation").ids[0]
    length = -(-len(window) // 2) if "world" in planned.source else min(40, 1 + len(window) // 3)
    text = planned.data.tokenizer.decode(window[:length].tolist(), skip_special_tokens=True)
    if "world" in planned.source:
        return text
    return " ".join(text.split(" ")[1:-1]).strip() or text or "The"


def write(planned: Plan, model: Any, prompt: str, room: int) -> str:
    """The prompt, a mark, and what the model writes after it; in a world its surest answer, else one draw."""
    from labkit.models import watch
    from labkit.sampling import sample
    from labkit.training.checkpoints import plain

    lm = watch("the model in training", plain(model), planned.data.tokenizer)
    heat = 0.0 if "world" in planned.source else 0.8
    seed = derive(planned.config.seed, "sample")
    texts = sample(lm, prompt, max_tokens=min(WRITTEN, room), temperature=heat, seed=seed)
    gap = " " if "world" in planned.source else ""
    return f"{prompt}▸{gap}{texts.texts[0].lstrip(' ') if gap else texts.texts[0]}"
