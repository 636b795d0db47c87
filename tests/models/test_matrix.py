"""Other architectures: for tiny random models of each, a verb gives a result or says in one sentence why it cannot."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import transformers

import labkit as lab
from labkit import hallucination, interpretability, models, sampling
from labkit.core.errors import LabError

from .conftest import save, seeded

TEXT = "The capital of France is Paris. The capital of France is"
SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
WIDE = {**SIZES, "intermediate_size": 64, "max_position_embeddings": 256}
SHARED = {**WIDE, "num_key_value_heads": 2}
GPT2 = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256}
T5 = {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4, "decoder_start_token_id": 0}
HALVES = {
    f"{half}_{name}": value
    for half in ("encoder", "decoder")
    for name, value in {"layers": 2, "attention_heads": 4, "ffn_dim": 64}.items()
}
ARCHITECTURES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "GPT-2": ("GPT2Config", "GPT2LMHeadModel", GPT2),
    "NeoX": ("GPTNeoXConfig", "GPTNeoXForCausalLM", WIDE),
    "OPT": ("OPTConfig", "OPTForCausalLM", {**SIZES, "ffn_dim": 64, "max_position_embeddings": 256,
                                            "word_embed_proj_dim": 32}),
    "BLOOM": ("BloomConfig", "BloomForCausalLM", {"hidden_size": 32, "n_layer": 2, "n_head": 4}),
    "Phi-3": ("Phi3Config", "Phi3ForCausalLM", SHARED),
    "Qwen2": ("Qwen2Config", "Qwen2ForCausalLM", SHARED),
    "Qwen3": ("Qwen3Config", "Qwen3ForCausalLM", {**SHARED, "head_dim": 8}),
    "Gemma 2": ("Gemma2Config", "Gemma2ForCausalLM", {**SHARED, "head_dim": 8}),
    "Gemma 3": ("Gemma3TextConfig", "Gemma3ForCausalLM", {**SHARED, "head_dim": 8}),
    "Mistral": ("MistralConfig", "MistralForCausalLM", SHARED),
    "Mixtral": ("MixtralConfig", "MixtralForCausalLM", {**SHARED, "num_local_experts": 4}),
    "OLMo2": ("Olmo2Config", "Olmo2ForCausalLM", SHARED),
    "SmolLM3": ("SmolLM3Config", "SmolLM3ForCausalLM", SHARED),
    "Mamba": ("MambaConfig", "MambaForCausalLM", {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 4}),
    "BERT": ("BertConfig", "BertModel", WIDE),
    "RoBERTa": ("RobertaConfig", "RobertaModel", WIDE),
    "T5": ("T5Config", "T5ForConditionalGeneration", T5),
    "BART": ("BartConfig", "BartForConditionalGeneration", {"d_model": 32, "max_position_embeddings": 256, **HALVES}),
}  # fmt: skip


@pytest.fixture(scope="module", params=ARCHITECTURES)
def lm(request, tokenizer, tmp_path_factory):
    config, model, sizes = ARCHITECTURES[request.param]
    special = {"bos_token_id": 1, "eos_token_id": 0, "pad_token_id": 0}
    made = getattr(transformers, config)(vocab_size=len(tokenizer) + 8, **special, **sizes)
    folder = tmp_path_factory.mktemp("matrix") / request.param
    return models.load(save(getattr(transformers, model)(seeded(made)), tokenizer, folder))


def asked(lm: Any) -> Any:
    return hallucination.ask(lm, hallucination.questions("capitals", n=1, seed=0), samples=2, max_tokens=3)


def pair(lm: Any) -> Any:
    return interpretability.contrast(lm, TEXT, TEXT[:-1] + "?", answer="e", instead="a")


VERBS: dict[str, Callable[[Any], Any]] = {
    "next_token": lambda lm: lab.next_token(lm, TEXT).values,
    "walk": lambda lm: models.walk(lm, TEXT, tokens=3)["probability"],
    "score": lambda lm: models.score(lm, TEXT, [" Paris", " Rome"]).total,
    "embed": lambda lm: models.embed(lm, [TEXT]),
    "sample": lambda lm: np.concatenate(lab.sample(lm, TEXT, n=2, max_tokens=3, seed=0).logprobs),
    "beams": lambda lm: np.concatenate(sampling.beam_search(lm, TEXT, width=2, max_tokens=3).logprobs),
    "dissect": lambda lm: sampling.dissect(lm, TEXT, top_p=0.9),
    "speculate": lambda lm: sampling.speculate(lm, TEXT, draft=sampling.ModelDraft(lm), max_tokens=3, seed=0),
    "first layers": lambda lm: sampling.first_layers(lm, 1),
    "ask": asked,
    "capture": lambda lm: lab.capture(lm, TEXT)["pattern"],
    "capture states": lambda lm: lab.capture(lm, TEXT, ("resid_post", "z"))["z"],
    "head_effects": lambda lm: lab.head_effects(lm, TEXT, target="e").values,
    "vectors_without": lambda lm: interpretability.vectors_without(lm, TEXT, position=1)[1],
    "token_losses": lambda lm: interpretability.token_losses(lm, TEXT).values[1:],
    "predict_without": lambda lm: interpretability.predict_without(lm, TEXT, off=[(0, 1)]).values,
    "induction_scores": lambda lm: interpretability.induction_scores(lm, length=8, draws=1).values,
    "one_head": lambda lm: interpretability.one_head(lm, TEXT, 1, 0).z,
    "head_weights": lambda lm: interpretability.head_weights(lm, 1, 0)["W_O"],
    "value_weighted": lambda lm: interpretability.value_weighted(lm, TEXT).values,
    "gradient": lambda lm: interpretability.gradient_times_attention(lm, TEXT, target="e"),
    "patch": lambda lm: next(interpretability.patch(lm, [TEXT], ["A bank"], at={"end": [(-1, -1)]})).moved,
    "recovery": lambda lm: interpretability.recovery(lm, pair(lm), "z"),
    "attribution_patching": lambda lm: interpretability.attribution_patching(lm, pair(lm)),
    "attribution": lambda lm: interpretability.attribution(lm, TEXT, answer="e", instead="a").heads,
    "look": lambda lm: interpretability.look(interpretability.lens(lm), TEXT).distance,
    "steer": lambda lm: lab.next_token(interpretability.steer(lm, np.ones(32), 1), TEXT).values,
    "without positions": lambda lm: lab.capture(lm, TEXT, positions=False)["pattern"],
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_gives_a_result_or_one_sentence(lm, verb):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = VERBS[verb](lm)
        except LabError as refused:
            assert "\n" not in str(refused) and "; " in str(refused), refused
            return
    if isinstance(found, np.ndarray):
        assert found.size and np.isfinite(found).all()


def test_what_reads_left_to_right_is_continued(lm):
    """Refusals are for what a model is not: a decoder is continued by the verbs that need one, as transformers does."""
    if lm.card.kind != "decoder-only":
        return
    greedy = lab.sample(lm, TEXT, temperature=0, max_tokens=3)
    given = lm.tokenizer(TEXT, return_tensors="pt")
    theirs = lm.model.generate(**given, do_sample=False, max_new_tokens=3, use_cache=False)
    assert theirs[0, given["input_ids"].shape[1] :].tolist()[: len(greedy.ids[0])] == list(greedy.ids[0])
    walked = list(models.walk(lm, TEXT, tokens=3)["probability"])
    assert walked == pytest.approx(np.exp(greedy.logprobs[0])[: len(walked)], rel=1e-3)


def test_every_head_is_switched_off_as_it_would_be_alone(lm):
    """Also where positions are a table made for the first rows, as in BLOOM."""
    if lm.card.kind != "decoder-only" or lm.model.config.model_type == "mamba":
        return
    number = lm.tokenizer.convert_tokens_to_ids("e")

    def said(off: Any = ()) -> float:
        logits = lab.capture(lm, TEXT, ("logits",), off=off)["logits"][-1].astype(float)
        return float(logits[number] - np.logaddexp.reduce(logits))

    swept = lab.head_effects(lm, TEXT, target="e").values
    for layer, head in ((0, 0), (0, 3), (1, 2)):
        assert swept[layer, head] == pytest.approx(said([(layer, head)]) - said(), abs=1e-4)
    assert swept.std() > 1e-4
