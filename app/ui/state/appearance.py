"""Changes of the look that last: the theme and the settings file in one step."""

from .services import Services

SCALES = (0.85, 0.9, 1.0, 1.1, 1.25, 1.4, 1.6)


def choose_theme(services: Services, mode: str) -> None:
    """Follow the "system", or stay "light" or "dark"."""
    services.settings.change(theme=mode)
    services.theme.choose(mode)


def choose_scale(services: Services, scale: float) -> None:
    """Multiply every type size by ``scale``."""
    services.settings.change(text_scale=scale)
    services.theme.resize(scale)


def step_scale(services: Services, by: int) -> None:
    """The next larger (+1) or smaller (-1) of the usual sizes."""
    at = nearest(services.theme.scale) + by
    choose_scale(services, SCALES[max(0, min(len(SCALES) - 1, at))])


def nearest(scale: float) -> int:
    """Which of the usual sizes is closest."""
    return min(range(len(SCALES)), key=lambda at: abs(SCALES[at] - scale))
