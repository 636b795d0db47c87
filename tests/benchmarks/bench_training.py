"""Training here beside `transformers.Trainer`, in one run: tokens per second, time to the same loss, peak memory.

    python -m tests.benchmarks.bench_training [--seconds 100] [--threads 2] [--preset micro] [--only ratio] [--rounds 2]

Speed    one preset, the same model and batch for both; each measurement in a process of its own, in turns. Muon's
         turning of each update costs some tokens a second, more on float32, and buys fewer steps: see Loss.
         Share of peak: the model's floating-point operations per second over those of a square matrix product in the
         same number type on this machine.
Compile  what torch.compile costs and gains.
Loss     the preset `nano` with a context of 64. The Trainer runs for `--seconds`, once with its default AdamW and once
         with nanoGPT's CPU recipe (batch 12, rate 1e-3, cosine); the lab's engine then runs until the validation loss
         that each of them reached. The Trainer's clock stands still while it is evaluated; the lab's own does not.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from typing import Any

import numpy as np
import torch

from labkit.core.results import Table

CONTEXT = 64
RECIPES = {
    "Trainer, its defaults": {},
    "Trainer, nanoGPT's recipe": {
        "learning_rate": 1e-3,
        "per_device_train_batch_size": 12,
        "lr_scheduler_type": "cosine",
        "warmup_steps": 100,
        "weight_decay": 0.1,
        "adam_beta2": 0.99,
    },
}
QUIET = {"report_to": "none", "save_strategy": "no", "logging_strategy": "no", "disable_tqdm": True, "seed": 0}


def prepared(job: dict[str, Any]) -> tuple[Any, Any, int]:
    """Model, data and context of a job."""
    from labkit.models import build, shape
    from labkit.text import dataset

    torch.set_num_threads(job["threads"])
    changes = {"context": job["context"]} if "context" in job else {}
    sizes = shape(job["preset"], **changes)
    data = dataset(job["corpus"], tokenizer=sizes.tokenizer, size=sizes.vocab)
    return build(job["preset"], vocab_size=data.vocab_size, seed=0, **changes), data, sizes.context


class Rows(torch.utils.data.Dataset):
    """Windows of text as the Trainer wants them; it shifts the labels itself."""

    def __init__(self, data: Any, count: int, context: int) -> None:
        self.ids = torch.from_numpy(data.batch(0, batch=count, context=context).ids[:, :context])

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return {"input_ids": self.ids[index], "labels": self.ids[index]}


def theirs(job: dict[str, Any]) -> dict[str, Any]:
    """Steps of `transformers.Trainer`, each with its time; the validation loss every `look` steps."""
    from transformers import Trainer, TrainerCallback, TrainingArguments

    from labkit.training import evaluate

    model, data, context = prepared(job)
    settings = {"per_device_train_batch_size": job["batch"], **job.get("recipe", {})}
    seen, ends, lost = [], [], [0.0]
    before = memory()

    class Clock(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            ends.append(time.perf_counter() - lost[0])
            if job["look"] and (state.global_step % job["look"] == 0 or state.global_step == job["steps"]):
                began = time.perf_counter()
                seen.append((ends[-1] - start, evaluate(model, data, context=context).nats_per_token))
                lost[0] += time.perf_counter() - began

    with tempfile.TemporaryDirectory() as folder:
        args = TrainingArguments(
            folder, max_steps=job["steps"], dataloader_pin_memory=False, use_cpu=not torch.cuda.is_available(),
            **QUIET, **settings,
        )  # fmt: skip
        rows = Rows(data, job["steps"] * settings["per_device_train_batch_size"], context)
        start = time.perf_counter()
        Trainer(model, args, train_dataset=rows, callbacks=[Clock()]).train()
    tokens = settings["per_device_train_batch_size"] * context
    return {"step": median_gap(ends), "tokens": tokens, "curve": seen, "memory": memory() - before}


def ours(job: dict[str, Any]) -> dict[str, Any]:
    """The same with the lab's engine."""
    from labkit.training import TrainConfig, steps

    model, data, _ = prepared(job)
    before, seen, ends = memory(), [], []
    config = TrainConfig(**job["config"])
    for step in steps(model, data, config):
        ends.append(step.seconds)
        if step.validation is not None:
            seen.append((step.seconds, step.validation))
    return {
        "step": median_gap(ends),
        "first": ends[0],
        "tokens": step.tokens // step.index,
        "curve": seen,
        "memory": memory() - before,
        "flops": flops_per_token(model, data.vocab_size),
        "dtype": str(step.state.dtype),
    }


def median_gap(ends: list[float]) -> float:
    """Seconds of a step; the first ones warm up."""
    return float(np.median(np.diff(ends[2:])))


def memory() -> float:
    """The most memory that this process has held, in 10⁶ bytes."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def flops_per_token(model: Any, vocab: int) -> float:
    """Multiplications and additions of a training step: 6 for each weight that is multiplied, and the attention's."""
    c = model.config
    matrices = sum(p.numel() for layer in model.model.layers for p in layer.parameters() if p.ndim == 2)
    return 6 * (matrices + vocab * c.hidden_size) + 6 * c.num_hidden_layers * c.hidden_size * c.max_position_embeddings


def peak(dtype: torch.dtype, size: int = 2048) -> float:
    """Floating-point operations per second of a square matrix product."""
    a = torch.randn(size, size).to(dtype)
    seconds = []
    for _ in range(8):
        start = time.perf_counter()
        a @ a
        seconds.append(time.perf_counter() - start)
    return 2 * size**3 / min(seconds)


def apart(kind: str, **job: Any) -> dict[str, Any]:
    """A job in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.bench_training", "--job", json.dumps({"kind": kind, **job})]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def ratio(common: dict[str, Any], rounds: int, preset: str) -> None:
    """Tokens per second and memory at one preset: the Trainer, the lab with the same optimizer, and with its own."""
    job = {**common, "preset": preset}
    config = {"steps": 12, "batch": 8, "validate_every": 0}
    sides = {
        "Trainer, AdamW": lambda: apart("theirs", batch=8, steps=12, look=0, **job),
        "labkit, AdamW": lambda: apart("ours", config={**config, "optimizer": "adamw"}, **job),
        "labkit, Muon": lambda: apart("ours", config=config, **job),
    }
    seen = {name: [] for name in sides}
    for _ in range(rounds):
        for name, measure in sides.items():
            seen[name].append(measure())
    fast = {name: max(one["tokens"] / one["step"] for one in all_of) for name, all_of in seen.items()}
    held = {name: min(one["memory"] for one in all_of) for name, all_of in seen.items()}
    trainer = fast["Trainer, AdamW"]
    rows = [{f"{preset}, batch 8": name, "tokens/s": f"{fast[name]:,.0f}", "ratio": f"{fast[name] / trainer:.2f}",
             "peak memory above start (MB)": f"{held[name]:,.0f}"} for name in sides]  # fmt: skip
    print(Table.of(rows).frame().to_string(index=False), "\n", flush=True)


def share_of_peak(common: dict[str, Any]) -> None:
    """Of the machine's products per second, at each preset."""
    rows = []
    for preset, batch in (("nano", 16), ("micro", 8), ("mini", 2)):
        got = apart("ours", **{**common, "preset": preset}, config={"steps": 8, "batch": batch, "validate_every": 0})
        able = peak(getattr(torch, got["dtype"].removeprefix("torch.")))
        rate = got["tokens"] / got["step"]
        rows.append({"preset": preset, "batch": batch, "tokens/s": f"{rate:,.0f}", "number type": got["dtype"],
                     "GFLOP/s": f"{rate * got['flops'] / 1e9:.0f}", "peak GFLOP/s": f"{able / 1e9:.0f}",
                     "share of peak": f"{rate * got['flops'] / able:.2f}"})  # fmt: skip
    print(Table.of(rows).frame().to_string(index=False) + "\n", flush=True)


def compiling(common: dict[str, Any]) -> None:
    """What torch.compile costs and gains at `nano`."""
    rows = []
    for way in (False, True):
        config = {"steps": 30, "batch": 16, "validate_every": 0, "compile": way}
        got = apart("ours", **{**common, "preset": "nano", "context": CONTEXT}, config=config)
        rows.append({"nano, batch 16": "compiled" if way else "as it is", "step (ms)": f"{1e3 * got['step']:.1f}",
                     "first step (s)": f"{got['first']:.1f}"})  # fmt: skip
    print(Table.of(rows).frame().to_string(index=False) + "\n", flush=True)


def race(common: dict[str, Any], seconds: float) -> None:
    """Time to the loss that the Trainer reaches in `seconds`; both curves."""
    job = {**common, "preset": "nano", "context": CONTEXT, "batch": 8}
    curves, rows = {}, []
    for name, recipe in RECIPES.items():
        step = apart("theirs", recipe={**recipe, "warmup_steps": 0}, steps=20, look=0, **job)["step"]
        total = max(40, int(seconds / step))
        slow = apart("theirs", recipe=recipe, steps=total, look=max(1, total // 12), **job)
        goal = slow["curve"][-1][1]
        fast = apart("ours", config={"until_loss": goal, "minutes": seconds / 60}, **job)
        took, needed = slow["curve"][-1][0], fast["curve"][-1][0]
        reached = fast["curve"][-1][1] <= goal
        ratio = f"{needed / took:.3f}" if reached else "loss not reached"
        rows.append({"until": name, "loss (nats)": f"{goal:.3f}", "Trainer (s)": f"{took:.1f}",
                     "labkit (s)": f"{needed:.1f}", "ratio": ratio})  # fmt: skip
        curves[name], curves[f"labkit, until the loss of {name}"] = slow["curve"], fast["curve"]
        print(Table.of(rows[-1:]).frame().to_string(index=False), flush=True)
    for name, curve in curves.items():
        print(f"\n{name}\n  seconds  validation loss")
        for at, loss in curve[:: max(1, len(curve) // 14)]:
            print(f"  {at:7.1f}  {loss:6.3f}  " + "█" * int(loss * 12))


def main() -> None:
    """Print the tables and the curves."""
    ask = argparse.ArgumentParser()
    ask.add_argument("--seconds", type=float, default=100)
    ask.add_argument("--threads", type=int, default=2)
    ask.add_argument("--rounds", type=int, default=2)
    ask.add_argument("--corpus", default="sotu")
    ask.add_argument("--preset", default="micro")
    ask.add_argument("--only", choices=("ratio", "speed", "race"))
    ask.add_argument("--job", help=argparse.SUPPRESS)
    given = ask.parse_args()
    if given.job:
        job = json.loads(given.job)
        print(json.dumps({"theirs": theirs, "ours": ours}[job.pop("kind")](job)))
        return
    torch.set_num_threads(given.threads)
    common = {"threads": given.threads, "corpus": given.corpus}
    if given.only != "race":
        ratio(common, given.rounds, given.preset)
    if given.only in (None, "speed"):
        share_of_peak(common)
        compiling(common)
    if given.only in (None, "race"):
        race(common, given.seconds)


if __name__ == "__main__":
    main()
