"""The words that may stand in a comment, a message or an object's name of a file of G-code: none of them is a person.

Collected from what PrusaSlicer 2.5 and 2.8, Slic3r 1.3, CuraEngine 4.13, OrcaSlicer and Bambu Studio write, and from
the start and end G-code of common machines. A surname that is also a word of the trade, such as Fan or Bridge, passes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_WORDS: Final = """
a about above abs absolute acceleration accelerations action active add adhesion advance after after_layer_change all
almost amount ams an anchor and angle any arachne arc are as asa at auto aux avoid axes axis back bambu bambustudio be
bed been before before_layer_change begin beginning below bit blob block blocks board bottom box bridge bridges brim
brush build bury busy but button bvoh by c calibrate calibrating calibration can cancel center centre cfg chamber
change changed changes changing check checking clean cleaning clear cleared click clips close cm3 code cold collision
color colour comment complete completed config connector continue continuing control cool cooldown cooling coordinates
copy corner corners correction cost count counter cp creality cube cura cura_steamengine curaengine curr current custom
cut cutter cycle d default delay density deretract diameter disable distance distances do does done down draft draw dry
duration dwell e each echo edge edges elapsed emergency empty enable enabled end ended ender ending ends energy engine
eof estimated eta even every exclude executable execute exhaust exit expert extension external extra extrude extruder
extruders extruding extrusion f fade fan fans fast feature feed feedrate feedrates filament filaments fill final find
finish finished finishing firmware first flavor flex floating flow flush flushing for free from front full further g
gantry gap gcode gcodes generated get glass go grid group h has have head header heat heatbed heatbreak heated heater
heating height help high hips hit hold home homed homing hot hotend hour hours id ideamaker idle if in increase infill
init initial initialize initializing inner input insert inserted inside instance instances interface internal interval
intro inwards ironing is it its jerk job jpg junction k kept key klipper knob knot label last layer layer_change layers
left length lengths less let level leveled leveling levelled levelling lidar lift lighting limit limits line linear
lines list little load loaded loading local low lower lowering m machine make manual mark marlin material materials max
maximum maxx maxy maxz mbl measure measures measuring mesh message metal meter meters mill millimeter millimeters
millimetres milling min mini minimum minute minutes minx miny minz mixed mk2 mk3 mk4 mm mm2 mm3 mmu mmu2 mmu3 mode
model more motion motor motors mount move moved moves moving multi multiple n name nan new next no node none nonmesh
normal not note notes notification notify now nozzle num number nylon object objects of off offset on only ooze oozing
open option or orca orcaslicer origin original other out outer outside over overhang overhangs override p pa pad panel
parameter park parking part parts path pattern pause paused pausing pc pc-abs per percent perimeter perimeters pet petg
phase pin pla place plane plate platform platter play please plus png point pos position positioning positions post
power pp preheat preheating prep prepare preparing present press pressure prevent previous primary prime priming print
printed printer printers printing probe probes probing process profile progress prusa prusament prusaslicer pull purge
purged purging push pva pvb qgl qoi quality quick raft raise raising ram rammed ramming rate rates rating raw reach
reached ready reduce relative relay release remain remaining remove removing repeat report reprap reprapfirmware
required reset resolution rest restore resume resuming retract retracting retraction retractions right routine run s
safe safety scarf scrape scratching screen scrub seam sec second seconds see select send sensor sequence series set
sets setting settings setup shape sheet shell shield short shutdown side silent simplify3d single size skin skip skirt
skirts sl slic3r slice slicer slicing slow slower slowly small soak solid soon sound spacing sparse specific speed
spiral spool squish stability stand standard standby start started starting state steamengine steel step stepper
steppers steps still stop stopped stopping store style superslicer support supports surface swap switch switched system
t tail takes target temp temperature temperatures test than that the them then these thick thickness thin this thread
threads thumbnail thumbnails time timelapse tip to toggle tool toolchange toolchanges tools top total touch toward
towards tower tpe tpu transition travel tree true tune turn type u undefined under unique unit units unknown unload
unloading unretract until up update use used uses using utc v value values variable vase velocity version vertical
vibration volume voron vt vt0 wait waiting wall walls warm warming warning was waste watch waypoint we when while whole
width will wipe wipe_end wipe_start wiped wipes wiping with without x xl xy y you your z zero zone
abl acc flash flowrate gp hb placeholder silk snapmaker studio
"""
TRADE: Final = frozenset(_WORDS.split())
"""Words that say nothing of a person."""

BETWEEN: Final = re.compile(r"[\s,;:/\\()\[\]{}|=+*#!?&<>\"'`%°~@^$]+")
_NUMBER: Final = re.compile(
    r"[a-z]?(?:\d+(?:[.:]\d+)*(?:e[-+]?\d+)?"
    r"(?:mm\d?|cm\d?|ml|kg|g|m|s|sec|min|h|hrs?|d|c|x|k|deg|st|nd|rd|th)?)+",
    re.IGNORECASE,
)
_LONG: Final = re.compile(r"(?<![\d.])\d{6,}(?![\d.])")
"""A number of six digits and more: a patient's, as likely as not."""
_CASE: Final = re.compile(r"[A-Za-z]{0,4}[-_]?(?=[a-f]*\d)[0-9a-f]{3,}", re.IGNORECASE)
"""Such as CHD-0142 and case-4c48cbce: letters too few for most names, then digits."""


def unknown_words(text: str, known: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """The words of ``text`` that nobody vouches for, as they stand there; ``known`` are more words, in lower case."""
    return tuple(word for token in BETWEEN.split(text) for word in _unknown(token, known))


def words_of(texts: Iterable[str]) -> frozenset[str]:
    """All words in ``texts``, in lower case: what a case or a profile says, a file may say too."""
    found: set[str] = set()
    for text in texts:
        for token in BETWEEN.split(text.lower()):
            found.update((token, *_pieces(token)))
    return frozenset(found - {""})


def _pieces(token: str) -> list[str]:
    return re.split(r"[-_.]+", token)


def _unknown(token: str, known: frozenset[str]) -> list[str]:
    lower = token.lower()
    if not token or lower in known or lower in TRADE:
        return []
    if _LONG.search(token):
        return [] if lower.startswith("case-") else [token]
    if _CASE.fullmatch(token):
        return []
    return [
        piece
        for piece in _pieces(token)
        if len(piece) > 1
        and piece.lower() not in TRADE
        and piece.lower() not in known
        and not _NUMBER.fullmatch(piece)
        and any(c.isalnum() for c in piece)
    ]
