"""Lessons in a real browser: JupyterLab in Chromium, cut off from the network."""
