"""Colours and type. System fonts only: nothing is fetched, and text looks like the rest of the desktop."""

from __future__ import annotations

import gradio as gr

THEME = gr.themes.Base(
    primary_hue=gr.themes.colors.sky,
    neutral_hue=gr.themes.colors.slate,
    radius_size=gr.themes.sizes.radius_sm,
    # Plain strings: gradio looks up anything else among its own fonts, and on the network if it has none.
    font=["system-ui", "Segoe UI", "Roboto", "Helvetica Neue", "Arial", "sans-serif"],
    font_mono=["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"],
).set(
    body_background_fill="*neutral_50",
    body_background_fill_dark="*neutral_950",
    button_primary_background_fill="*primary_800",
    button_primary_background_fill_hover="*primary_700",
    button_primary_background_fill_dark="*primary_800",
    button_primary_background_fill_hover_dark="*primary_700",
    button_primary_text_color="white",
)
