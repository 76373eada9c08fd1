"""Face regions in XMP: read them, and merge new ones into a packet that keeps all it holds.

Source: Metadata Working Group, Guidelines for Handling Image Metadata 2.0, "Region metadata". An
area has a centre and a size, as shares of the stored image: before its EXIF orientation is undone.
"""

import codecs
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from xml.dom import minidom
from xml.dom.minidom import Document, Element
from xml.parsers.expat import ExpatError

import numpy as np

from mien.errors import ImageError
from mien.geometry import iou
from mien.types import Doubles, Floats

X = "adobe:ns:meta/"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
MWG = "http://www.metadataworkinggroup.com/schemas/regions/"
DIM = "http://ns.adobe.com/xap/1.0/sType/Dimensions#"
AREA = "http://ns.adobe.com/xmp/sType/Area#"
PREFIXES = {"rdf": RDF, "mwg-rs": MWG, "stDim": DIM, "stArea": AREA}
SAME = 0.3  # intersection over union from which two boxes are one face: programs frame freely
OTHER_SHAPE = 0.02  # relative difference of aspect ratios: the image was cropped since
EMPTY = f'<x:xmpmeta xmlns:x="{X}" x:xmptk="mien"><rdf:RDF xmlns:rdf="{RDF}"/></x:xmpmeta>'
HEAD, TAIL = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>', '<?xpacket end="w"?>'


@dataclass(frozen=True, slots=True, eq=False)
class FaceRegion:
    """One face that somebody, or a program, marked in an image."""

    box: Floats  # (4,) left, top, right, bottom: px of the upright image
    name: str | None  # None: marked without a name


@dataclass(frozen=True, slots=True)
class Merged:
    """A packet with new regions, and what became of them."""

    xmp: bytes
    added: int  # regions that were not there
    named: int  # regions that were there without a name
    kept: tuple[str, ...]  # names that stand where another name was found


def read_regions(xmp: bytes, size: tuple[int, int], orientation: int) -> list[FaceRegion]:
    """Return the face regions of an XMP packet.

    Args:
        xmp: the packet or sidecar.
        size: height, width of the upright image.
        orientation: EXIF orientation of the image, 1 to 8.

    Raises:
        ImageError: it is not XML.
    """
    return list(_faces(_parsed(xmp), size, orientation))


def merge_regions(
    xmp: bytes | None, faces: Sequence[FaceRegion], size: tuple[int, int], orientation: int
) -> Merged:
    """Return a packet with the faces in addition to all that it holds.

    A face that is there already is not added twice. A name that is there stays, since a person
    may have given it; a region without a name gets one.

    Args:
        xmp: the packet; None: a new one.
        faces: with names or without.
        size: height, width of the upright image.
        orientation: EXIF orientation of the image, 1 to 8.

    Raises:
        ImageError: it is not XML, or its regions were made for an image of another shape.
    """
    document = _parsed(xmp) if xmp else minidom.parseString(EMPTY)
    bag = _bag(document, size, orientation)
    there = [(one, _region(one, size, orientation)) for one in _items(document)]
    added, named, kept = 0, 0, []
    for face in faces:
        element, found = _same(face, there)
        if found is None or element is None:
            added += 1
            element = _append(document, bag, face, size, orientation)
            there.append((element, face))
        elif found.name is None and face.name is not None:
            named += 1
            _set_name(element, face.name)
        elif face.name is not None and found.name != face.name:
            kept.append(found.name or "")
    return Merged(_written(document), added, named, tuple(kept))


def stored_box(box: Floats, size: tuple[int, int], orientation: int) -> Floats:
    """Return an upright box as shares of the stored image: left, top, right, bottom."""
    across = box.astype(np.float64).reshape(2, 2) / (size[1], size[0])
    return _corners(_to_stored(across, orientation))


def upright_box(shares: Floats, size: tuple[int, int], orientation: int) -> Floats:
    """Return a box of shares of the stored image in px of the upright image."""
    back = {6: 8, 8: 6}.get(orientation, orientation)  # the others undo themselves
    corners = _to_stored(shares.astype(np.float64).reshape(2, 2), back)
    return _corners(corners * (size[1], size[0]))


def _to_stored(points: Doubles, orientation: int) -> Doubles:
    """Turn (N, 2) shares of the upright image. Source: Exif 2.32, tag 274, as `upright`."""
    x, y = points[:, 0], points[:, 1]
    turned = {
        2: (1 - x, y),
        3: (1 - x, 1 - y),
        4: (x, 1 - y),
        5: (y, x),
        6: (y, 1 - x),
        7: (1 - y, 1 - x),
        8: (1 - y, x),
    }
    return np.stack(turned.get(orientation, (x, y)), axis=1)


def _corners(points: Doubles) -> Floats:
    return np.concatenate([points.min(axis=0), points.max(axis=0)]).astype(np.float32)


def _parsed(xmp: bytes) -> Document:
    if xmp[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        xmp = xmp.decode("utf-16", "replace").encode()
    if b"<!DOCTYPE" in xmp.replace(b"\0", b""):  # entities can grow without limit
        raise ImageError("The XMP has a document type, which XMP does not allow; it is not read.")
    try:
        # Padding: programs leave room in a packet, filled with spaces or zero bytes.
        return minidom.parseString(xmp.strip(b"\0 \r\n\t\xef\xbb\xbf"))
    except (ExpatError, ValueError, LookupError) as error:
        raise ImageError(f"The XMP is not well-formed XML ({error}).") from error


def _faces(document: Document, size: tuple[int, int], orientation: int) -> Iterator[FaceRegion]:
    for one in _items(document):
        region = _region(one, size, orientation)
        if region is not None:
            yield region


def _items(document: Document) -> list[Element]:
    """Return the elements of all lists of regions."""
    return [
        item
        for regions in document.getElementsByTagNameNS(MWG, "RegionList")
        for item in regions.getElementsByTagNameNS(RDF, "li")
        if _list_of(item) is regions
    ]


def _list_of(item: Element) -> object:
    """Return the list that an item belongs to; its own parts may hold lists, too."""
    node = item.parentNode
    while node is not None and getattr(node, "localName", None) in {"Bag", "Seq", "Alt"}:
        node = node.parentNode
    return node


def _region(item: Element, size: tuple[int, int], orientation: int) -> FaceRegion | None:
    """Return the face of an item; None if it is no face, or has no usable area."""
    area = next(iter(item.getElementsByTagNameNS(MWG, "Area")), None)
    if area is None or (_value(item, MWG, "Type") or "Face").casefold() != "face":
        return None
    try:
        x, y, wide, tall = (float(_value(area, AREA, key) or "nan") for key in ("x", "y", "w", "h"))
    except ValueError:
        return None
    unit = _value(area, AREA, "unit") or "normalized"
    if not np.isfinite([x, y, wide, tall]).all() or min(wide, tall) <= 0 or unit != "normalized":
        return None
    shares = np.array([x - wide / 2, y - tall / 2, x + wide / 2, y + tall / 2], np.float32)
    name = (_value(item, MWG, "Name") or "").strip() or None
    return FaceRegion(upright_box(shares, size, orientation), name)


def _value(node: Element, space: str, name: str) -> str | None:
    """Return a property: an attribute or an element, of the node or of its description."""
    holders = [node, *(c for c in _children(node) if c.localName == "Description")]
    for holder in holders:
        if holder.hasAttributeNS(space, name):
            return str(holder.getAttributeNS(space, name))
        for child in _children(holder):
            if child.namespaceURI == space and child.localName == name:
                return "".join(part.data for part in child.childNodes if hasattr(part, "data"))
    return None


def _children(node: Element) -> Iterator[Element]:
    return (child for child in node.childNodes if isinstance(child, Element))


def _same(
    face: FaceRegion, there: Iterable[tuple[Element, FaceRegion | None]]
) -> tuple[Element | None, FaceRegion | None]:
    """Return the region that marks the same face, and its element."""
    known = [(element, region) for element, region in there if region is not None]
    if not known:
        return None, None
    overlaps = iou(face.box[None], np.stack([region.box for _, region in known]))[0]
    best = int(overlaps.argmax())
    return known[best] if overlaps[best] >= SAME else (None, None)


def _bag(document: Document, size: tuple[int, int], orientation: int) -> Element:
    """Return the list of regions; it is made if it is missing."""
    wide, tall = (size[1], size[0]) if orientation < 5 else (size[0], size[1])
    for regions in document.getElementsByTagNameNS(MWG, "Regions"):
        _check_shape(regions, wide, tall)
        for listed in regions.getElementsByTagNameNS(MWG, "RegionList"):
            for bag in _children(listed):
                if bag.localName in {"Bag", "Seq"}:
                    return bag
    root = next(iter(document.getElementsByTagNameNS(RDF, "RDF")), None)
    if root is None:
        raise ImageError("The XMP has no rdf:RDF element, so nothing can be added to it.")
    description = _new(document, root, RDF, "rdf:Description", {"rdf:about": _about(root)})
    regions = _new(document, description, MWG, "mwg-rs:Regions", {"rdf:parseType": "Resource"})
    applied = {"stDim:w": str(wide), "stDim:h": str(tall), "stDim:unit": "pixel"}
    _new(document, regions, MWG, "mwg-rs:AppliedToDimensions", applied)
    listed = _new(document, regions, MWG, "mwg-rs:RegionList", {})
    return _new(document, listed, RDF, "rdf:Bag", {})


def _about(root: Element) -> str:
    """Return what the packet is about: all descriptions of a packet state the same."""
    first = next((c for c in _children(root) if c.localName == "Description"), None)
    return first.getAttributeNS(RDF, "about") if first is not None else ""


def _check_shape(regions: Element, wide: int, tall: int) -> None:
    """Refuse regions of an image that was cropped or turned since: they lie elsewhere now."""
    for applied in regions.getElementsByTagNameNS(MWG, "AppliedToDimensions"):
        try:
            w, h = (float(_value(applied, DIM, key) or "nan") for key in ("w", "h"))
        except ValueError:
            continue
        if w > 0 and h > 0 and abs(w / h * tall / wide - 1) > OTHER_SHAPE:
            raise ImageError(
                f"The regions of the XMP were made for an image of {w:g} x {h:g} px, but the "
                f"stored image has {wide} x {tall}; it was cropped or turned. Remove the old "
                "regions first."
            )


def _append(
    document: Document, bag: Element, face: FaceRegion, size: tuple[int, int], orientation: int
) -> Element:
    left, top, right, bottom = stored_box(face.box, size, orientation).clip(0, 1).tolist()
    item = _new(document, bag, RDF, "rdf:li", {})
    name = {"mwg-rs:Name": face.name} if face.name else {}
    inner = _new(document, item, RDF, "rdf:Description", {"mwg-rs:Type": "Face", **name})
    area = {"x": (left + right) / 2, "y": (top + bottom) / 2, "w": right - left, "h": bottom - top}
    shares = {f"stArea:{key}": f"{value:.6f}" for key, value in area.items()}
    _new(document, inner, MWG, "mwg-rs:Area", {**shares, "stArea:unit": "normalized"})
    return item


def _set_name(item: Element, name: str) -> None:
    """Name a region that has no name, or an empty one."""
    holder = next((c for c in _children(item) if c.localName == "Description"), item)
    for child in list(_children(holder)):
        if child.namespaceURI == MWG and child.localName == "Name":
            holder.removeChild(child)
    if holder is item and item.getAttributeNS(RDF, "parseType") == "Resource":
        document = item.ownerDocument
        assert document is not None
        element = _new(document, item, MWG, "mwg-rs:Name", {})
        element.appendChild(document.createTextNode(name))
        return
    _set(holder, "mwg-rs:Name", name)


def _new(
    document: Document, parent: Element, space: str, name: str, attributes: dict[str, str]
) -> Element:
    element = document.createElementNS(space, name)
    parent.appendChild(element)
    _declare(element, name)
    for key, value in attributes.items():
        _set(element, key, value)
    return element


def _set(element: Element, name: str, value: str) -> None:
    _declare(element, name)
    element.setAttributeNS(PREFIXES[name.partition(":")[0]], name, value)


def _declare(element: Element, name: str) -> None:
    """Declare the prefix of a name, unless it has its meaning here already."""
    prefix = name.partition(":")[0]
    node = element
    while isinstance(node, Element):
        if node.hasAttribute(f"xmlns:{prefix}"):
            if node.getAttribute(f"xmlns:{prefix}") == PREFIXES[prefix]:
                return
            break
        node = node.parentNode  # type: ignore[assignment]
    element.setAttributeNS("http://www.w3.org/2000/xmlns/", f"xmlns:{prefix}", PREFIXES[prefix])


def _written(document: Document) -> bytes:
    root = document.documentElement
    assert root is not None
    return f"{HEAD}\n{root.toxml()}\n{TAIL}".encode()
