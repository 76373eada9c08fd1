"""Face regions in XMP: sidecars, photos, orientations, and what was there before."""

import shutil

import numpy as np
import pytest
from PIL import Image
from tests.export.conftest import SIZE, face

from mien.errors import ImageError
from mien.export import Wish, export
from mien.media import read_image
from mien.media.decoding import upright
from mien.media.face_regions import FaceRegion, merge_regions, read_regions, stored_box, upright_box
from mien.media.xmp import read_orientation, read_packet
from mien.service import region_items

LIGHTROOM = """<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Adobe XMP Core">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/"
    xmlns:stDim="http://ns.adobe.com/xap/1.0/sType/Dimensions#"
    xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#" xmp:Rating="4">
   <dc:subject><rdf:Bag><rdf:li>Fête</rdf:li></rdf:Bag></dc:subject>
   <mwg-rs:Regions rdf:parseType="Resource">
    <mwg-rs:AppliedToDimensions stDim:w="160" stDim:h="90" stDim:unit="pixel"/>
    <mwg-rs:RegionList><rdf:Bag>
     <rdf:li><rdf:Description mwg-rs:Name="Zoë" mwg-rs:Type="Face">
      <mwg-rs:Area stArea:h="0.45" stArea:w="0.25" stArea:x="0.25" stArea:y="0.35"
        stArea:unit="normalized"/></rdf:Description></rdf:li>
     <rdf:li rdf:parseType="Resource"><mwg-rs:Type>Pet</mwg-rs:Type><mwg-rs:Name>Rex</mwg-rs:Name>
      <mwg-rs:Area rdf:parseType="Resource"><stArea:x>0.7</stArea:x><stArea:y>0.5</stArea:y>
      <stArea:w>0.1</stArea:w><stArea:h>0.1</stArea:h></mwg-rs:Area></rdf:li>
    </rdf:Bag></mwg-rs:RegionList>
   </mwg-rs:Regions>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>"""


def regions(path, orientation=1, size=SIZE):
    return [
        (one.name, one.box.round().astype(int).tolist())
        for one in read_regions(path.read_bytes(), size, orientation)
    ]


@pytest.mark.parametrize("code", range(1, 9))
def test_boxes_are_stored_as_shares_of_the_stored_image(code):
    stored = np.zeros((40, 60, 3), np.uint8)
    stored[5:12, 10:30] = 255
    shown = upright(stored, code)
    rows, columns = np.nonzero(shown[..., 0])
    box = np.float32([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
    shares = stored_box(box, shown.shape[:2], code)
    assert np.allclose(shares * [60, 40, 60, 40], [10, 5, 30, 12], atol=1e-4)
    assert np.allclose(upright_box(shares, shown.shape[:2], code), box, atol=1e-3)


@pytest.mark.parametrize("code", [1, 3, 6, 8])
def test_a_sidecar_names_matches_only_and_marks_all(photo, tmp_path, code):
    faces = [face(10, 10, "match"), face(60, 10, "review", "Bob"), face(110, 10, "unknown", "Cyd")]
    row = photo("pic.jpg", faces, code)
    original = (tmp_path / "pic.jpg").read_bytes()
    [done] = export([row], [Wish.of("xmp")])
    assert (done.count, done.ledger.failed) == (1, [])
    assert (tmp_path / "pic.jpg").read_bytes() == original
    text = (tmp_path / "pic.jpg.xmp").read_text("utf-8")
    size = (160, 90) if code in {1, 3} else (90, 160)
    assert f'stDim:w="{size[0]}" stDim:h="{size[1]}"' in text
    assert "Bob" not in text
    assert "Cyd" not in text
    found = regions(tmp_path / "pic.jpg.xmp", code)
    assert found == [
        ("Ada", [10, 10, 50, 50]), (None, [60, 10, 100, 50]), (None, [110, 10, 150, 50]),
    ]  # fmt: skip


def test_what_a_sidecar_holds_stays(photo, tmp_path):
    row = photo("pic.jpg", [face(20, 12, "match", "Eve"), face(110, 10, "match")])
    (tmp_path / "pic.xmp").write_text(LIGHTROOM, "utf-8")
    [done] = export([row], [Wish.of("xmp-short")])
    text = (tmp_path / "pic.xmp").read_text("utf-8")
    for kept in ('xmp:Rating="4"', "Fête", "<mwg-rs:Name>Rex</mwg-rs:Name>", "Adobe XMP Core"):
        assert kept in text
    assert [name for name, _ in regions(tmp_path / "pic.xmp")] == ["Zoë", "Ada"]
    assert "keeps the name 'Zoë'" in done.ledger.notes[0]
    assert done.ledger.failed == []


def test_a_new_sidecar_begins_with_the_other_one(photo, tmp_path):
    row = photo("pic.jpg", [face(110, 10, "match")])
    (tmp_path / "pic.xmp").write_text(LIGHTROOM, "utf-8")
    export([row], [Wish.of("xmp")])
    assert "Fête" in (tmp_path / "pic.jpg.xmp").read_text("utf-8")
    assert (tmp_path / "pic.xmp").read_text("utf-8") == LIGHTROOM


def test_the_same_export_again_changes_nothing(photo, tmp_path):
    row = photo("pic.jpg", [face(10, 10, "match"), face(110, 10, "unknown")])
    export([row], [Wish.of("xmp")])
    first = (tmp_path / "pic.jpg.xmp").read_bytes()
    export([row], [Wish.of("xmp")])
    assert (tmp_path / "pic.jpg.xmp").read_bytes() == first


def test_a_face_that_had_no_name_gets_one(photo, tmp_path):
    export([photo("pic.jpg", [face(10, 10, "unknown")])], [Wish.of("xmp")])
    export([photo("pic.jpg", [face(11, 11, "match")])], [Wish.of("xmp")])
    assert regions(tmp_path / "pic.jpg.xmp") == [("Ada", [10, 10, 50, 50])]


def test_names_survive_every_character(photo, tmp_path):
    name = "Ünï \"&<>' =1+1 李"
    export([photo("pic.jpg", [face(10, 10, "match", name)])], [Wish.of("xmp")])
    assert regions(tmp_path / "pic.jpg.xmp")[0][0] == name


def test_sidecars_in_a_folder_keep_the_folders_of_the_photos(photo, tmp_path):
    rows = [photo(f"{name}/pic.jpg", [face(10, 10, "match")]) for name in ("one", "two")]
    export(rows, [Wish.of(f"xmp={tmp_path / 'out'}")])
    found = sorted(str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.xmp"))
    assert found == ["one/pic.jpg.xmp", "two/pic.jpg.xmp"]
    assert not (tmp_path / "one/pic.jpg.xmp").exists()


def test_two_photos_of_one_short_name_do_not_share_a_sidecar(photo):
    rows = [photo("pic.jpg", [face(10, 10, "match")]), photo("pic.png", [face(60, 10, "match")])]
    [done] = export(rows, [Wish.of("xmp-short")])
    assert done.count == 1
    assert "another photo has the sidecar" in done.ledger.failed[0]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("<x:xmpmeta", "not well-formed"),
        ('<!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>', "document type"),
        ("<a/>", "no rdf:RDF"),
        (LIGHTROOM.replace('stDim:w="160"', 'stDim:w="90"'), "cropped or turned"),
        ("", None),
    ],
)
def test_a_sidecar_that_cannot_be_merged_is_left_as_it_is(photo, tmp_path, text, says):
    row = photo("pic.jpg", [face(10, 10, "match")])
    (tmp_path / "pic.jpg.xmp").write_text(text, "utf-8")
    [done] = export([row], [Wish.of("xmp")])
    if says is None:  # an empty sidecar holds nothing that could be lost
        assert done.count == 1
        return
    assert says in done.ledger.failed[0]
    assert (tmp_path / "pic.jpg.xmp").read_text("utf-8") == text


def test_a_photo_that_is_gone_is_told_and_the_others_are_done(photo, tmp_path):
    rows = [photo("a.jpg", [face(10, 10, "match")]), photo("b.jpg", [face(10, 10, "match")])]
    (tmp_path / "a.jpg").unlink()
    [done] = export(rows, [Wish.of("xmp")])
    assert done.count == 1
    assert "a.jpg" in done.ledger.failed[0]
    assert (tmp_path / "b.jpg.xmp").exists()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_sidecars_in_other_encodings_are_read(encoding):
    found = read_regions(LIGHTROOM.encode(encoding), SIZE, 1)
    assert [one.name for one in found] == ["Zoë"]


def test_regions_of_impossible_numbers_are_no_regions():
    for bad in ("nan", "inf", "x", "-0.25", "0"):
        broken = LIGHTROOM.replace('stArea:w="0.25"', f'stArea:w="{bad}"')
        assert read_regions(broken.encode(), SIZE, 1) == []


def test_embedding_changes_metadata_alone(photo, tmp_path):
    row = photo("pic.jpg", [face(10, 10, "match")], 6)
    before = read_image(tmp_path / "pic.jpg")
    for _ in range(2):
        [done] = export([row], [Wish.of("xmp-embedded")])
        assert done.ledger.failed == []
    path = tmp_path / "pic.jpg"
    assert np.array_equal(read_image(path), before)
    assert read_orientation(path) == 6
    assert [one.name for one in read_regions(read_packet(path), SIZE, 6)] == ["Ada"]
    assert path.read_bytes().count(b"http://ns.adobe.com/xap/1.0/\0") == 1


def test_embedding_refuses_what_is_no_jpeg(photo):
    [done] = export([photo("pic.png", [face(10, 10, "match")])], [Wish.of("xmp-embedded")])
    assert "not a JPEG" in done.ledger.failed[0]


def test_embedding_refuses_a_packet_that_no_segment_holds(photo, tmp_path):
    row = photo("pic.jpg", [face(10, 10, "match", f"n{i}") for i in range(300)])
    original = (tmp_path / "pic.jpg").read_bytes()
    for number, one in enumerate(row["faces"]):  # apart, so that each is a face of its own
        one["box"] = [number * 0.1, 0.0, number * 0.1 + 0.05, 50.0]
    [done] = export([row], [Wish.of("xmp-embedded")])
    assert "exceed" in done.ledger.failed[0]
    assert (tmp_path / "pic.jpg").read_bytes() == original


def test_named_regions_are_people_to_enrol(photo, tmp_path):
    photo("pic.jpg", [face(20, 12, "match")])
    (tmp_path / "pic.jpg.xmp").write_text(LIGHTROOM, "utf-8")
    [item] = region_items(tmp_path)
    assert (item.person, item.path) == ("Zoë", tmp_path / "pic.jpg")
    assert np.allclose(item.region, [0.125, 0.125, 0.375, 0.575], atol=1e-6)


def test_a_sidecar_without_names_does_not_hide_those_of_the_photo(photo, tmp_path):
    row = photo("pic.jpg", [face(10, 10, "match")])
    export([row], [Wish.of("xmp-embedded")])
    export([photo("other.jpg", [face(10, 10, "unknown")])], [Wish.of("xmp")])
    shutil.move(tmp_path / "other.jpg.xmp", tmp_path / "pic.jpg.xmp")
    assert [item.person for item in region_items(tmp_path / "pic.jpg")] == ["Ada"]


def test_damaged_files_are_told_and_no_region_at_all_is_an_error(photo, tmp_path):
    photo("pic.jpg", [face(10, 10, "match")])
    (tmp_path / "bad.jpg").write_bytes(b"nothing")
    (tmp_path / "pic.jpg.xmp").write_text("<x")
    told = []
    with pytest.raises(Exception, match="No named face regions"):
        region_items(tmp_path, skipped=told.append)
    assert ["bad.jpg" in one or "not well-formed" in one for one in told] == [True, True]


def test_merging_needs_no_packet():
    merged = merge_regions(None, [FaceRegion(np.float32([1, 2, 3, 4]), None)], (10, 10), 1)
    assert (merged.added, merged.named, merged.kept) == (1, 0, ())
    with pytest.raises(ImageError, match="rdf:RDF"):
        merge_regions(b"<a/>", [], (10, 10), 1)


def test_a_png_with_a_packet_is_read(tmp_path):
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", LIGHTROOM)
    Image.new("RGB", (160, 90)).save(tmp_path / "a.png", pnginfo=info)
    assert [one.name for one in read_regions(read_packet(tmp_path / "a.png"), SIZE, 1)] == ["Zoë"]


@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "tiff", "avif"])
def test_the_orientation_is_that_of_the_file(tmp_path, kind):
    image = Image.new("RGB", (60, 40))
    exif = image.getexif()
    for code in (1, 6, 8):
        exif[0x0112] = code
        image.save(tmp_path / f"a.{kind}", exif=exif)
        assert read_orientation(tmp_path / f"a.{kind}") == code
        assert read_image(tmp_path / f"a.{kind}").shape[:2] == ((40, 60) if code == 1 else (60, 40))
    exif[0x0112] = 77  # no orientation
    image.save(tmp_path / f"a.{kind}", exif=exif)
    assert read_orientation(tmp_path / f"a.{kind}") == 1


def test_a_heic_states_the_orientation_that_its_transform_undoes(tmp_path):
    heif = pytest.importorskip("pillow_heif")
    exif = Image.Exif()
    exif[0x0112] = 6
    with (tmp_path / "a.heic").open("wb") as file:
        heif.encode("RGB", (60, 40), bytes(60 * 40 * 3), file, exif=exif.tobytes())
    assert read_orientation(tmp_path / "a.heic") == 6


@pytest.mark.parametrize("data", [b"", b"nothing", b"\xff\xd8\xff"])
def test_what_is_no_image_has_no_orientation(tmp_path, data):
    (tmp_path / "a.jpg").write_bytes(data)
    with pytest.raises(ImageError):
        read_orientation(tmp_path / "a.jpg")
    with pytest.raises(ImageError):
        read_packet(tmp_path / "missing.jpg")
