"""A click in a picture that moves controls of the explorer around it, found by their labels.

The picture and the controls lie in one page, so no kernel is asked: a text box or a slider is changed as if by hand,
and the explorer draws what follows. Where there is no explorer around it, as in a headless run, a click does nothing.
"""

import json

from .text import for_html

# Runs in the page. Writes text and numbers into controls; nothing of them is ever read as HTML or as a program.
# A slider takes what stands in its readout when that is left, and listens further up, so the event has to rise.
_SCRIPT = (
    "const m=event.target.closest('[data-moves]'),b=m&&m.closest('.labkit-explorer');"
    "for(const [label,value] of b?Object.entries(JSON.parse(m.dataset.moves)):[]){"
    "const w=[...b.querySelectorAll('.jupyter-widgets')].find("
    "w=>(w.querySelector(':scope>label')||{}).textContent===label);"
    "const f=w&&w.querySelector('input,textarea,.widget-readout');if(!f)continue;"
    "if('value' in f){f.value=value;for(const e of ['input','change'])f.dispatchEvent(new Event(e,{bubbles:true}))}"
    "else{f.textContent=value;f.dispatchEvent(new FocusEvent('blur',{bubbles:true}))}}"
)
CLICKABLE = (
    f'onclick="{for_html(_SCRIPT)}" onkeydown="if(event.key===\'Enter\'){{event.preventDefault();this.onclick(event)}}"'
    ' data-lm-suppress-shortcuts="true"'
)
"""Attributes of the element around all that can be clicked; JupyterLab leaves its keys alone."""


def moving(**values: str | int) -> str:
    """The attribute of an element whose click sets these controls: a text box to its text, a slider to its number.

    Law: any text arrives as it was, marks that steer writing included (tests/views/test_escaping.py).
    """
    return f'data-moves="{for_html(json.dumps(values))}"'
