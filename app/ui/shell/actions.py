"""The commands of the whole window, with their keys: the palette and the sheet list them."""

from collections.abc import Callable
from pathlib import Path

from app.messages.translate import tr
from app.ui.state.appearance import choose_scale, choose_theme, step_scale
from app.ui.state.commands import Command
from app.ui.state.models.model_library import Library
from app.ui.state.services import Services

from .model_opening import ModelOpening
from .window import Window


def window_commands(
    services: Services,
    window: Window,
    opening: ModelOpening,
    switch: Callable[[], None],
    run: Callable[[], None],
) -> list[Command]:
    """Everything that works on every page, in the order the palette shows it.

    ``switch`` offers other models, ``run`` other ways to run the one that is open.
    """
    group = tr("Models")
    models = [
        Command(tr("Switch to another model"), switch, "Ctrl+M", "models", group),
        Command(tr("Change how the model runs"), run, "Ctrl+Shift+M", "sliders", group),
        Command(tr("Free the graphics card"), _freeing(services), "", "eject", group),
        *model_file_commands(services, opening),
    ]
    chat = [*_begin(window), *_trash(window), *_prompt(services, window)]
    return [*_pages(window), *chat, *models, *_look(services, window), *_help(window)]


def model_commands(library: Library, opening: ModelOpening) -> list[Command]:
    """One command a model that can be opened, by its name."""

    def opens(path: Path) -> Callable[[], None]:
        return lambda: opening.open(path)

    return [
        Command(tr("Chat with {}").format(one.title), opens(one.path), "", "chat", tr("Models"))
        for one in library.entries
        if one.usable and one.path is not None
    ]


def _pages(window: Window) -> list[Command]:
    group = tr("Go to")
    above = [place for place in window.places if not place.below]
    made = [
        Command(place.label, _going(window, place.key), f"Ctrl+{at}", place.picture, group)
        for at, place in enumerate(above, 1)
    ]
    below = [place for place in window.places if place.below]
    return made + [
        Command(place.label, _going(window, place.key), "Ctrl+,", place.picture, group)
        for place in below
    ]


def _begin(window: Window) -> list[Command]:
    """An empty conversation, from whatever page."""

    def begin() -> None:
        from app.ui.chat.chat_page import ChatPage  # read when it is first visited

        page = window.go("chat")
        if isinstance(page, ChatPage):
            page.begin()

    words = tr("New conversation")
    return [Command(words, begin, "Ctrl+N", "plus", tr("Chat"))] if window.knows("chat") else []


def _trash(window: Window) -> list[Command]:
    def show() -> None:
        from app.ui.chat.chat_page import ChatPage  # read when it is first visited

        page = window.go("chat")
        if isinstance(page, ChatPage):
            page.show_trash()

    words = tr("Trash: deleted conversations")
    return [Command(words, show, "", "trash", tr("Chat"))] if window.knows("chat") else []


def _prompt(services: Services, window: Window) -> list[Command]:
    """What the model has read of the conversation that is shown, as a text."""

    def show() -> None:
        from app.ui.chat.chat_page import ChatPage  # read when it is first visited
        from app.ui.state.chat.prompt_as_text import open_prompt

        page = window.go("chat")
        if isinstance(page, ChatPage) and page.controller.tree.leaf is not None:
            open_prompt(services, page.controller, page.controller.tree.leaf)

    words = tr("Open the conversation’s exact prompt in the playground")
    found = window.knows("chat") and window.knows("playground")
    return [Command(words, show, "", "playground", tr("Chat"))] if found else []


def model_file_commands(services: Services, opening: ModelOpening) -> list[Command]:
    """Open another file or folder, or close what is open."""
    group = tr("Models")
    return [
        Command(tr("Open a model file…"), opening.ask_file, "Ctrl+O", "folder-open", group),
        Command(tr("Add a folder of models…"), opening.ask_folder, "", "folder-plus", group),
        Command(tr("Open the small guide"), opening.open_guide, "", "rookery", group),
        Command(tr("Close the model"), services.session.unload, "", "eject", group),
    ]


def _look(services: Services, window: Window) -> list[Command]:
    group = tr("Look")

    def dress(mode: str) -> Callable[[], None]:
        return lambda: choose_theme(services, mode)

    def larger() -> None:
        step_scale(services, +1)

    def smaller() -> None:
        step_scale(services, -1)

    def usual() -> None:
        choose_scale(services, 1.0)

    return [
        Command(tr("Light theme"), dress("light"), "", "sun", group),
        Command(tr("Dark theme"), dress("dark"), "", "moon", group),
        Command(tr("Follow the system’s theme"), dress("system"), "", "monitor", group),
        Command(tr("Larger text"), larger, "Ctrl++", "text-size", group, ("Ctrl+=",)),
        Command(tr("Smaller text"), smaller, "Ctrl+-", "text-size", group),
        Command(tr("Usual text size"), usual, "Ctrl+0", "text-size", group),
        Command(tr("Full screen"), window.toggle_full_screen, "F11", "monitor", group),
    ]


def _help(window: Window) -> list[Command]:
    group = tr("Rookery")
    return [
        Command(tr("Undo what was just done"), window.notices.undo, "Ctrl+Z", "undo", group),
        Command(tr("All commands"), window.show_palette, "Ctrl+K", "command", group),
        Command(
            tr("Keyboard shortcuts"), window.show_shortcuts, "F1", "keyboard", group, ("Ctrl+/",)
        ),
        Command(tr("Quit"), window.close_asked.emit, "Ctrl+Q", "close", group),
    ]


def _freeing(services: Services) -> Callable[[], None]:
    """The model goes on on the processor; where it is there already, that is said."""

    def free() -> None:
        if services.free_gpu.possible:
            services.free_gpu.free()
        elif not services.free_gpu.moving:
            services.notices.news(tr("No model is on a graphics card."))

    return free


def _going(window: Window, key: str) -> Callable[[], None]:
    def go() -> None:
        window.go(key)

    return go
