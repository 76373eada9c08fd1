import json

from mien.zoo import cards, ledger, ledger_json, ledger_markdown, ledger_text


def test_the_ledger_has_every_file_of_every_card():
    wanted = {(card.name, file.sha256) for card in cards().values() for file in card.files}
    rows = ledger()
    assert {(row.name, row.sha256) for row in rows} == wanted
    assert len(rows) == len(wanted)


def test_the_commercial_ledger_leaves_out_what_forbids_and_what_is_unclear():
    assert {row.commercial for row in ledger()} == {True, False, "unknown"}
    assert {row.commercial for row in ledger(commercial_only=True)} == {True}


def test_the_json_says_what_the_rows_say():
    rows = ledger()
    read = json.loads(ledger_json(rows))
    assert [(r["name"], r["licence"], r["sha256"]) for r in read] == [
        (row.name, row.licence, row.sha256) for row in rows
    ]
    assert {r["code_licence"] for r in read} == {"Apache-2.0"}


def test_the_markdown_is_one_table():
    lines = ledger_markdown(ledger()).splitlines()
    assert len(lines) == len(ledger()) + 2
    assert {line.count(" | ") for line in [lines[0], *lines[2:]]} == {7}
    assert any("| MIT | yes | WIDER FACE and CelebA" in line for line in lines)


def test_the_text_has_a_paragraph_a_file():
    paragraphs = ledger_text(ledger()).split("\n\n")
    assert len(paragraphs) == len(ledger())
    (sface,) = (p for p in paragraphs if p.startswith("Model           sface\n"))
    assert "Commercial use  yes" in sface
    assert "Trained on      Not documented" in sface
