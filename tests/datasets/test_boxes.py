import pytest

from mien.datasets import csv_boxes, voc_boxes, wider
from mien.errors import MienError

WIDER = """0--Parade/a.jpg
2
10 20 5 6 0 0 0 0 0 0
1 1 0 0 0 0 0 1 0 0
3--Riot/b c.jpg
0
0 0 0 0 0 0 0 0 0 0
"""
VOC = """<annotation><filename>a.jpg</filename>
<object><name>face</name><difficult>0</difficult>
<bndbox><xmin>11</xmin><ymin>21</ymin><xmax>16</xmax><ymax>27</ymax></bndbox></object>
<object><name>dog</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox>
</object></annotation>"""


def test_wider(tmp_path, put):
    put(tmp_path / "0--Parade" / "a.jpg")
    put(tmp_path / "3--Riot" / "b c.jpg")
    listed = tmp_path / "wider_face_val_bbx_gt.txt"
    listed.write_text(WIDER)
    a, b = wider(listed, tmp_path)
    assert a.boxes.tolist() == [[10, 20, 15, 26], [1, 1, 1, 1]]
    assert a.ignore.tolist() == [False, True]
    assert (b.path.name, b.boxes.shape) == ("b c.jpg", (0, 4))
    listed.write_text(WIDER[:40])
    with pytest.raises(MienError, match=r"cut off|instead of 10"):
        wider(listed, tmp_path)


def test_csv(tmp_path, put):
    put(tmp_path / "a.jpg")
    put(tmp_path / "b.jpg")
    table = tmp_path / "boxes.csv"
    table.write_text(
        "image,left,top,right,bottom,ignore\na.jpg,1,2,3,4,0\na.jpg,5,5,9,9,1\nb.jpg,,,,,\n"
    )
    a, b = csv_boxes(table, tmp_path)
    assert (a.boxes.tolist(), a.ignore.tolist()) == ([[1, 2, 3, 4], [5, 5, 9, 9]], [False, True])
    assert len(b.boxes) == 0
    for row, says in (
        ("a.jpg,9,2,3,4,0", "not left, top, right, bottom"),
        ("a.jpg,one,2,3,4,0", "line 2: one, 2, 3, 4 are not four numbers"),
        ("c.jpg,1,2,3,4,0", "1 images that do not exist"),
    ):
        table.write_text(f"image,left,top,right,bottom,ignore\n{row}\n")
        with pytest.raises(MienError, match=says):
            csv_boxes(table, tmp_path)


def test_voc(tmp_path, put):
    put(tmp_path / "a.jpg")
    (tmp_path / "xml").mkdir()
    path = tmp_path / "xml" / "a.xml"
    path.write_text(VOC)
    [one] = voc_boxes(tmp_path / "xml", tmp_path)
    assert one.boxes.tolist() == [[10, 20, 15, 26]]  # pixels count from 1 there
    for text, says in (
        ("<annotation>", "not an annotation of PASCAL VOC"),
        (VOC.replace("11", "x"), "not an annotation of PASCAL VOC"),
        ("<!DOCTYPE x [<!ENTITY a 'b'>]>" + VOC, "defines entities"),
        ("<annotation></annotation>", "does not name its image"),
    ):
        path.write_text(text)
        with pytest.raises(MienError, match=says):
            voc_boxes(tmp_path / "xml", tmp_path)
