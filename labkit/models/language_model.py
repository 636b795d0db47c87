"""A loaded model with its tokenizer and its facts: what every other room is given.

Ignores where it came from and how it was loaded.
"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from functools import cached_property
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from labkit.core.errors import ModelError
from labkit.core.results import Table

from .catalog import Entry


@dataclass(frozen=True)
class Card:
    """Facts of a loaded model; sizes are counted from its tensors, not quoted."""

    name: str
    title: str
    kind: str
    """decoder-only, encoder-only, encoder-decoder; or decoder-only without a next-token head: a body, a classifier"""
    parameters: int
    """each tensor once, shared ones too"""
    embedding_parameters: int
    """of these, the table from token ids to vectors"""
    layers: int
    heads: int
    """query heads in each layer"""
    d_model: int
    """width of a token's vector"""
    vocab: int
    """rows of the embedding table"""
    context: int
    """longest input, tokens; 0 = no limit stated"""
    licence: str
    source: str
    device: str
    dtype: str
    memory_gb: float
    """weights in memory, 10⁹ bytes"""

    def table(self) -> Table:
        """The same as rows of fact and value, for `lab.show`."""
        rows = []
        for f in fields(self):
            value = getattr(self, f.name)
            shown = f"{value:,}" if isinstance(value, int) else f"{value:.2f}" if isinstance(value, float) else value
            rows.append((f.name.replace("_", " "), shown))
        return Table(("fact", "value"), tuple(rows), title=self.title or self.name)


@dataclass(frozen=True, eq=False)
class LanguageModel:
    """A transformers model, its tokenizer and its facts."""

    name: str
    model: Any = field(repr=False)
    """transformers.PreTrainedModel, in evaluation mode, without gradients asked for"""
    tokenizer: Any = field(repr=False)
    """transformers tokenizer"""
    card: Card = field(repr=False)

    def __repr__(self) -> str:
        c = self.card
        return (
            f"LanguageModel({self.name!r}: {c.kind}, {c.parameters / 1e6:,.1f} M parameters, "
            f"{c.layers} layers × {c.heads} heads, {c.dtype} on {c.device})"
        )

    @property
    def rounding(self) -> float:
        """Relative step between the numbers of the model's type: 1.2e-7 in float32, 7.8e-3 in bfloat16.

        A bound on what rounding alone may do says how many steps that is: `at_most=max(1e-4, 8 * lm.rounding)`.

        Law: lessons 00, 02 and 08 keep these bounds in 16 bits, too (tests/devices/test_lessons.py).
        """
        import torch

        return torch.finfo(self.model.dtype).eps

    @cached_property
    def bridge(self) -> Any:
        """TransformerLens's TransformerBridge over the same weights, made on first use.

        The bridge rebuilds the modules of the model it is given and needs eager attention, so it gets a copy of the
        modules whose parameters are the very tensors of `.model`: no second set of weights, and `.model` keeps its
        fast attention. Its `to_tokens` prepends the start token unless `prepend_bos=False`.

        Raises:
            ModelError: TransformerLens knows no model of this architecture.

        Laws: logits equal `.model`'s to 1e-4, and no tensor is copied (tests/models/test_bridge.py).
        """
        from transformer_lens.model_bridge import TransformerBridge

        try:
            with _in_a_folder(self.tokenizer) as tokenizer:
                return TransformerBridge.boot_transformers(
                    self.name,
                    hf_model=with_bert_head(with_shared_tensors(self.model)),
                    tokenizer=tokenizer,
                    device=self.card.device,
                    dtype=self.model.dtype,
                )
        except (KeyError, ValueError, NotImplementedError) as error:
            raise ModelError(
                f"TransformerLens cannot look into {self.name!r} ({type(self.model).__name__}): {error}; "
                "use lm.model directly, or another model of lab.catalog()"
            ) from error


def require_finite(numbers: Any, name: str = "the model") -> None:
    """Refuse what a broken model gave, before it is sorted, drawn from or averaged into something that looks whole.

    Args:
        numbers: a tensor or an array; -inf, the logarithm of an impossible token, is a number here.

    Raises:
        ModelError: one of them is NaN or too large.

    Law: every verb refuses a model whose weights are NaN in this sentence (tests/models/test_hostile.py).
    """
    largest = float(numbers.max()) if len(numbers) else 0.0  # NaN, where there is one
    if not largest < inf:
        raise ModelError(f"{name} gave numbers that are not finite; its weights or its number type are broken")


def require_model(lm: Any) -> None:
    """Refuse what is no LanguageModel before it fails somewhere inside: a name, a bare transformers model, None.

    Raises:
        ModelError: it is none; the message says how to get one.
    """
    if type(lm).__module__.startswith("transformers."):
        way = "save it and its tokenizer into a folder, and pass lab.load(folder)"
    elif hasattr(lm, "model"):
        return
    else:
        way = f"pass lab.load({lm!r})" if isinstance(lm, str) else "pass what lab.load('smollm2-135m') gives"
    raise ModelError(f"a LanguageModel was expected, got {type(lm).__name__}; {way}")


@contextmanager
def _in_a_folder(tokenizer: Any) -> Iterator[Any]:
    """A copy of the tokenizer; one that was made here and never loaded lies in a folder, where the bridge looks."""
    if tokenizer.init_kwargs.get("name_or_path"):
        yield copy.deepcopy(tokenizer)
        return
    with TemporaryDirectory(prefix="labkit-tokenizer-") as folder:
        tokenizer.save_pretrained(folder)
        yield type(tokenizer).from_pretrained(folder)


def with_shared_tensors(model: Any) -> Any:
    """A copy of the modules that holds the same parameters and buffers, with eager attention."""
    tensors = [*model.parameters(), *model.buffers()]
    twin = copy.deepcopy(model, {id(tensor): tensor for tensor in tensors})
    twin.set_attn_implementation("eager")
    return twin


def with_bert_head(model: Any) -> Any:
    """A bare BERT inside the masked-LM class, which is the only BERT that the bridge takes.

    The head is new and random: the patterns and the hidden states are the model's own, its logits mean nothing.
    """
    from transformers import BertForMaskedLM, BertModel

    if not isinstance(model, BertModel):
        return model
    whole: Any = BertForMaskedLM(model.config)
    whole.to(device=model.device, dtype=model.dtype)
    whole.bert = model
    whole.tie_weights()
    return whole.eval()


def adopt_special_tokens(model: Any, tokenizer: Any) -> None:
    """Tell a model made here which of its tokenizer's tokens start and end a text, so that `generate` stops there."""
    for name in ("bos_token_id", "eos_token_id", "pad_token_id"):
        for config in filter(None, (model.config, getattr(model, "generation_config", None))):
            setattr(config, name, getattr(tokenizer, name))


def watch(name: str, model: Any, tokenizer: Any) -> LanguageModel:
    """A LanguageModel over a model that is still being trained: its tensors are the trained ones, not copies.

    It is in evaluation mode whatever the trained one's is, so looking changes nothing.
    """
    tensors = [*model.parameters(), *model.buffers()]
    twin = copy.deepcopy(model, {id(tensor): tensor for tensor in tensors}).eval()
    adopt_special_tokens(twin, tokenizer)
    return LanguageModel(name, twin, tokenizer, describe(name, twin, None))


def describe(name: str, model: Any, entry: Entry | None) -> Card:
    """The facts of a loaded model, counted from its tensors.

    Law: equal to the sums over the safetensors files, shared tensors once (tests/models/test_loading.py).
    """
    config = model.config
    table = model.get_input_embeddings().weight
    tensors = list(model.parameters())
    return Card(
        name=name,
        title=entry.title if entry else Path(name).name,
        kind=entry.kind if entry else _kind(model),
        parameters=sum(t.numel() for t in tensors),
        embedding_parameters=table.numel(),
        layers=int(getattr(config, "num_hidden_layers", 0)),
        heads=int(getattr(config, "num_attention_heads", 0)),
        d_model=table.shape[1],
        vocab=table.shape[0],
        context=context_length(model, unlimited=0),
        licence=entry.licence if entry else "not stated",
        source=entry.source if entry else name,
        device=str(model.device),
        dtype=str(model.dtype).removeprefix("torch."),
        memory_gb=sum(t.numel() * t.element_size() for t in tensors) / 1e9,
    )


def context_length(model: Any, unlimited: int = 1 << 30) -> int:
    """How many tokens the model can attend to; `unlimited` where its settings name no limit."""
    sizes = (getattr(model.config, name, None) for name in ("max_position_embeddings", "n_positions", "n_ctx"))
    return next((size for size in sizes if isinstance(size, int) and size > 0), unlimited)


def _kind(model: Any) -> str:
    if model.config.is_encoder_decoder:
        return "encoder-decoder"
    if model.can_generate():
        return "decoder-only"
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, MODEL_FOR_MASKED_LM_MAPPING

    of = type(model.config)  # a Bert can be given either head, and without one it reads both ways
    one_way = of in MODEL_FOR_CAUSAL_LM_MAPPING and of not in MODEL_FOR_MASKED_LM_MAPPING
    return "decoder-only without a next-token head" if one_way else "encoder-only"
