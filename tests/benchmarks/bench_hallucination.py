"""Questions per second of `ask` beside a plain loop of transformers' `generate`, in one run; and where the time goes.

    python -m tests.benchmarks.bench_hallucination [--questions N] [--loop N] [--threads N] [--dtype float32]

Same model, number type, prompts, number of samples and longest answer; the loop asks question by question: once greedy,
once for all samples together, stops where every answer has ended, and keeps the scores of the greedy one. Its time for
all questions is that of `--loop` questions, spread evenly, in proportion. Semantic entropy is computed for both.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from typing import Any

from labkit.core.results import Table

SAMPLES, TOKENS = 10, 16


def timed(run: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of one call, and what it gives."""
    start = time.perf_counter()
    given = run()
    return time.perf_counter() - start, given


def plain_loop(lm: Any, questions: Any) -> list[float]:
    """Semantic entropies by `generate`, a question at a time."""
    import torch

    from labkit.hallucination import clusters, prompt_of

    entropies = []
    for question in questions:
        ids = lm.tokenizer(prompt_of(question), return_tensors="pt")
        size = ids["input_ids"].shape[1]
        same = {**ids, "max_new_tokens": TOKENS, "stop_strings": ["\n"], "tokenizer": lm.tokenizer,
                "pad_token_id": lm.tokenizer.eos_token_id}  # fmt: skip
        with torch.inference_mode():
            lm.model.generate(**same, do_sample=False, output_scores=True, return_dict_in_generate=True)
            drawn = lm.model.generate(**same, do_sample=True, temperature=1.0, top_k=0, num_return_sequences=SAMPLES)
        texts = [lm.tokenizer.decode(row[size:], skip_special_tokens=True).split("\n")[0] for row in drawn]
        entropies.append(clusters.entropy(clusters.same_words(texts)))
    return entropies


def main() -> None:
    """Print both tables."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--questions", type=int, default=250)
    asked.add_argument("--loop", type=int, default=25)
    asked.add_argument("--threads", type=int, default=2)
    asked.add_argument("--dtype", default="float32")
    given = asked.parse_args()

    import torch

    from labkit.hallucination import DETECTORS, ask, doubts, probe, questions
    from labkit.models import load

    torch.set_num_threads(given.threads)
    lm = load("smollm2-135m", dtype=given.dtype)
    every = questions("capitals", "currencies")[: given.questions]
    few = every[:: max(1, len(every) // given.loop)]
    os.environ["LABKIT_CACHE"], kept = tempfile.mkdtemp(), os.environ.get("LABKIT_CACHE")
    plain_loop(lm, few[:1])
    slow, _ = timed(lambda: plain_loop(lm, few))
    slow *= len(every) / len(few)
    fast, answers = timed(lambda: DETECTORS["semantic entropy"](ask(lm, every, samples=SAMPLES, look=())))
    rows = [{"way": "loop of generate", "seconds": slow, "ratio": 1.0},
            {"way": "ask", "seconds": fast, "ratio": slow / fast}]  # fmt: skip
    print(f"{len(every)} questions x {SAMPLES} samples, {given.dtype}, {torch.get_num_threads()} threads")
    print(Table.of(rows).frame().round(2).to_string(index=False))
    looked, answers = timed(lambda: ask(lm, every, samples=SAMPLES))
    os.environ.pop("LABKIT_CACHE") if kept is None else os.environ.update(LABKIT_CACHE=kept)  # MiniLM is there
    scored, _ = timed(lambda: doubts(answers))
    probed, _ = timed(lambda: probe(answers))
    parts = {
        "answers and samples": fast,
        "states, control, introspection": looked,
        "detectors": scored,
        "probe": probed,
    }
    print(Table.of([{"part": k, "seconds": v} for k, v in {**parts, "all": sum(parts.values())}.items()]).frame()
          .round(1).to_string(index=False))  # fmt: skip


if __name__ == "__main__":
    main()
