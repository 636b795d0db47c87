"""The recurrent baseline: an LSTM language model (Hochreiter & Schmidhuber 1997) behind transformers' interface.

    vectors of the tokens -> layers of LSTM -> norm -> one logit for each token of the vocabulary

What it knows of the text before is one state of fixed size; `past_key_values` carries it, so that `generate`, beams
and the lab's own samplers feed it one token at a time like any other model.
"""

from contextlib import nullcontext
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedConfig, PreTrainedModel
from transformers.generation.utils import GenerationMixin
from transformers.modeling_outputs import BaseModelOutputWithPast, CausalLMOutputWithPast

from labkit.core.devices import quick_type
from labkit.core.errors import ModelError


class LstmConfig(PreTrainedConfig):
    """Sizes of an LSTM, by the names that transformers gives them."""

    model_type = "labkit_lstm"

    vocab_size: int = 256
    hidden_size: int = 128
    num_hidden_layers: int = 2
    max_position_embeddings: int = 128
    initializer_range: float = 0.02
    rms_norm_eps: float = 1e-6
    use_cache: bool = True
    tie_word_embeddings: bool = True
    bos_token_id: int | None = None
    eos_token_id: int | list[int] | None = None
    pad_token_id: int | None = None


class LstmState:
    """What an LSTM remembers of a batch of texts."""

    is_compileable = False

    def __init__(self, hidden: Tensor, cell: Tensor, length: int) -> None:
        self.hidden, self.cell, self.length = hidden, cell, length  # (layer, batch, d_model) twice

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Tokens read so far."""
        return self.length

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keep these rows of the batch, in this order."""
        self.hidden, self.cell = self.hidden[:, indices].contiguous(), self.cell[:, indices].contiguous()

    reorder_cache = batch_select_indices

    def crop(self, length: int) -> None:
        """An LSTM cannot forget its newest tokens alone.

        Raises:
            ModelError: always.
        """
        raise ModelError("an LSTM keeps one state and cannot take tokens back; use a transformer, or no cache")


class LstmPreTrained(PreTrainedModel):
    """Random weights: 0.02 for tables as in a Llama, ±1/√d_model inside the LSTM; its forget gates start open."""

    config_class = LstmConfig
    base_model_prefix = "model"
    _is_stateful = True

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, nn.LSTM):
            for name, weight in module.named_parameters():
                if name.startswith("weight"):
                    nn.init.uniform_(weight, -(module.hidden_size**-0.5), module.hidden_size**-0.5)
                else:
                    nn.init.zeros_(weight)
                    if name.startswith("bias_hh"):  # gates lie in the order input, forget, cell, output
                        nn.init.ones_(weight[module.hidden_size : 2 * module.hidden_size])


class LstmModel(LstmPreTrained):
    """Token vectors, the recurrent layers and a norm."""

    def __init__(self, config: LstmConfig) -> None:
        super().__init__(config)
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.rnn = nn.LSTM(config.hidden_size, config.hidden_size, config.num_hidden_layers, batch_first=True)
        self.norm = nn.RMSNorm(config.hidden_size, eps=config.rms_norm_eps)
        self.post_init()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        past_key_values: LstmState | None = None,
        inputs_embeds: Tensor | None = None,
        use_cache: bool | None = None,
        **_: Any,
    ) -> BaseModelOutputWithPast:
        """(batch, seq, d_model) vectors after the norm; the state after the last token where `use_cache`."""
        vectors = self.embed_tokens(input_ids) if inputs_embeds is None else inputs_embeds
        state = None if past_key_values is None else (past_key_values.hidden, past_key_values.cell)
        given = None if attention_mask is None else attention_mask[:, -vectors.shape[1] :].bool()
        if given is None or bool(given.all()):
            read, (hidden, cell) = self._run(vectors, state)
        else:
            read, (hidden, cell) = self._read_padded(vectors, given, state)
        past: Any = None
        if use_cache or past_key_values:
            past = LstmState(hidden, cell, vectors.shape[1] + (past_key_values.length if past_key_values else 0))
        return BaseModelOutputWithPast(
            last_hidden_state=self.norm(read.to(self.norm.weight.dtype)), past_key_values=past
        )

    def _run(self, vectors: Any, state: Any) -> tuple[Any, tuple[Tensor, Tensor]]:
        """The recurrent layers.

        For a processor without a unit for a short type, oneDNN has no LSTM in it. Under autocast the layers then stay
        in float32; a model whose weights are short is read by torch's own, slower LSTM.
        """
        weight = self.rnn.weight_hh_l0
        if weight.device.type != "cpu" or quick_type("cpu") != "float32":
            return self.rnn(vectors, state)
        slowly = torch.backends.mkldnn.flags(enabled=False, allow_tf32=None)  # pyright: ignore[reportArgumentType]
        with torch.autocast("cpu", enabled=False), nullcontext() if weight.dtype == torch.float32 else slowly:
            return self.rnn(vectors.to(weight.dtype), state)

    def _read_padded(self, vectors: Tensor, given: Tensor, state: Any) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Each row's real tokens alone, wherever the padding stands; vectors of padding are 0."""
        order = torch.argsort((~given).long(), dim=1, stable=True)[..., None].expand_as(vectors)  # real ones first
        lengths = given.sum(-1).clamp(min=1).cpu()
        packed = pack_padded_sequence(vectors.gather(1, order), lengths, batch_first=True, enforce_sorted=False)
        read, last = self._run(packed, state)
        read, _ = pad_packed_sequence(read, batch_first=True, total_length=vectors.shape[1])
        return torch.zeros_like(read).scatter(1, order, read) * given[..., None], last


class LstmForCausalLM(LstmPreTrained, GenerationMixin):
    """Predicts the next token."""

    _tied_weights_keys: ClassVar = {"lm_head.weight": "model.embed_tokens.weight"}

    def __init__(self, config: LstmConfig) -> None:
        super().__init__(config)
        self.model = LstmModel(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def forward(
        self,
        input_ids: Tensor | None = None,
        labels: Tensor | None = None,
        logits_to_keep: int = 0,
        **more: Any,
    ) -> CausalLMOutputWithPast:
        """(batch, seq, vocab) logits of the next token; with `labels` (the inputs again) the mean loss in nats."""
        out = self.model(input_ids, **{"use_cache": self.config.use_cache, **more})
        logits = self.lm_head(out.last_hidden_state[:, -logits_to_keep:] if logits_to_keep else out.last_hidden_state)
        loss = None if labels is None else self.loss_function(logits, labels, self.config.vocab_size)
        return CausalLMOutputWithPast(loss=loss, logits=logits, past_key_values=out.past_key_values)

    @classmethod
    def _supports_default_dynamic_cache(cls) -> bool:
        return False


AutoConfig.register(LstmConfig.model_type, LstmConfig)
AutoModelForCausalLM.register(LstmConfig, LstmForCausalLM)
