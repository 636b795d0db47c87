"""Every verb and loop on the pretended device beside the CPU, as a program: one line of JSON, verb to what went wrong.

python tests/devices/verbs.py            all verbs, as they are
python tests/devices/verbs.py pick       with a fault put in: random numbers that stay on the CPU
"""

import dataclasses
import json
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pretend
import torch
import transformers

import labkit as lab
from labkit import interpretability, models, sampling, text, training

PROMPT = "the king of the north is"
TEXT = "\n\n".join(f"the king of the north is a friend of the queen number {n}, and so is she." for n in range(60))


@cache
def data() -> Any:
    corpus = text.Corpus("made", (text.Document("of kings", TEXT),))
    return text.dataset(corpus, tokenizer="bpe", size=280, validation=0.25)


@cache
def on(device: str, kind: str = "llama") -> Any:
    """A tiny model, loaded and then moved."""
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    limits = {"vocab_size": data().vocab_size, "max_position_embeddings": 256}
    made: Any = {
        "llama": lambda: transformers.LlamaForCausalLM(
            transformers.LlamaConfig(**sizes, **limits, num_key_value_heads=2, bos_token_id=0, eos_token_id=0)
        ),
        "bert": lambda: transformers.BertModel(transformers.BertConfig(**sizes, **limits)),
    }[kind]()
    folder = Path(tempfile.mkdtemp()) / kind
    made.save_pretrained(folder)
    data().tokenizer.save_pretrained(folder)
    lm = models.load(folder, device="cpu")
    lm.model.to(device)
    return dataclasses.replace(lm, card=dataclasses.replace(lm.card, device=str(lm.model.device)))


def trained(device: str, **more: Any) -> Any:
    model = models.build("nano", vocab_size=data().vocab_size, context=16, seed=0, **more).to(device)
    config = training.TrainConfig(batch=2, steps=2, validate_every=0, seed=0, precision="float32")
    losses = [step.loss for step in training.steps(model, data(), config)]
    losses.append(training.evaluate(model, data(), batches=1).nats_per_token)
    # Not compared: the optimizer takes each device's own number type.
    return bool(np.isfinite(losses).all())


def sampled(device: str, **options: Any) -> Any:
    return lab.sample(on(device), PROMPT, n=2, max_tokens=5, seed=0, **options).texts


def attended(device: str) -> Any:
    return interpretability.gradient_times_attention(on(device), PROMPT, target="e")


VERBS: dict[str, Callable[[str], Any]] = {
    "next_token": lambda d: lab.next_token(on(d), PROMPT).values,
    "walk": lambda d: models.walk(on(d), PROMPT, tokens=4)["probability"],
    "score": lambda d: models.score(on(d), PROMPT, [" a", " the"]).total,
    "embed": lambda d: models.embed(on(d, "bert"), ["the king", "a friend of the queen"]),
    "capture": lambda d: lab.capture(on(d), PROMPT)["pattern"],
    "capture an encoder": lambda d: lab.capture(on(d, "bert"), PROMPT)["pattern"],
    "edit": lambda d: lab.capture(on(d), PROMPT, ("logits",), off=[(1, 2)], positions=False)["logits"],
    "head_effects": lambda d: lab.head_effects(on(d), PROMPT, target="e", mode="mean").values,
    "token_losses": lambda d: interpretability.token_losses(on(d), PROMPT).values,
    "predict_without": lambda d: interpretability.predict_without(on(d), PROMPT, off=[(0, 1)]).values,
    "gradient_times_attention": attended,
    "value_weighted": lambda d: interpretability.value_weighted(on(d), PROMPT).values,
    "one_head": lambda d: interpretability.one_head(on(d), PROMPT, 1, 2).z,
    "patch": lambda d: next(interpretability.patch(on(d), [PROMPT], ["the queen"], at={"end": [(-1, -1)]})).moved,
    "induction_scores": lambda d: interpretability.induction_scores(on(d), length=8, draws=1).values,
    "sample": sampled,
    "sample greedily": lambda d: sampled(d, temperature=0),
    "sample with cuts": lambda d: sampled(d, top_k=20, top_p=0.9, min_p=0.001, typical_p=0.9),
    "sample with penalties": lambda d: sampled(d, repetition_penalty=1.2, presence_penalty=0.1, no_repeat_ngram=2),
    "sample by a pattern": lambda d: sampled(d, regex="[a-z ]+"),
    "dissect": lambda d: sampling.dissect(on(d), PROMPT, top_p=0.9) is not None,
    "beams": lambda d: sampling.beam_search(on(d), PROMPT, width=3, max_tokens=4).texts,
    "speculate": lambda d: (
        sampling.speculate(on(d), PROMPT, draft=sampling.ModelDraft(on(d)), max_tokens=5, seed=0).samples.texts
    ),
    "train a llama": trained,
    "train an lstm": lambda d: trained(d, kind="lstm"),
}
FAULTS = {
    "pick": (
        "labkit.sampling.drawing",
        "pick",
        lambda real: lambda weights, draws, *more: real(weights, draws.cpu(), *more),
    ),
}


def differs(near: Any, far: Any) -> str:
    if isinstance(near, np.ndarray) or (isinstance(near, list) and isinstance(near[0], float)):
        gap = float(np.nanmax(np.abs(np.subtract(near, far))))
        return "" if gap < 1e-4 else f"differs from the CPU by {gap:.3g}"
    return "" if near == far else f"{far!r} instead of the CPU's {near!r}"


def attempt(verb: Callable[[str], Any]) -> str:
    """Empty where the device gives what the CPU gives; else what happened, and where in the lab."""
    try:
        near = verb("cpu")
        return differs(near, verb(pretend.NAME))
    except Exception as error:
        own = [frame for frame in traceback.extract_tb(error.__traceback__) if "/labkit/" in frame.filename]
        where = f"{own[-1].filename.rpartition('/labkit/')[2]}:{own[-1].lineno}" if own else "outside the lab"
        return f"{where} {type(error).__name__}: {str(error).splitlines()[0][:200]}"


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for name in sys.argv[1:]:
        where, what, fault = FAULTS[name]
        module = import_module(where)
        setattr(module, what, fault(getattr(module, what)))
    # It asks where weights lie in memory, which a wrapper does not know.
    vars(import_module("labkit.sampling.llama_step"))["joined"] = tuple
    print(json.dumps({name: attempt(verb) for name, verb in VERBS.items()}))
