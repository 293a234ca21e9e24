"""A plot as SVG text: bars beside each other, or lines over a logarithmic scale. Nothing but strings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

WIDTH, HEIGHT = 460, 300
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 48, 64
COLOURS = ("#1565c0", "#9e9e9e", "#ef6c00", "#2e7d32", "#6a1b9a")


@dataclass
class Panel:
    """One picture. `series`: name to values, one for each of `places`; None where there is none."""

    title: str
    places: Sequence[str]
    unit: str
    series: dict[str, Sequence[float | None]] = field(default_factory=dict)
    bars: bool = False
    logarithmic: bool = False


def number(value: float) -> str:
    if value == 0:
        return "0"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


class Scale:
    """Values to heights within a panel."""

    def __init__(self, values: list[float], logarithmic: bool) -> None:
        highest = max(values, default=1.0) or 1.0
        self.logarithmic = logarithmic
        if logarithmic:
            lowest = min((value for value in values if value > 0), default=highest / 10)
            self.low = math.floor(math.log10(lowest))
            self.high = max(math.ceil(math.log10(highest)), self.low + 1)
            self.ticks = [10.0**power for power in range(self.low, self.high + 1)]
        else:
            step = 10.0 ** math.floor(math.log10(highest))
            step = next(part * step for part in (0.2, 0.5, 1, 2) if highest / (part * step) <= 6)
            self.low, self.high = 0, step * math.ceil(highest / step * 1.05)
            self.ticks = [step * i for i in range(round(self.high / step) + 1)]

    def y(self, value: float) -> float:
        at = math.log10(max(value, 10.0**self.low)) if self.logarithmic else value
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (at - self.low) / (self.high - self.low)


def text(x: float, y: float, words: str, anchor: str = "middle", more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {more}>{escape(words)}</text>'


def draw(panel: Panel) -> list[str]:
    values = [value for numbers in panel.series.values() for value in numbers if value is not None]
    scale = Scale(values, panel.logarithmic)
    width = (WIDTH - LEFT - RIGHT) / max(1, len(panel.places))
    parts = [text(LEFT, 20, panel.title, "start", 'class="title"'), text(LEFT, 38, panel.unit, "start")]
    for tick in scale.ticks:
        y = scale.y(tick)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>')
        parts.append(text(LEFT - 6, y + 4, number(tick), "end"))
    for i, place in enumerate(panel.places):
        parts.append(text(LEFT + width * (i + 0.5), HEIGHT - BOTTOM + 16, place))
    for i, (name, numbers) in enumerate(panel.series.items()):
        colour = COLOURS[i % len(COLOURS)]
        shape = bars if panel.bars else line
        parts += shape(numbers, scale, width, i, len(panel.series), colour)
        x = LEFT + (WIDTH - LEFT - RIGHT) / 2 * (i % 2)
        y = HEIGHT - 28 + 16 * (i // 2)
        parts.append(f'<rect x="{x:.1f}" y="{y - 9}" width="10" height="10" fill="{colour}"/>')
        parts.append(text(x + 15, y, name, "start"))
    return parts


def bars(numbers: Sequence[float | None], scale: Scale, width: float, index: int, count: int, colour: str) -> list[str]:
    parts = []
    thick = width * 0.8 / count
    for i, value in enumerate(numbers):
        if value is None:
            continue
        x = LEFT + width * (i + 0.1) + thick * index
        y = scale.y(value)
        height = HEIGHT - BOTTOM - y
        parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{thick * 0.92:.1f}" height="{height:.1f}" fill="{colour}"/>'
        )
        parts.append(text(x + thick * 0.46, y - 3, number(value), more='class="value"'))
    return parts


def line(numbers: Sequence[float | None], scale: Scale, width: float, index: int, count: int, colour: str) -> list[str]:
    points = [(LEFT + width * (i + 0.5), scale.y(value)) for i, value in enumerate(numbers) if value is not None]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
    return [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>', *dots]


def page(panels: Sequence[Panel]) -> str:
    """Panels two abreast."""
    rows = (len(panels) + 1) // 2
    columns = min(2, len(panels))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH * columns} {HEIGHT * rows}" '
        f'width="{WIDTH * columns}" height="{HEIGHT * rows}">',
        "<style>text{font:11px sans-serif;fill:#333}.title{font-size:14px;font-weight:bold}"
        ".value{font-size:9px}.grid{stroke:#ddd}</style>",
        '<rect width="100%" height="100%" fill="#fff"/>',
    ]
    for i, panel in enumerate(panels):
        parts.append(f'<g transform="translate({i % 2 * WIDTH},{i // 2 * HEIGHT})">')
        parts += draw(panel)
        parts.append("</g>")
    return "\n".join([*parts, "</svg>", ""])
