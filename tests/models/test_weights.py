"""The real models: the catalog tells the truth about them, and they do what the lessons rely on."""

import pytest
import torch
from transformers import AutoModelForCausalLM

import labkit as lab
from labkit.assets import member
from labkit.core.errors import AssetError
from labkit.models.catalog import entries
from labkit.models.loading import find

pytestmark = pytest.mark.weights


@pytest.fixture(scope="module")
def smol():
    return lab.load("smollm2-135m")


@pytest.mark.parametrize("name", entries())
def test_the_catalog_states_the_facts_of_the_tensors(name):
    entry = entries()[name]
    try:
        card = lab.load(name).card
    except AssetError as error:
        if not entry.terms:
            raise
        pytest.skip(f"not run: {error}")
    assert (entry.parameters, entry.context, entry.kind) == (card.parameters, card.context, card.kind)


def test_paris_is_the_capital_of_france(smol):
    bars = lab.next_token(smol, "The capital of France is")
    assert bars.labels[0] == "␣Paris"
    assert 0.70 <= bars.values[0] <= 0.85


def test_bridge_and_model_agree_on_real_text(smol):
    ids = torch.tensor([smol.tokenizer("The bank raised its interest rate, and the river rose.").input_ids])
    with torch.no_grad():
        assert (smol.bridge(ids) - smol.model(ids).logits).abs().max() < 1e-4


def test_a_name_is_known_in_capitals_too():
    assert lab.load("MiniLM").name == "minilm"


def test_chat_and_digits_are_the_tokenizers_own(smol):
    assert smol.tokenizer.tokenize("a  2024") == ["a", "ĠĠ", "2", "0", "2", "4"]
    chat = smol.tokenizer.apply_chat_template([{"role": "user", "content": "Hi"}], tokenize=False)
    assert chat.endswith("<|im_start|>user\nHi<|im_end|>\n")
    assert smol.tokenizer.eos_token == "<|im_end|>"


@pytest.mark.long
def test_gemma_computes_what_transformers_reads_from_the_same_file():
    """Its 4-bit values do not fit 16 bits: nothing may be rounded again. Its terms lie beside the weights."""
    lm, gguf = lab.load("gemma3-270m"), member("gemma3-270m.gguf")
    folder = find("gemma3-270m")[0]
    assert {"GEMMA_TERMS.html", "NOTICE.md"} <= {path.name for path in folder.iterdir()}
    assert "Gemma Terms of Use" in lm.card.licence and "rounded to 4" in lm.card.source
    theirs = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
    ids = torch.tensor([lm.tokenizer("The river rose in 2024, and the bank raised its rate.").input_ids])
    with torch.no_grad():
        assert (lm.model(ids).logits - theirs(ids).logits).abs().max() < 1e-4
    assert lab.next_token(lm, "The capital of France is the city of").labels[0] == "␣Paris"


def test_very_long_and_very_short_texts(smol):
    with pytest.raises(lab.LabError, match="reads at most 8,192"):
        lab.next_token(smol, "word " * 20_000)
    assert lab.next_token(smol, "a").values[0] > 0
