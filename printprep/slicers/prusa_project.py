"""The project file that PrusaSlicer reads: one object, a volume a part, each with its tool.

A 3MF is a zip. PrusaSlicer keeps what belongs together only inside ONE ``<object>``: its triangles are all parts'
triangles in order, and ``Metadata/Slic3r_PE_model.config`` cuts them into volumes by index. Where volumes overlap the
later one wins, so the order is the priority. The file is written by hand because it is the engine's private dialect,
and because formatting 300,000 triangles at once is many times faster than an object model.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal
from xml.sax.saxutils import quoteattr

from printprep.files import replacing
from printprep.geometry.mesh import Mesh, join

VolumeType = Literal["ModelPart", "ParameterModifier", "SupportBlocker", "SupportEnforcer"]

_CONTENT_TYPES: Final = """<?xml version="1.0" encoding="UTF-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
 <Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
 <Default Extension="model" ContentType="application/vnd.ms-package.3dmanufacturing-3dmodel+xml"/>
</Types>
"""
_RELATIONS: Final = """<?xml version="1.0" encoding="UTF-8"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
 <Relationship Target="/3D/3dmodel.model" Id="rel-1" \
Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/>
</Relationships>
"""
_MODEL_HEAD: Final = """<?xml version="1.0" encoding="UTF-8"?>
<model unit="millimeter" xml:lang="en-US" xmlns="http://schemas.microsoft.com/3dmanufacturing/core/2015/02" \
xmlns:slic3rpe="http://schemas.slic3r.org/3mf/2017/06">
 <metadata name="slic3rpe:Version3mf">1</metadata>
 <resources>
  <object id="1" type="model">
   <mesh>
    <vertices>
"""
_MODEL_TAIL: Final = """    </triangles>
   </mesh>
  </object>
 </resources>
 <build>
  <item objectid="1" transform="1 0 0 0 1 0 0 0 1 0 0 0" printable="1"/>
 </build>
</model>
"""
_IDENTITY: Final = "1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1"
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can say: the same parts give the same bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """One volume of the object, in the plate frame.

    Parameters
    ----------
    name
        Of the part; it may appear in the G-code, so never the name of a file.
    mesh
        mm, origin at the bed's front left corner, z up.
    tool
        0-based tool that prints it; None leaves the object's.
    kind
        A part of the model, or a modifier of what lies inside it.
    settings
        The engine's own keys for this volume alone, such as ``{"fill_density": "40%"}``.
    """

    name: str
    mesh: Mesh
    tool: int | None = None
    kind: VolumeType = "ModelPart"
    settings: Mapping[str, str] = field(default_factory=dict)


def write_project(path: Path, volumes: Sequence[Volume], name: str = "plate") -> None:
    """Write the project file of ``volumes``, in their order, to ``path``.

    The file appears whole or not at all. Where two model parts overlap the later one wins.

    Raises
    ------
    ValueError
        No volumes, a volume without triangles, or no model part among them.
    OSError
        The file cannot be written.
    """
    if not any(volume.kind == "ModelPart" for volume in volumes) or not all(len(v.mesh) for v in volumes):
        raise ValueError("a project needs at least one model part, and triangles in every volume")
    entries = {
        "[Content_Types].xml": _CONTENT_TYPES,
        "_rels/.rels": _RELATIONS,
        "3D/3dmodel.model": _model(join([volume.mesh for volume in volumes])),
        "Metadata/Slic3r_PE_model.config": _volumes(volumes, name),
    }
    with replacing(path) as draft, zipfile.ZipFile(draft, "w") as archive:
        for entry, text in entries.items():
            info = zipfile.ZipInfo(entry, _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, text, compresslevel=1)


def _model(mesh: Mesh) -> str:
    """The 3MF model part: vertices to a nanometre, triangles in the order given."""
    vertex = '     <vertex x="%.6f" y="%.6f" z="%.6f"/>\n'
    triangle = '     <triangle v1="%d" v2="%d" v3="%d"/>\n'
    return "".join(
        (
            _MODEL_HEAD,
            (vertex * len(mesh.vertices)) % tuple(mesh.vertices.ravel().tolist()),
            "    </vertices>\n    <triangles>\n",
            (triangle * len(mesh.faces)) % tuple(mesh.faces.ravel().tolist()),
            _MODEL_TAIL,
        )
    )


def _volumes(volumes: Sequence[Volume], name: str) -> str:
    """PrusaSlicer's own part: which triangles are which volume, and what prints it."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<config>", ' <object id="1" instances_count="1">']
    lines.append(_metadata("object", "name", name, indent=2))
    first = 0
    for volume in volumes:
        last = first + len(volume.mesh) - 1
        lines.append(f'  <volume firstid="{first}" lastid="{last}">')
        keys = {"name": volume.name, "volume_type": volume.kind, "matrix": _IDENTITY, **volume.settings}
        if volume.tool is not None:
            keys["extruder"] = str(volume.tool + 1)
        lines.extend(_metadata("volume", key, value, indent=3) for key, value in keys.items())
        lines.append("  </volume>")
        first = last + 1
    return "\n".join([*lines, " </object>", "</config>", ""])


def _metadata(kind: str, key: str, value: str, *, indent: int) -> str:
    return f"{' ' * indent}<metadata type={quoteattr(kind)} key={quoteattr(key)} value={quoteattr(value)}/>"
