"""The options of a sampler: their ranges, their defaults, and which of them contradict each other."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from math import isfinite
from typing import Any

from labkit.core.errors import OptionError, closest


@dataclass(frozen=True)
class SampleOptions:
    """How the next token is chosen. The defaults draw from the model's own distribution, unchanged."""

    temperature: float = 1.0
    """0 = greedy: always the most likely token, and every cut below is then without effect"""
    top_k: int = 0
    """how many of the most likely tokens stay; 0 = all"""
    top_p: float = 1.0
    """probability that the most likely tokens must reach together, in (0, 1]; 1 = all stay"""
    min_p: float = 0.0
    """least probability, as a fraction of the most likely token's, in [0, 1)"""
    typical_p: float = 1.0
    """mass kept of the tokens whose surprise is nearest the entropy, in (0, 1]; 1 = all stay"""
    epsilon: float = 0.0
    """least probability, in [0, 1)"""
    eta: float = 0.0
    """least probability, lowered where the distribution is flat, in [0, 1)"""
    repetition_penalty: float = 1.0
    """> 1: tokens of the prompt and of the text so far become less likely"""
    presence_penalty: float = 0.0
    """nats off a token's logit once it was drawn"""
    frequency_penalty: float = 0.0
    """nats off a token's logit for each time it was drawn"""
    no_repeat_ngram: int = 0
    """no run of this many tokens comes twice; 0 = no ban"""
    processors: Any = ()
    """of transformers' LogitsProcessor interface: processor(input_ids, scores) gives scores; one, or several"""
    regex: str = ""
    """the whole text must match this regular expression; it ends where nothing more may follow"""
    grammar: str = ""
    """the whole text must be derived from this Lark grammar"""
    schema: Any = None
    """the whole text must be JSON of this schema (a dict, or JSON), with spaces as json.dumps writes them"""
    prefix: str = ""
    """the text begins with this; its tokens count to `max_tokens`, and cost what they cost under the model"""
    stop_at_eos: bool = True
    """False: an end-of-text token is a token like another"""
    overflow: str = "stop"
    """`stop`: a text ends when the context is full. `slide`: the older half of the context is then forgotten"""
    cache: Any = True
    """False: the whole text goes through the model at each step; slow, and the oracle of the fast way. A PrefixCache:
    what an earlier call read is not read again"""
    batch: int = 32
    """how many texts grow at the same time at most"""

    def __post_init__(self) -> None:
        for name, low, high, says in _RANGES:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value):
                raise OptionError(f"{name}={value!r} is not a number; {says}")
            if not low <= value <= high or (name in ("top_p", "typical_p", "repetition_penalty") and value == 0):
                raise OptionError(f"{name}={value} is out of its range; {says}")
            if name in ("top_k", "no_repeat_ngram", "batch") and value != int(value):
                raise OptionError(f"{name}={value} is not a whole number; {says}")
        if self.overflow not in ("stop", "slide"):
            raise OptionError(f"overflow={self.overflow!r} is unknown; use 'stop' or 'slide'")
        ruled = self.ruled
        if len(ruled) > 1:
            raise OptionError(f"{' and '.join(ruled)} are given; a text can follow one of them, so leave the other out")
        if self.no_repeat_ngram and ruled:
            raise OptionError(f"no_repeat_ngram can forbid what {ruled[0]} demands; leave one of them out")
        object.__setattr__(self, "processors", _several(self.processors))
        if not isinstance(self.prefix, str):
            raise OptionError(f"prefix={self.prefix!r} is no text; give the words that the answer begins with")

    @property
    def ruled(self) -> tuple[str, ...]:
        """Which of `regex`, `grammar` and `schema` are given; at most one."""
        return tuple(name for name in ("regex", "grammar", "schema") if getattr(self, name) not in ("", None))

    @property
    def cuts(self) -> dict[str, float]:
        """The strategies that are at work, in their order, each with its value."""
        neutral = SampleOptions.__dataclass_fields__
        return {name: getattr(self, name) for name in _CUTS if getattr(self, name) != neutral[name].default}


def _several(processors: Any) -> tuple[Any, ...]:
    """One processor or several, as a tuple. A LogitsProcessorList is callable, and a list: it comes as its members."""
    several = tuple(processors) if isinstance(processors, Sequence) else (processors,)
    for one in several:
        if not callable(one):
            raise OptionError(f"processors={one!r} cannot be called; give functions of (input_ids, scores)")
    return several


_CUTS = ("temperature", "top_k", "top_p", "min_p", "typical_p", "epsilon", "eta")
_MOST = 1e9
_RANGES = (
    ("temperature", 0, _MOST, "use 0 for the most likely token, 1 for the model's own distribution, or any number > 0"),
    ("top_k", 0, _MOST, "use a whole number of tokens, or 0 for all"),
    ("top_p", 0, 1, "use 0 < top_p <= 1; for the single most likely token use temperature=0"),
    ("min_p", 0, 0.999999, "use 0 <= min_p < 1; 0 switches it off"),
    ("typical_p", 0, 1, "use 0 < typical_p <= 1; 1 switches it off"),
    ("epsilon", 0, 0.999999, "use 0 <= epsilon < 1; 0 switches it off"),
    ("eta", 0, 0.999999, "use 0 <= eta < 1; 0 switches it off"),
    ("repetition_penalty", 0, _MOST, "use a number > 0; 1 switches it off"),
    ("presence_penalty", -_MOST, _MOST, "use a number of nats; 0 switches it off"),
    ("frequency_penalty", -_MOST, _MOST, "use a number of nats; 0 switches it off"),
    ("no_repeat_ngram", 0, _MOST, "use a whole number of tokens, or 0 for no ban"),
    ("batch", 1, _MOST, "use a whole number of texts, at least 1"),
)


def make_options(base: SampleOptions | None = None, **changes: Any) -> SampleOptions:
    """Options from keywords, on top of `base`.

    Raises:
        OptionError: a name is unknown, a value is out of its range, or two contradict each other.
    """
    known = [f.name for f in fields(SampleOptions)]
    for name in changes:
        if name not in known:
            raise OptionError(f"sample has no option {name!r}; {closest(name, known)}")
    return replace(base or SampleOptions(), **changes)


def whole(name: str, value: Any, least: int = 1) -> int:
    """`value` as a whole number of at least `least`.

    Raises:
        OptionError: it is not one.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value) or value != int(value):
        raise OptionError(f"{name}={value!r} is not a whole number; use {least} or more")
    if value < least:
        raise OptionError(f"{name}={value} is too small; use {least} or more")
    return int(value)
