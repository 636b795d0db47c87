"""States: equal to what transformers shows for each text alone."""

import numpy as np
import pytest
import torch

from labkit.hallucination import POSITIONS, ask
from labkit.hallucination.states import eager, entity_tokens
from tests.tiny import Lm, byte_tokenizer

from .conftest import asked

TEXTS = ("alpha beta", "alpha bets", "the alpha", "gamma d")


@pytest.mark.parametrize("model", ["lm", "gpt2"])
def test_states_and_attention_are_those_of_each_text_alone(model, request):
    lm = request.getfixturevalue(model)
    answers = ask(lm, asked(*TEXTS), samples=0, max_tokens=4, look=("states",))
    assert answers.hidden is not None and answers.attention is not None
    for n, text in enumerate(TEXTS):
        prompt = lm.tokenizer(text)["input_ids"]
        with torch.inference_mode(), eager(lm.model):
            out = lm.model(
                torch.tensor([[*prompt, *answers.ids[n]]]), output_hidden_states=True, output_attentions=True
            )
        end, size = len(prompt), len(answers.ids[n])
        four = [end - 1, end - 1, end, end + size - 1]  # the entity is the prompt's last three letters
        expected = torch.stack(out.hidden_states)[:, 0, four].transpose(0, 1).numpy()
        np.testing.assert_allclose(answers.hidden[n], expected, atol=5e-3, rtol=5e-3)
        weights = torch.stack(out.attentions)[:, 0, :, end - 1 : max(end + size - 1, end), end - 3 : end]
        np.testing.assert_allclose(answers.attention[n], weights.sum(-1).mean(-1).numpy(), atol=1e-4)


def test_a_recurrent_model_shows_its_last_layer():
    from labkit.models.lstm import LstmConfig, LstmForCausalLM

    torch.manual_seed(0)
    model = LstmForCausalLM(LstmConfig(vocab_size=257, hidden_size=32, max_position_embeddings=256)).eval()
    lm = Lm("lstm", model, byte_tokenizer())
    answers = ask(lm, asked(*TEXTS), samples=2, max_tokens=4)
    assert answers.hidden is not None and answers.control is not None and answers.attention is None
    with torch.inference_mode():
        alone = model.model(torch.tensor([lm.tokenizer(TEXTS[1])["input_ids"]])).last_hidden_state[0, -1]
    np.testing.assert_allclose(answers.hidden[1, 1, 0], alone.numpy(), atol=5e-3)


def test_the_model_is_left_as_it_was(lm):
    before = lm.model.config._attn_implementation
    ask(lm, asked(*TEXTS), samples=0, max_tokens=3)
    assert lm.model.config._attn_implementation == before


def test_a_shared_beginning_changes_no_state(lm, monkeypatch):
    from labkit.hallucination import asking, states

    plain = ask(lm, asked(*TEXTS), samples=0, max_tokens=3, look=("states",))
    monkeypatch.setattr(states, "BATCH", 1)
    monkeypatch.setenv("LABKIT_CACHE", "")  # another folder: computed, not read
    monkeypatch.setattr(asking, "remembered", lambda recipe, compute: compute())
    alone = ask(lm, asked(*TEXTS), samples=0, max_tokens=3, look=("states",))
    assert plain.hidden is not None and alone.hidden is not None
    np.testing.assert_allclose(plain.hidden, alone.hidden, atol=5e-3, rtol=5e-3)


def test_the_entity_is_found_where_it_stands_last(lm):
    ids = lm.tokenizer("Peru, not Peru?")["input_ids"]
    assert entity_tokens(lm.tokenizer, ids, "Peru") == [10, 11, 12, 13]
    assert entity_tokens(lm.tokenizer, ids, "Chile") == []


def test_spaces_between_tokens_do_not_hide_an_entity():
    class Words:
        def decode(self, ids, **options):
            return " ".join(["Ann", "Berg", "was", "born"][i] for i in ids)

    assert entity_tokens(Words(), [0, 1, 2, 3], "Ann Berg") == [0, 1]


def test_an_entity_of_cut_letters_is_found(lm):
    text = "Où est São Tomé ?"
    ids = lm.tokenizer(text)["input_ids"]
    found = entity_tokens(lm.tokenizer, ids, "São Tomé")
    assert lm.tokenizer.decode([ids[i] for i in found]).strip() == "São Tomé"


def test_the_positions_are_named():
    assert POSITIONS == ("entity", "prompt", "first", "last")
