"""A run before one's eyes in JupyterLab: the curve grows while the cell runs, and an interrupt stops it."""

import os
import re

import pytest

pytestmark = pytest.mark.browser

CELL = 'import labkit as lab\nrun = lab.train("nano", corpus="repeated", layers=2, batch=16, minutes=9, name="long")'


def test_the_curve_grows_while_it_trains_and_an_interrupt_leaves_the_final_picture(desk):
    pictures = os.environ.get("LABKIT_PICTURES", "")
    dark = pictures.endswith("dark")
    with desk.opened(desk.written("live", CELL), dark=dark, height=900) as lesson:
        page = lesson.page
        page.evaluate("() => { jupyterapp.commands.execute('notebook:run-all-cells'); }")
        page.wait_for_selector(".jp-OutputArea .js-plotly-plot", timeout=120_000)
        status = page.locator(".jp-OutputArea [role=status]").first
        first = status.text_content()
        assert re.match(r"step [\d,]+ · loss \d\.\d+ nats · [\d.,]+ thousand tokens/s · \d+:\d\d left", first), first
        page.wait_for_function("was => document.querySelector('.jp-OutputArea [role=status]').textContent != was",
                               arg=first, timeout=60_000)  # fmt: skip
        page.wait_for_selector(".jp-OutputArea .lk-sample:has-text('▸')", timeout=60_000)
        if pictures:
            page.screenshot(path=f"{pictures}-running.png")
        page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.interrupt()")
        page.wait_for_selector(".jp-OutputArea .lk-note:has-text('million parameters')", timeout=60_000)
        lesson.settle()
        if pictures:
            page.screenshot(path=f"{pictures}-stopped.png")
        outputs = [output for cell in lesson.cells() for output in cell["outputs"]]
        assert [output for output in outputs if output["output_type"] == "error"] == []
        kept = [set(output["data"]) for output in outputs if "data" in output]
        assert not any("application/vnd.jupyter.widget-view+json" in mimes for mimes in kept), (
            "what is kept is no widget"
        )
        assert any("application/vnd.plotly.v1+json" in mimes for mimes in kept)
        said = " ".join(output["data"].get("text/plain", "") for output in outputs if "data" in output)
        assert re.search(r"long: 0\.40 million parameters, [\d,]+ steps", said), said
        assert lesson.errors == []
        assert lesson.strangers == []
        assert page.locator(".jp-OutputArea [role=status]").count() == 0
    assert (desk.server.home / "runs" / "long" / "checkpoints").is_dir()
