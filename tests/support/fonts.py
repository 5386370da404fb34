"""Small fonts with the measures of well-known ones, and a fontconfig that knows no others."""

from dataclasses import dataclass
from pathlib import Path

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

LATIN = "".join(map(chr, range(0x20, 0x7F))) + "…·–—‑•“”’é"
CHINESE = "我的模型很长漢字工作"
BIRD = "🐦"
_WIDE, _NARROW = "MWmw@%", " iIjl.,:;'|!"


@dataclass(frozen=True)
class Face:
    """A font's measures in its own units, as its tables give them.

    ``typo`` are ascender, descender and line gap of OS/2; ``hhea`` those of the other table.
    A ``fixed`` face gives all letters the same ``advance``; in others it is that of most letters.
    """

    family: str
    units: int
    hhea: tuple[int, int, int]
    typo: tuple[int, int, int]
    advance: int
    letters: str = LATIN
    fixed: bool = False


@dataclass(frozen=True)
class FontSet:
    """All fonts of a machine; ``sans`` and ``mono`` are what it takes where none is named."""

    name: str
    faces: tuple[Face, ...] = ()
    sans: str = ""
    mono: str = ""
    hinted: bool = True
    """Whether letters are hinted slightly, as on most desktops: Qt then measures in fractions."""


_DEJAVU_HHEA, _DEJAVU_TYPO = (1901, -483, 0), (1556, -492, 410)
_NOTO, _CHINESE_HHEA, _CHINESE_TYPO = (1069, -293, 0), (1160, -288, 0), (880, -120, 0)
_DEJAVU = Face("DejaVu Sans", 2048, _DEJAVU_HHEA, _DEJAVU_TYPO, 1200)
_DEJAVU_MONO = Face("DejaVu Sans Mono", 2048, _DEJAVU_HHEA, _DEJAVU_TYPO, 1233, fixed=True)
_NOTO_SANS = Face("Noto Sans", 1000, _NOTO, _NOTO, 540)
_NOTO_MONO = Face("Noto Sans Mono", 1000, _NOTO, _NOTO, 600, fixed=True)
_NOTO_CJK = Face("Noto Sans CJK SC", 1000, _CHINESE_HHEA, _CHINESE_TYPO, 1000, CHINESE, fixed=True)
_SYMBOLS = (1069, -630, 0)
_NOTO_SYMBOLS = Face("Noto Sans Symbols2", 1000, _SYMBOLS, _SYMBOLS, 1078, BIRD, fixed=True)


def _larger(face: Face, times: float) -> Face:
    """The same letters, larger at every size: as where the desktop's own type is set large."""

    def grown(measures: tuple[int, int, int]) -> tuple[int, int, int]:
        above, below, gap = (round(one * times) for one in measures)
        return above, below, gap

    return Face(
        f"{face.family} Large",
        face.units,
        grown(face.hhea),
        grown(face.typo),
        round(face.advance * times),
        face.letters,
        face.fixed,
    )


_LARGE = tuple(_larger(face, 1.4) for face in (_NOTO_SANS, _NOTO_MONO, _NOTO_CJK, _NOTO_SYMBOLS))
SETS = (
    FontSet("none"),
    FontSet("dejavu", (_DEJAVU, _DEJAVU_MONO), _DEJAVU.family, _DEJAVU_MONO.family),
    FontSet(
        "noto",
        (_NOTO_SANS, _NOTO_MONO, _NOTO_CJK, _NOTO_SYMBOLS),
        _NOTO_SANS.family,
        _NOTO_MONO.family,
    ),
    FontSet("large", _LARGE, _LARGE[0].family, _LARGE[1].family, hinted=False),
)


def write_fonts(fonts: FontSet, folder: Path) -> Path:
    """Write the fonts of a set and its fontconfig file into ``folder``; gives the file's path."""
    place = folder / "fonts"
    place.mkdir(parents=True)
    for number, face in enumerate(fonts.faces):
        _write(face, place / f"{number}.ttf")
    slight = (
        '<match target="pattern">'
        '<edit name="hinting" mode="assign"><bool>true</bool></edit>'
        '<edit name="hintstyle" mode="assign"><const>hintslight</const></edit>'
        "</match>"
    )
    lines = (
        '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>',
        f"<dir>{place}</dir><cachedir>{folder / 'cache'}</cachedir>",
        _preferred("sans-serif", fonts.sans) if fonts.sans else "",
        _preferred("monospace", fonts.mono) if fonts.mono else "",
        slight if fonts.hinted else "",
        "</fontconfig>",
    )
    config = folder / "fonts.conf"
    config.write_text("\n".join(lines), "utf-8")
    return config


def _preferred(generic: str, family: str) -> str:
    return (
        f'<alias binding="strong"><family>{generic}</family>'
        f"<prefer><family>{family}</family></prefer></alias>"
    )


def _write(face: Face, path: Path) -> None:
    names = {ord(letter): f"u{ord(letter):X}" for letter in face.letters}
    order = [".notdef", *names.values()]
    builder = FontBuilder(face.units, isTTF=True)
    builder.setupGlyphOrder(order)
    builder.setupCharacterMap(names)
    advances = {".notdef": face.advance} | {
        name: _advance(face, chr(code)) for code, name in names.items()
    }
    boxes = {name: _box(face, advance) for name, advance in advances.items()}
    builder.setupGlyf(boxes)
    builder.setupHorizontalMetrics({name: (advances[name], 0) for name in order})
    above, below, gap = face.hhea
    builder.setupHorizontalHeader(ascent=above, descent=below, lineGap=gap)
    builder.setupNameTable({"familyName": face.family, "styleName": "Regular"})
    typo_above, typo_below, typo_gap = face.typo
    builder.setupOS2(
        sTypoAscender=typo_above,
        sTypoDescender=typo_below,
        sTypoLineGap=typo_gap,
        usWinAscent=above,
        usWinDescent=-below,
        sxHeight=face.advance,
        sCapHeight=face.advance,
        fsSelection=0x40,
        xAvgCharWidth=face.advance,
    )
    builder.setupPost(isFixedPitch=int(face.fixed))
    builder.save(path)


def _advance(face: Face, letter: str) -> int:
    if face.fixed:
        return face.advance
    return face.advance * (3 if letter in _WIDE else 1 if letter in _NARROW else 2) // 2


def _box(face: Face, advance: int):
    """A filled box, so that what is painted can be seen."""
    pen = TTGlyphPen(None)
    edge, high = advance // 10, face.units * 7 // 10
    pen.moveTo((edge, 0))
    for corner in ((edge, high), (advance - edge, high), (advance - edge, 0)):
        pen.lineTo(corner)
    pen.closePath()
    return pen.glyph()
