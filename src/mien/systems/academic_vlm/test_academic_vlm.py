"""The parser on 120 replies; scripted models with known errors; costs, kept answers, signal."""

import json
from itertools import product

import numpy as np
import pytest

from mien.align import align
from mien.contracts import Samples, Scope
from mien.errors import LanguageError, MienError, TooManyImagesError
from mien.metrics.findings import plain
from mien.systems.academic_vlm.asking import Classifier, position_bias, rotated
from mien.systems.academic_vlm.audit import NO_ANSWER, subject_of
from mien.systems.academic_vlm.describing import CROP, Describer, describe
from mien.systems.academic_vlm.examples import Example, choose_examples
from mien.systems.academic_vlm.parsing import LABELS, again, parse, prompt, prompts, weighed
from mien.systems.academic_vlm.signal import class_signal
from mien.testing import check
from mien.zoo import load

# What a model may write around a label, {} is the label; and what it means then.
NAMES_IT = (
    '{{"expression": "{}", "confidence": 0.8, "evidence": ["x"]}}',
    '```json\n{{"expression": "{}"}}\n```',
    'Sure! Here it is: {{"confidence": 2, "expression": "{}"}} Hope that helps.',
    "{}",
    "  {}.\n",
    "The person seems {}.",
    "**{}** - because of the brows.",
    "expression: {}",
    'I think {{maybe}} the answer is {{"expression": "{}"}}',
    "The face is {}, {} indeed.",
    "Answer:\n\n{}\n",
    '{{"a": 1}} {{"expression": "{}", "evidence": "none"}}',
)
NAMES_NOTHING = (
    "", "   ", "I do not know.", "Je ne sais pas.", "happy or tired",
    "confused, perhaps distracted",
    "not happy", "neither tired nor confused", '{"expression": ', '{"expression": "angry"}',
    '{"emotion": "none"}', "[]", "null", "{}", "unhappy", "42", "\u7b11\u3063\u3066\u3044\u308b",
    "The eyes are closed.", '{"expression": null}', "{" * 3000, "no, not really smiling", "\x00",
    "The person is never calm.", '{"expression": ["happy", "tired"]}', "tiredhappy",
)  # fmt: skip
REFUSES = ("I'm sorry, but I can't help with that.", "I cannot identify emotions.",
           "As an AI I do not read faces.", "Sorry, no.", "I'm unable to do so.")  # fmt: skip
BY_OTHER_WORDS = (
    ("The person appears puzzled.", "confused"), ("inattentive", "distracted"),
    ("smiling broadly", "happy"), ("Enjoyment.", "happy"), ("calm", "neutral"),
    ("drowsy, eyes half closed", "tired"), ("Fatigue", "tired"), ("SLEEPY", "tired"),
    ("not happy but tired", "tired"), ("She is not smiling; she is confused.", "confused"),
    ("rather than happy, neutral", "neutral"), ("Not confused. Distracted!", "distracted"),
    ("isn't tired: happy", "happy"), ("without confusion, calm", "neutral"),
    ("Expression: Distraction", "distracted"), ("joyful", "happy"), ("perplexed", "confused"),
    ("hardly happy, tired", "tired"), ("I see no fatigue. Neutral.", "neutral"),
    ('{"expression": "fatigue"}', "tired"), ('{"expression": "HAPPY"}', "happy"),
    ('{"expression": "not happy, tired"}', "tired"), ("confused confused confused", "confused"),
    ("I would say: neutral (relaxed face)", "neutral"), ("tired\x00", "tired"),
    ("happy" + " " * 5000, "happy"), ('{"expression": "happy", "confidence": NaN}', "happy"),
    ("Distracted; gaze to the left.", "distracted"), ("<answer>tired</answer>", "tired"),
    ("'confused'", "confused"),
)  # fmt: skip
CORPUS = [
    *((form.replace("{}", label, 9).replace("{{", "{").replace("}}", "}"), label)
      for form, label in product(NAMES_IT, LABELS)),
    *((reply, None) for reply in (*NAMES_NOTHING, *REFUSES)),
    *BY_OTHER_WORDS,
]  # fmt: skip


def test_replies_are_read_as_they_are_meant():
    assert len(CORPUS) == 120
    wrong = [(reply[:60], label, parse(reply).label) for reply, label in CORPUS
             if parse(reply).label != label]  # fmt: skip
    assert len(wrong) <= 2, wrong  # 98 %
    assert all(parse(reply).kind == "refused" for reply in REFUSES)


def test_json_keeps_confidence_and_evidence_and_nothing_outside_its_range():
    found = parse('{"expression": "tired", "confidence": 0.7, "evidence": ["lids low", 3]}')
    assert (found.confidence, found.evidence) == (0.7, ("lids low", "3"))
    for value in ("7", "true", '"high"', "-1"):
        reply = f'{{"expression": "tired", "confidence": {value}}}'
        assert parse(reply).confidence is None


def test_prompts_name_each_label_and_what_is_visible():
    for template in ("names", "defined", "steps"):
        text = prompt(template)
        assert all(f'"{label}"' in text for label in LABELS)
        assert (prompts().labels["tired"] in text) == (template != "names")
    assert prompt("names", rotated(2)).index('"happy"') < prompt("names", rotated(2)).index(
        '"tired"'
    )
    assert again(rotated(1)).startswith("Answer with one word only: distracted")


RECALL = {"confused": 0.7, "distracted": 0.05, "happy": 0.95, "neutral": 0.6, "tired": 0.5}


class Scripted:
    """A model that sees the label in the first pixel and errs at known rates."""

    def __init__(self, seed=0, recall=RECALL, malformed=0.0, refused=0.0, first=0.0):
        self.rng, self.recall = np.random.default_rng(seed), recall
        self.malformed, self.refused, self.first = malformed, refused, first

    def __call__(self, image, text):
        truth = LABELS[int(image[0, 0, 0]) % 5]
        draw = self.rng.random()
        if draw < self.malformed:
            return "who knows"
        if draw < self.malformed + self.refused:
            return "I'm sorry, I can't help with that."
        if self.rng.random() < self.first:  # the label that is listed first
            where = {label: text.find(f'"{label}"') for label in LABELS}
            return json.dumps({"expression": min(where, key=where.get)})
        if self.rng.random() < self.recall[truth]:
            return json.dumps({"expression": truth})
        return json.dumps({"expression": "neutral" if truth != "neutral" else "tired"})


def chips_of(count):
    chips = np.zeros((count, 8, 8, 3), np.uint8)
    chips[:, 0, 0, 0] = np.arange(count) % 5
    chips[:, 1:3, 0, 0] = np.stack([np.arange(count) // 250, np.arange(count) % 250], 1)
    return chips


def test_recalls_of_a_scripted_model_lie_in_their_intervals():
    chips = chips_of(2000)
    classifier = Classifier(Scripted(malformed=0.03, refused=0.01), "scripted")
    labels = {"expression": tuple(LABELS[k % 5] for k in range(2000))}
    data, audit = Samples("scripted", tuple(chips), labels), load("academic-vlm")
    found = plain(audit(small(classifier), data, Scope("test"), audit.options()))
    table = next(t for t in found["tables"] if t["title"] == "Recall by label")
    for row in table["rows"]:
        reached = 0.99 * RECALL[row["Label"]]  # a refusal in a hundred; malformed are asked again
        assert row["Recall"]["low"] - 0.03 <= reached <= row["Recall"]["high"] + 0.03
    assert found["headline"][NO_ANSWER]["value"] == pytest.approx(0.011, abs=0.006)
    assert classifier.ledger.refused == pytest.approx(20, abs=14)
    assert classifier.ledger.calls > 2000
    assert found["risk"]["level"] in ("medium", "low")


def small(classifier):
    from mien.audit.subjects import head_of

    return head_of(classifier, task="academic-expression", name="scripted", size=8)


def test_a_model_that_prefers_the_first_label_is_flagged_and_rotation_mends_it():
    chips = chips_of(300)
    even = dict.fromkeys(LABELS, 0.9)
    fair, biased = Scripted(1, even), Scripted(2, even, first=0.6)
    assert position_bias(Classifier(fair, "fair"), chips) < 0.06
    assert position_bias(Classifier(biased, "biased"), chips) > 0.3

    def accuracy(model, rotations):
        found = Classifier(model, "m", rotations=rotations)(chips)
        return np.mean([max(f, key=f.get) == LABELS[k % 5] for k, f in enumerate(found)])

    once = accuracy(Scripted(3, even, first=0.6), 1)
    five = accuracy(Scripted(3, even, first=0.6), 5)
    assert five > once + 0.15


def test_a_stopped_run_continues_with_the_answers_that_it_kept(tmp_path):
    chips, path = chips_of(20), tmp_path / "answers.jsonl"
    stopped = Classifier(Scripted(), "m", kept=path, budget=12)
    with pytest.raises(LanguageError, match="budget of 12 calls"):
        stopped(chips)
    with path.open("a") as file:
        file.write('{"key": "cut')  # killed while it wrote
    going = Classifier(Scripted(9), "m", kept=path)
    found = going(chips)
    assert going.ledger.kept == 12
    assert going.ledger.calls == 8
    whole = Classifier(lambda image, text: pytest.fail("asked again"), "m", kept=path)
    assert whole(chips) == found


def test_another_model_or_template_does_not_share_answers(tmp_path):
    path = tmp_path / "answers.jsonl"
    Classifier(Scripted(), "one", kept=path)(chips_of(3))
    other = Classifier(Scripted(), "two", kept=path)
    other(chips_of(3))
    assert other.ledger.kept == 0


def test_a_server_that_fails_is_asked_again_after_a_pause():
    waits, tries = [], []

    def respond(image, text):
        tries.append(1)
        if len(tries) < 3:
            raise LanguageError("429")
        return "happy"

    classifier = Classifier(respond, "m", wait=waits.append)
    assert classifier(chips_of(1)) == [{label: float(label == "happy") for label in LABELS}]
    assert waits == [1.0, 2.0]
    assert classifier.ledger.failed == 2
    dead = Classifier(
        lambda image, text: (_ for _ in ()).throw(LanguageError("500")), "m", wait=waits.append
    )
    with pytest.raises(LanguageError, match="500"):
        dead(chips_of(1))


def test_an_answer_in_prose_gets_one_second_try():
    texts = []

    def respond(image, text):
        texts.append(text)
        return "hard to say" if len(texts) == 1 else "tired"

    classifier = Classifier(respond, "m")
    assert classifier(chips_of(1))[0]["tired"] == 1
    assert texts[1].startswith("Answer with one word only")
    assert Classifier(lambda image, text: "hmm", "m")(chips_of(1)) == [{}]


def test_shares_of_tokens_by_hand():
    tokens = {" Happy": -1.0, "happy": -2.0, "ne": -1.5, "t": -3.0, "The": -0.5, "": -0.1, "x": 1.0}
    found = weighed(tokens)
    mass = {"confused": 0.0, "distracted": 0.0, "happy": np.exp(-1.0) + np.exp(-2.0),
            "neutral": np.exp(-1.5), "tired": np.exp(-3.0)}  # fmt: skip
    assert (found.label, found.kind) == ("happy", "weighed")
    whole = sum(mass.values())
    assert found.shares == pytest.approx({label: one / whole for label, one in mass.items()})
    assert weighed({"I": -0.01, "happy": -5.0}).shares == {}  # the model declines
    assert weighed({}) == parse("hmm")


def test_weights_of_tokens_replace_votes_and_are_kept(tmp_path):
    asked = []

    def weigh(image, text):
        asked.append(text)
        return {"tired": np.log(0.6), "happy": np.log(0.2)}

    path = tmp_path / "answers.jsonl"
    never = lambda image, text: pytest.fail("asked for text")  # noqa: E731
    classifier = Classifier(never, "m", rotations=2, weigh=weigh, kept=path)
    shares = classifier(chips_of(1))[0]
    assert (shares["tired"], shares["happy"]) == pytest.approx((0.75, 0.25))
    assert asked[0].endswith(again(rotated(0)))
    assert prompts().labels["tired"] in asked[0]
    assert classifier.ledger.weighed == 2
    again_ = Classifier(never, "m", rotations=2, weigh=never, kept=path)
    assert again_(chips_of(1)) == [shares]


def test_the_audit_says_how_far_stated_shares_are_off():
    labels = {"expression": tuple(LABELS[k % 5] for k in range(10))}
    data, audit = Samples("x", tuple(chips_of(10)), labels), load("academic-vlm")
    classifier = Classifier(
        Scripted(), "m", weigh=lambda *_: {"tired": np.log(0.9), "happy": np.log(0.1)}
    )
    notes = plain(audit(small(classifier), data, Scope("test"), audit.options()))["notes"]
    assert any("miss the share of right answers by 0.700" in note for note in notes)  # 0.9, 0.2


def learner(image, text, turns=()):
    """A model that knows no label: it copies the answer of the most similar example."""
    if not turns:
        return json.dumps({"expression": "neutral"})
    away = [abs(int(image[0, 0, 0]) - int(one.image[0, 0, 0])) for one in turns]
    return turns[int(np.argmin(away))].answer


def class_of(people=6):
    """One face of each label per person, as in `chips_of`, with who it is."""
    chips = chips_of(5 * people)
    return (
        chips,
        [LABELS[k % 5] for k in range(5 * people)],
        [f"P{k // 5}" for k in range(5 * people)],
    )


def accuracy_of(classifier, chips, labels):
    found = classifier(chips)
    return np.mean([max(f, key=f.get) == label for f, label in zip(found, labels, strict=True)])


def test_examples_teach_a_model_that_can_learn_and_wrong_ones_do_not():
    chips, labels, people = class_of()
    shown = choose_examples(chips, labels, people, each=2, without={"P0", "P1"})
    test, truth = chips[:10], labels[:10]
    assert accuracy_of(Classifier(learner, "m"), test, truth) == pytest.approx(0.2)
    few = Classifier(learner, "m", examples=shown)
    assert accuracy_of(few, test, truth) == 1
    other = [LABELS[(LABELS.index(one.label) + 1) % 5] for one in shown]
    wrong = tuple(Example(one.chip, label, one.person)
                  for one, label in zip(shown, other, strict=True))  # fmt: skip
    assert accuracy_of(Classifier(learner, "m", examples=wrong), test, truth) == 0
    assert few.ledger.examples == 10 * len(shown)
    assert few.ledger.images == 10 * (1 + len(shown))
    once = Classifier(learner, "m")
    once(test)
    assert (once.ledger.images, once.ledger.examples) == (10, 0)
    assert few.ledger.tokens > 2 * once.ledger.tokens


def test_examples_are_of_other_people_as_many_for_each_label():
    chips, labels, people = class_of()
    people[7] = ""  # somebody unknown may be in the test
    shown = choose_examples(chips, labels, people, each=3, without=("P0", "P5"), seed=1)
    assert len(shown) == 15
    assert {one.person for one in shown} <= {"P1", "P2", "P3", "P4"}
    for start in (0, 5, 10):
        assert sorted(one.label for one in shown[start : start + 5]) == sorted(LABELS)
    for label in LABELS:
        assert len({one.person for one in shown if one.label == label}) == 3
    again_ = choose_examples(chips, labels, people, each=3, without=("P0", "P5"), seed=1)
    assert [one.person for one in again_] == [one.person for one in shown]
    with pytest.raises(
        LanguageError, match="'happy' has faces of 3 people outside the test, but 4"
    ):
        choose_examples(chips, labels, people, each=4, without={"P0", "P5"})
    with pytest.raises(LanguageError, match="one label and one person per face"):
        choose_examples(chips, labels[:3], people, each=1, without=())
    with pytest.raises(LanguageError, match="At least one example"):
        choose_examples(chips, labels, people, each=0, without=())


def test_a_question_after_examples_says_so_and_its_second_try_is_one_word():
    chips, labels, people = class_of(2)
    shown, asked = choose_examples(chips, labels, people, each=1, without={"P0"}), []

    def respond(image, text, turns):
        asked.append((text, [one.answer for one in turns]))
        return "hard to say" if len(asked) == 1 else "tired"

    assert Classifier(respond, "m", examples=shown)(chips[:1])[0]["tired"] == 1
    (first, answers), (second, words) = asked
    assert first.startswith(prompts().after)
    assert second == f"{prompts().after} {again()}"
    assert [json.loads(one)["expression"] for one in answers] == words
    weighed_ = Classifier(respond, "m", examples=shown,
                          weigh=lambda image, text, turns: {turns[0].answer: -0.1})  # fmt: skip
    assert weighed_(chips[:1])[0][shown[0].label] == 1


def test_answers_after_examples_are_kept_apart_from_others(tmp_path):
    chips, labels, people = class_of(3)
    path = tmp_path / "answers.jsonl"
    shown = choose_examples(chips, labels, people, each=1, without={"P0"})
    Classifier(learner, "m", kept=path)(chips[:3])
    for examples, kept in (((), 3), (shown, 0), (shown, 3), (shown[::-1], 0)):
        classifier = Classifier(learner, "m", kept=path, examples=examples)
        classifier(chips[:3])
        assert classifier.ledger.kept == kept


def test_examples_that_cannot_be_used_are_refused():
    chips, labels, people = class_of(2)
    shown = choose_examples(chips, labels, people, each=1, without={"P0"})
    with pytest.raises(LanguageError, match="takes no examples"):
        Classifier(Scripted(), "m", examples=shown)
    with pytest.raises(LanguageError, match="'angry' of an example is none of"):
        Classifier(learner, "m", examples=(Example(chips[0], "angry", "P1"),))
    with pytest.raises(LanguageError, match="is one of the examples"):
        Classifier(learner, "m", examples=shown)(shown[2].chip[None])

    def small_model(image, text, turns):
        raise TooManyImagesError("takes 2 images")

    waits = []
    classifier = Classifier(small_model, "m", examples=shown, wait=waits.append)
    with pytest.raises(TooManyImagesError, match="takes 2 images"):
        classifier(chips[:1])
    assert (waits, classifier.ledger.calls, classifier.ledger.failed) == ([], 0, 0)


@pytest.mark.parametrize("turns", [0, 6])
def test_rotations_outside_the_labels_are_refused(turns):
    with pytest.raises(LanguageError, match="1 to 5"):
        Classifier(Scripted(), "m", rotations=turns)


def test_the_audit_keeps_its_contract():
    check("audit", load("academic-vlm"))


def test_the_signal_of_a_class_needs_five_learners():
    learners = [*"abcde", "a", *"abcd"]
    labels = ["confused", "happy", "happy", "happy", "happy", "happy", None, *["tired"] * 3]
    first, second = class_signal([1] * 6 + [2] * 4, learners, labels)
    assert first.shares == {"happy": 1.0}  # the last label of a counts
    assert (second.learners, second.shares) == (3, None)
    with pytest.raises(MienError, match="fewer than 5"):
        class_signal([1], ["a"], ["happy"], least=2)
    with pytest.raises(MienError, match="one row per face"):
        class_signal([1], ["a", "b"], ["happy"])


def test_labels_of_the_data_set_are_translated():
    from mien.systems.academic_vlm.audit import Options, labels_of

    data = Samples("x", tuple(chips_of(3)), {"expression": ("enjoyment", "fatigue", "neutral")})
    assert labels_of(data, Options()) == ["happy", "tired", "neutral"]
    assert subject_of(Classifier(Scripted(), "m")).model.crop.size == 448


STILL = {"AU04": 0.0, "AU06": 0.0, "AU07": 0.0, "AU12": 0.0, "AU26": 0.0}
AHEAD = {"yaw": 0.0, "pitch": 0.0, "roll": 0.0, "gaze": 0.0, "lids": 0.0}


@pytest.mark.parametrize(
    ("units", "seen", "label", "cue"),
    [
        ({}, {}, "neutral", None),
        ({"AU12": 5.0, "AU06": 3.0}, {}, "happy", "lip corners up (happy +1.00)"),
        ({"AU04": 5.0}, {"roll": -15.0}, "confused", "brows lowered (confused +1.00)"),
        ({}, {"yaw": -45.0}, "distracted", "head turned away (distracted +1.25)"),
        ({}, {"gaze": 32.0}, "distracted", "eyes off the camera (distracted +1.13)"),
        ({"AU26": 2.0}, {"lids": 0.5}, "tired", "lids drooping (tired +1.25)"),
        ({}, {"pitch": -45.0}, "tired", "head sunk (tired +2.00)"),
    ],
)
def test_what_descriptors_name(units, seen, label, cue):
    found = describe({**STILL, **units}, {**AHEAD, **seen})
    assert max(found.shares, key=found.shares.get) == label
    assert sum(found.shares.values()) == pytest.approx(1)
    assert (found.evidence[0] if found.evidence else None) == cue


def test_shares_of_a_still_face_by_hand():
    # scores 0, 0, 0, 0.6, 0 over the temperature 0.3
    found = describe(STILL, AHEAD).shares
    assert found["neutral"] == pytest.approx(np.exp(2) / (np.exp(2) + 4))


def test_a_gaze_that_is_unknown_is_no_evidence_and_a_missing_unit_is_an_error():
    assert describe(STILL, {**AHEAD, "gaze": np.nan}) == describe(STILL, AHEAD)
    with pytest.raises(MienError, match="'AU12' has no number"):
        describe({**STILL, "AU12": np.nan}, AHEAD)
    with pytest.raises(MienError, match="'lids' has no number"):
        describe(STILL, {name: value for name, value in AHEAD.items() if name != "lids"})


@pytest.mark.weights
def test_descriptors_of_a_portrait_and_of_no_face(astronaut, mtcnn):
    describer = Describer(load("attention-mesh"))
    chip = align(astronaut, [mtcnn(astronaut)[0]], CROP)[0]
    smile, nobody = describer(np.stack([chip, np.full_like(chip, 120)]))
    assert max(smile.values, key=smile.values.get) == "happy"
    assert "lip corners up" in smile.text
    assert (nobody.values, nobody.text) == ({}, "no mesh fits this face")
    assert describer(np.empty((0, 256, 256, 3), np.uint8)) == []


@pytest.mark.weights
@pytest.mark.slow
def test_the_proof_runs(torch, tmp_path, monkeypatch):
    from mien.systems.academic_vlm import proof
    from mien.train.proofs import run_proof
    from mien.zoo import find_system

    monkeypatch.setattr(proof, "PEOPLE", 1)
    found = run_proof(find_system("academic-vlm"), None, tmp_path, quick=True)
    assert "without gaze and pose" in found.texts["rendered"]
