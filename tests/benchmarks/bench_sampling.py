"""Tokens per second of `sample` beside transformers' `generate`, in one run, round by round.

    python -m tests.benchmarks.bench_sampling [threads]

Same weights, same number type, same temperature, prompt and length; `generate` returns its scores, as `sample` returns
its log-probabilities. The best of several alternating rounds counts, so that both meet the machine in the same moods.
The last column says how much of the machine is used. For one text: bytes of weights that a token has to read, over
time, as a share of the measured memory bandwidth (reading 1 GB). For 32: the operations of a token's products, over
time, as a share of one large product in float32. What was chosen for each product stands below.
"""

import sys
import time

import torch

from labkit.core.devices import processor, quick_type
from labkit.core.results import Table
from labkit.sampling import products

PROMPT, ROUNDS = "Once upon a time, in a land far away", 4
TOKENS = {1: 48, 32: 16}
"""of each text, by the number of texts"""


def bandwidth() -> float:
    """Bytes per second at which memory is read."""
    block = torch.ones(1 << 28)
    return block.numel() * 4 / min(timed(block.sum) for _ in range(5))


def peak() -> float:
    """Operations per second of one large product in float32."""
    one = torch.ones(2048, 2048)
    return 2 * 2048**3 / min(timed(lambda: one @ one) for _ in range(5))


def timed(run) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def compare(lm, batch: int) -> dict[str, float]:
    """Tokens per second of both, alternating."""
    from labkit.sampling import sample

    tokens, settings = TOKENS[batch], lm.model.generation_config
    settings.eos_token_id, ids = None, lm.tokenizer([PROMPT] * batch, return_tensors="pt")

    def theirs() -> None:
        lm.model.generate(**ids, max_new_tokens=tokens, do_sample=True, temperature=0.8, top_k=0, pad_token_id=2,
                          output_scores=True, return_dict_in_generate=True)  # fmt: skip

    def ours() -> None:
        sample(lm, PROMPT, n=batch, max_tokens=tokens, temperature=0.8, stop_at_eos=False)

    theirs()
    ours()
    rounds = [(timed(theirs), timed(ours)) for _ in range(ROUNDS)]
    slow, fast = (batch * tokens / min(seconds) for seconds in zip(*rounds, strict=True))
    return {"generate": slow, "sample": fast}


def main() -> None:
    """Print the table."""
    from labkit.models import load

    torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 2)
    speed, most, rows = bandwidth(), peak(), []
    for dtype in dict.fromkeys(("float32", quick_type("cpu"))):
        lm = load("smollm2-135m", dtype=dtype)
        weights = sum(p.nbytes for p in lm.model.parameters())
        for batch in TOKENS:
            got = compare(lm, batch)
            numbers = sum(p.numel() for p in lm.model.parameters())
            share = got["sample"] * (weights / speed if batch == 1 else 2 * numbers / most)
            rows.append({"number type": dtype, "texts": batch, "generate (tok/s)": got["generate"],
                         "sample (tok/s)": got["sample"], "ratio": got["sample"] / got["generate"],
                         "share of what the machine has": share})  # fmt: skip
    print(f"{processor()}, {torch.get_num_threads()} threads")
    print(f"memory reads at {speed / 1e9:.1f} GB/s, a large product does {most / 1e9:.0f} GFLOP/s")
    print(Table.of(rows).frame().round(2).to_string(index=False))
    print(*(f"{shape}: {way}" for shape, way in products.found().items()), sep="\n")


if __name__ == "__main__":
    main()
