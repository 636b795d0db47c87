"""The page's side of a panel: its line of status with a stop button, its keys, and how it looks while it waits.

JupyterLab acts on a key unless the element that has the focus asks it not to: one around it comes too late for
`:focus:not(:read-write)`. ipywidgets cannot ask, so this asks for whatever gets a key in the panel. Ctrl-S still saves.
"""

from typing import Any

import anywidget
import traitlets

from labkit.core import palette

_SCRIPT = """
export default { render({ model, el }) {
  const said = document.createElement('span'), stop = document.createElement('button');
  const panel = () => el.closest('.labkit-explorer');
  const works = () => ['working', 'growing'].includes(model.get('state')), kernel = model.widget_manager?.kernel;
  let gone = false, asked, heard, hold;
  el.classList.add('labkit', 'lk-line');
  stop.type = 'button'; stop.textContent = '■ stop'; stop.className = 'lk-stop';
  stop.onclick = () => { model.send('stop'); model.widget_manager?.kernel?.interrupt?.(); };
  said.tabIndex = -1;
  el.append(said, stop);
  const show = () => {
    const state = asked && !works() ? 'asked' : model.get('state');
    said.textContent = state === 'asked' ? 'asked the kernel …' : model.get('said');
    said.setAttribute('role', state === 'error' ? 'alert' : 'status');
    said.className = state === 'error' ? 'lk-warn' : 'lk-note';
    if (document.activeElement === stop && !works()) said.focus();  // hidden, it would give the focus to the notebook
    stop.hidden = !works();
    if (!panel()) { if (!gone) requestAnimationFrame(show); return; }  // it is put around its parts later
    panel().dataset.state = state;
    clearTimeout(hold);  // as high as it was while its pictures change
    if (asked || works()) panel().style.minHeight = `${panel().offsetHeight}px`;
    else hold = setTimeout(() => { panel()?.style.removeProperty('min-height'); }, 600);
    for (const slider of panel().querySelectorAll('.widget-slider'))
      slider.querySelector('.noUi-handle')?.setAttribute('aria-label', slider.querySelector('label').textContent);
  };
  const asks = (_, { msg, direction }) => {  // from a control's message until the kernel works, or did not mind it
    const { msg_type, msg_id } = msg.header, mine = model.get('controls').includes(msg.content.comm_id);
    if (direction === 'send' && msg_type === 'comm_msg' && mine) [asked, heard] = [msg_id, false];
    else if (!asked || msg.parent_header?.msg_id !== asked) return;
    else if (msg.content.data?.content === 'heard') heard = true;
    else if (msg.content.execution_state === 'idle' && (!heard || works())) asked = null;
    show();
  };
  const hears = () => { if (works()) asked = null; show(); };
  const keys = event => {
    const saves = (event.ctrlKey || event.metaKey) && event.key === 's';
    if (panel()?.contains(event.target)) event.target.toggleAttribute('data-lm-suppress-shortcuts', !saves);
  };
  window.addEventListener('keydown', keys, true);
  model.on('change:state', hears);
  model.on('change:said', hears);
  kernel?.anyMessage?.connect(asks);
  show();
  return () => {
    gone = true; window.removeEventListener('keydown', keys, true); kernel?.anyMessage?.disconnect(asks); };
} };
"""
_LOOKS = f"""
@keyframes lk-late {{ from {{ opacity: 0 }} }}
.labkit-explorer .lk-line {{ display: flex; align-items: center; gap: 10px; min-height: 30px; margin: 0 }}
.labkit-explorer .lk-line .lk-warn {{ margin: 0 }}
.labkit-explorer .lk-stop {{ font: inherit; font-size: 12.5px; cursor: pointer; color: inherit; background: none;
  border: 1px solid {palette.LINE}; border-radius: 3px; padding: 0 8px }}
.labkit-explorer .lk-stop[hidden] {{ display: none }}
.labkit-explorer:is([data-state=asked], [data-state=working]) .lk-line > * {{ animation: lk-late 0.05s 0.1s backwards }}
.labkit-explorer .labkit-picture {{ min-height: 120px; transition: opacity 0.05s 0.1s }}
.labkit-explorer:is([data-state=asked], [data-state=working], [data-state=error], [data-state=stopped],
  .jupyter-widgets-disconnected)
  .labkit-picture {{ opacity: 0.4 }}
.labkit-explorer .jupyter-widgets.widget-dropdown > select {{ background-image: url("data:image/svg+xml,%3Csvg \
xmlns='http://www.w3.org/2000/svg' viewBox='0 0 20 20'%3E%3Cpath d='M6 8l4 4 4-4' fill='none' stroke='%23888' \
stroke-width='2'/%3E%3C/svg%3E") }}
.labkit-explorer textarea {{ field-sizing: content; min-height: 28px; max-height: 12em; resize: vertical }}
.labkit-explorer.jupyter-widgets-disconnected::before {{ display: block;
  content: "The kernel of this panel is gone: run its cell again.";
  border-left: 3px solid {palette.ORANGE}; padding: 4px 10px }}
.labkit-explorer .jupyter-widgets-disconnected::before {{ display: none }}
.labkit-explorer.jupyter-widgets-disconnected .lk-line {{ visibility: hidden }}
.jp-OutputArea-child:has(.labkit-explorer) + .jp-OutputArea-child, body:has(.labkit-explorer) .lk-still {{
  display: none }}
"""


class Line(anywidget.AnyWidget):
    """What a panel says of itself; sets the keys and the looks of the whole panel around it."""

    _esm, _css = _SCRIPT, _LOOKS
    state = traitlets.Enum(("", "working", "growing", "stopped", "error"), "").tag(sync=True)
    """growing: what is shown is new, and more of it comes"""
    said = traitlets.Unicode("").tag(sync=True)
    """Words; never read as HTML."""
    controls = traitlets.List().tag(sync=True)
    """Ids of the widgets whose messages ask for a drawing; the page says so before the kernel answers."""

    def say(self, state: str, said: str = "") -> None:
        """Both at once."""
        with self.hold_sync():
            self.state, self.said = state, said

    def on_stop(self, stop: Any) -> None:
        """Call `stop()` when the button is pressed; a front end that can interrupts the kernel too."""
        self.on_msg(lambda _, content, __: stop() if content == "stop" else None)
