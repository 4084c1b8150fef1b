"""A slicer's settings among the comments of a file: hundreds of lines that name nobody, unless somebody wrote in them.

A setting's name, such as ``wipe_tower_x``, is made of words that PrusaSlicer, Slic3r, Cura, OrcaSlicer and Bambu Studio
use for that, or of the trade's other words; what is named otherwise is no setting, and is judged like any comment.
"""

from __future__ import annotations

import re
from typing import Final

from printprep.case import Severity
from printprep.gcode.vocabulary import TRADE, unknown_words

_WORDS: Final = """
3mf abrasive accel acceleration activate adaptive additional advanced air airgap algo align allow along alternate
always amf angles anti apex apikey apply arc arcs area areas arrange auto autoemit automatic autosave auxiliary
avoidance away backlash base bead beam best between big binary blackmagic bonding branch break bridging buildplate
bypass cafile calib carve chamberless changelog chord circles circumference clearance clip clockwise closing clump
clumping coast coasting cold collides colorprint combination combing command commands comments compatibility
compatible compensate compensation condition cone cones conical connect connection connections consistency consistent
contact contour contours cool coords counter counterbore critical cross crossing crystallinity cummulative curled
cutting damping datadir decel deceleration delta dependent depth detect detection detour deviation dilation direction
disable disallowed display dist distribution div dont dontcare double drag drop dual duplicate dynamic ear ears
elefant elefantfoot elevation emit enabled endstop enforce eng engineering ensure entire equalize estimation exact
excluded expand expansion experimental export exposure extensive extra extruders factor fall family feeder feedrate
fff filename filter filtration fit fitting flat flowrate flushing foot format freq frequency fuzzy gamma gaps
gcodeviewer generator gradual graph gui guid half hardness hatch heatbreak heights heuristic highest hole holes hop
horizontal host hot hrc humidity ignore image independent info inherits inset interior interlocking into join jump
keep label lapse laser lightning limit limitation limits lite location logic loglevel long loop loops magic map margin
match matrix melted merge meshes meshfix minimal mirror mixed mixing modifier mold monotonic mouse movements multi
multimaterial multipart multiplier multitool names needed negative nil nonexistent nowhere nr obj obstacle octoprint
one optimization optimize order ordering orientation outline output outward overlap overlapping override overrides
painted parameters patter penetration percentage physical pillar pixels placement plates pocket polygon polygons port
positive precise prefer preferred prefill preparation prepend preset presets preshrink prevention printable printhost
prints printspeed priority profiles prune purging purify rad radius ramping randomize ratio recommended region regions
renamed repair replaces resonance restart retracted rib role roof roofing rotate rotation round save scale scan seams
segment segmented separation sequential serial share shared sheath shells show shrink shrinkage skeleton skins sla
slope slowdown smooth smoothing soften soluble some sort spaghetti speeds spiralize spiralized split stagger staggered
stair stamping stealth steps stitching stl straight straightening strategy structure sub substitutions supertack
supported surfaces svg switching synchronize technology template tendency texture textured textures thread threads
threshold tilt times tiny tolerance topbottom totally towers travels tube types union unloading upward url usage
variant variants variation vendor vitrification volumes volumetric weight wheel where widening window wireframe wrap
wrapping write zaa zag zaggify zags zig zigzags
"""
_OF_BAMBU: Final = """
adaptation adhesiveness body boundary carving category circle coef components curve deretraction dev difference
different distortion drying during ec embedding farthest features grab gradient ids impact index instead joint lid
limitations lock locked method multicolor multiline narrow nc noise octaves persistence pre range ratios rod self shift
softening stats stickiness strength sublayer switcher symmetric vector
"""
"""In 56 of 173 names of settings in G-code that Bambu Studio wrote for an A1 in 2026, or OrcaSlicer's kin."""
_SETTING_WORDS: Final = frozenset((_WORDS + _OF_BAMBU).split())
_NAMED: Final = re.compile(r"\s*([A-Za-z0-9]+(?:_[A-Za-z0-9]+)+) ?=\s*(.*)", re.DOTALL)
_FREE_TEXT: Final = frozenset({"notes", "note", "comment", "comments", "description"})
_PROFILES: Final = frozenset(
    {
        "id", "ids", "vendor", "inherits", "printers", "prints", "profile", "materials", "model", "models", "machine",
        "variant", "condition", "group", "host", "family", "technology", "tag", "style", "format", "name", "names",
        "renamed", "type",
    }
)  # fmt: skip
"""In the names of settings that hold names of profiles, makers and machines, which look like those of persons."""
_TEMPLATE_COMMENT: Final = re.compile(r";((?:[^\\]|\\(?!n))*)")
_NAME: Final = re.compile(r"[A-ZÀ-ÖØ-Þ](?:[a-zß-öø-ÿ]|['’-](?=\w))+")
SHORT: Final = 6  # words in a line; a longer one is a remark rather than a name
FEW: Final = 3  # lines of notes; longer ones are a maker's list


def setting(comment: str) -> tuple[str, str] | None:
    """Name and value where a comment is a slicer's setting; None where its name is none of theirs."""
    found = _NAMED.match(comment)
    if found is None or not all(map(_known, found[1].split("_"))):
        return None
    return found[1], found[2].strip()


def doubt(name: str, value: str, known_words: frozenset[str]) -> Severity | None:
    """Whether the value of a setting may name a person: an error where it reads like a name, a warning in longer text.

    Names of profiles look like names of persons: these are a warning where there is nothing else in them.
    """
    pieces = set(name.lower().split("_"))
    if not _FREE_TEXT.isdisjoint(pieces):
        return _worst(value.replace("\\r", "").split("\\n"), known_words)
    if "gcode" in pieces:
        judged = {_worst([said], known_words) for said in _TEMPLATE_COMMENT.findall(value)}
        return Severity.ERROR if Severity.ERROR in judged else Severity.WARNING if judged - {None} else None
    names = _names(value, known_words)
    if not _PROFILES.isdisjoint(pieces):
        return Severity.WARNING if len(names) > 1 and len(names) == len(value.split()) else None
    return Severity.ERROR if len(names) > 1 else None


def _worst(texts: list[str], known_words: frozenset[str]) -> Severity | None:
    """Of texts that somebody wrote in words."""
    found = [(text, unknown_words(text, known_words)) for text in texts]
    if len(texts) <= FEW and any(
        len(text.split()) <= SHORT and len(_names(text, known_words)) > 1 for text, strange in found if strange
    ):
        return Severity.ERROR
    return Severity.WARNING if any(word[0].isupper() for _, strange in found for word in strange) else None


def _names(text: str, known_words: frozenset[str]) -> list[str]:
    return [word for word in unknown_words(text, known_words) if _NAME.fullmatch(word)]


def _known(piece: str) -> bool:
    return piece.isdigit() or len(piece) == 1 or piece.lower() in TRADE or piece.lower() in _SETTING_WORDS
