"""LLM Lab's helper package: the verbs that a lesson uses.

    import labkit as lab
    lab.begin("02_attention")
    lm = lab.load("smollm2-135m")
    lab.show(lab.next_token(lm, "The capital of France is"))

Every name is resolved on first use, so importing labkit is quick and loads no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_VERBS = {
    "begin": "labkit.session",
    "use_device": "labkit.session",
    "claim": "labkit.suite.claims",
    "claims": "labkit.suite.claims",
    "says": "labkit.suite.claims",
    "takeaways": "labkit.session",
    "check": "labkit.lessons",
    "show": "labkit.views",
    "save": "labkit.views",
    "frame": "labkit.views",
    "load": "labkit.models",
    "catalog": "labkit.models",
    "next_token": "labkit.models",
    "tokenizer": "labkit.text",
    "corpus": "labkit.text",
    "train": "labkit.explorers.live_training",
    "runs": "labkit.training",
    "sample": "labkit.sampling",
    "capture": "labkit.interpretability",
    "head_effects": "labkit.interpretability",
    "explore": "labkit.lessons.exploring",
    "bertviz": "labkit.explorers.bertviz",
    "LabError": "labkit.core.errors",
}
__all__ = sorted(_VERBS)  # noqa: PLE0605  # pyright: ignore[reportUnsupportedDunderAll]

if TYPE_CHECKING:
    from .core.errors import LabError as LabError
    from .explorers.bertviz import bertviz as bertviz
    from .explorers.live_training import train as train
    from .interpretability import capture as capture
    from .interpretability import head_effects as head_effects
    from .lessons import check as check
    from .lessons.exploring import explore as explore
    from .models import catalog as catalog
    from .models import load as load
    from .models import next_token as next_token
    from .sampling import sample as sample
    from .session import begin as begin
    from .session import takeaways as takeaways
    from .session import use_device as use_device
    from .suite.claims import claim as claim
    from .suite.claims import claims as claims
    from .suite.claims import says as says
    from .text import corpus as corpus
    from .text import tokenizer as tokenizer
    from .training import runs as runs
    from .views import frame as frame
    from .views import save as save
    from .views import show as show


def __getattr__(name: str) -> Any:
    if name not in _VERBS:
        from .core.errors import closest

        raise AttributeError(f"module 'labkit' has no attribute {name!r}; {closest(name, __all__)}")
    value = getattr(import_module(_VERBS[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
