"""How the page looks: Gradio's theme, with the machine's own fonts, and colours that can be told apart."""

import gradio as gr

FONT = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]
EDGE, EDGE_DARK = "#8a837d", "#a8a29e"  # of what is written in or picked: 3 to 1 beside whatever lies next to it
COLOURS = {  # dark enough beside white, and light enough beside black, to be read
    "body_background_fill": "*neutral_100",
    "block_background_fill": "white",
    "block_background_fill_dark": "*neutral_800",
    "block_border_width": "1px",
    "block_shadow": "none",
    "button_primary_background_fill": "#b43c08",
    "button_primary_background_fill_hover": "#8f2f06",
    "button_primary_background_fill_dark": "#c2410c",
    "button_primary_text_color": "white",
    "block_title_text_color": "*body_text_color",
    "block_title_background_fill": "none",
    "block_label_text_color": "*body_text_color",
    "input_placeholder_color": "#78716c",
    "input_placeholder_color_dark": "#a8a29e",
    "body_text_color_subdued": "#57534e",
    "body_text_color_subdued_dark": "#c4bfba",
    "checkbox_label_background_fill_selected": "#b43c08",
    "checkbox_label_background_fill_selected_dark": "#b43c08",
    "checkbox_label_text_color_selected": "white",
    "input_border_width": "1px",
    "input_border_color": EDGE,
    "input_border_color_dark": EDGE_DARK,
    "input_border_color_focus": "*primary_600",
    "input_border_color_focus_dark": "*primary_500",
    "checkbox_border_color": EDGE,
    "checkbox_border_color_dark": EDGE_DARK,
    "checkbox_label_border_width": "1px",
    "checkbox_label_border_color": EDGE,
    "checkbox_label_border_color_dark": EDGE_DARK,
}


def theme() -> gr.themes.Base:
    """The theme, light and dark."""
    return gr.themes.Soft(primary_hue="orange", neutral_hue="stone", font=FONT, font_mono=MONO).set(**COLOURS)
