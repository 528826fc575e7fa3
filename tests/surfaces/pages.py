"""Pages on which a message stands as each surface of Jenkins puts it there: after their sources, none of their code.

Each has the elements around the message, and what decides how its text runs (does it break where lines end, how wide,
how large), as read in the sources that it names. Colours and the rest are near enough. No controller is asked.
"""

import re
from collections.abc import Callable, Mapping
from html import escape

_FORM = """<label>comment <input value=""></label><p><button class="first">Approve</button> <button>{no}</button></p>"""
_SANS = 'system-ui, "Liberation Sans", Arial, sans-serif'


def blue_ocean(message: str) -> str:
    """blueocean-dashboard, karaoke/components/InputStep.jsx and forms/index.less; stringUtil.js takes out markup."""
    text = escape(re.sub(r"<[^>]*>", "", message))
    style = """
        main { background: #f6f6f6; border: 1px solid #eee; color: #4a4a4a; padding: 26px 32px; }
        main > div { width: 400px; margin: auto; white-space: pre-wrap; font: 14px/1.43 Lato, Arial, sans-serif; }
        .message { font-size: 24px; font-weight: 300; margin: 0; padding-bottom: 24px; overflow-wrap: anywhere; }"""
    return _page(style, f'<main><div><h3 class="message">{text}</h3>{_FORM.format(no="Cancel")}</div></main>')


def classic(message: str) -> str:
    """pipeline-input-step, InputStepExecution/index.jelly; headings as in Jenkins' own style."""
    style = f"""
        main {{ font: 14px/1.5 {_SANS}; color: #14141f; padding: 1px 24px 24px; }}
        .message {{ font-size: 24px; font-weight: 600; line-height: 1.2; overflow-wrap: anywhere; }}"""
    return _page(style, f'<main><h1 class="message">{escape(message)}</h1>{_FORM.format(no="Abort")}</main>')


def graph_view(message: str) -> str:
    """pipeline-graph-view, InputStep.tsx, console-log-card.scss; the dialog's title is a header, from dialog.jelly."""
    title = re.sub(r"[\x00-\x1f\x7f]", " ", message).encode("latin-1", "replace").decode("latin-1")
    style = f"""
        main {{ font: 14px/1.5 {_SANS}; color: #14141f; padding: 24px; }}
        .card {{ display: flex; align-items: center; gap: 12px; background: #f7fbff; border: 1px solid #dde; }}
        .card {{ border-radius: 6px; padding: 14px; margin-bottom: 32px; }}
        .card b {{ border: 3px double #07c; border-radius: 50%; width: 14px; height: 14px; flex-shrink: 0; }}
        .card span {{ max-width: 80%; overflow: hidden; text-overflow: ellipsis; font-weight: 600; }}
        .dialog {{ width: 700px; margin: auto; border: 1px solid #ccc; border-radius: 12px; padding: 20px; }}
        .dialog {{ box-shadow: 0 8px 30px #0002; }}
        .dialog > span {{ display: block; font-weight: 600; font-size: 18px; overflow-wrap: anywhere; }}"""
    card = f'<div class="card"><b></b><span class="message">{escape(message)}</span></div>'
    dialog = f'<div class="dialog"><span class="title">{escape(title)}</span>{_FORM.format(no="Abort")}</div>'
    return _page(style, f'<main>{card}<p><button class="first">Approve</button></p>{dialog}</main>')


def stage_view(message: str) -> str:
    """pipeline-stage-view, run-input-required.hbs and info-action-popover.less: escaped, a line end is a break."""
    text = escape(message).replace("\n", "<br>")
    style = """
        main { padding: 24px; }
        main > div { font: 12.6px/1.43 "Helvetica Neue", Helvetica, Arial, sans-serif; max-width: 35em; padding: 15px; }
        main > div { background: #fcf8e3; border: 1px solid #faebcc; border-radius: 4px; color: #8a6d3b; }
        .message { overflow-wrap: anywhere; margin-bottom: 12px; }"""
    return _page(style, f'<main><div><div class="message">{text}</div>{_FORM.format(no="Abort")}</div></main>')


SURFACES: Mapping[str, Callable[[str], str]] = {
    "blue-ocean": blue_ocean,
    "classic": classic,
    "graph-view": graph_view,
    "stage-view": stage_view,
}


def _page(style: str, body: str) -> str:
    common = """
        body { margin: 0; background: #fff; }
        input { border: 1px solid #bbb; border-radius: 4px; padding: 5px; width: 16em; font: inherit; }
        button { border: 1px solid #bbb; border-radius: 4px; padding: 6px 18px; background: #fff; font: inherit; }
        button.first { background: #1d6fd1; border-color: #1d6fd1; color: #fff; }"""
    head = f'<meta charset="utf-8"><title>A message</title><style>{common}{style}\n</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>\n'
