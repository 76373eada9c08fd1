"""Exact parts of the prompts; CLIP from a folder that the test makes; a small training."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mien.errors import TrainingError, WeightsError
from mien.systems.expression_mpa.head import CLASSES, ExpressionMpa
from mien.systems.expression_mpa.prompts import NONE, read
from mien.testing import check, noise
from mien.zoo import find, find_system, load


def test_each_class_has_a_description_and_a_missing_one_is_named():
    words = read()
    assert set(words.classes) == set(CLASSES)
    assert "mouth corners pulled" in words.hard("happiness")
    assert words.caption(["AU04", "AU12"]) == (
        "a face showing brows lowered and mouth corners pulled"
    )
    assert words.caption([]).endswith(NONE)
    with pytest.raises(TrainingError, match="'contempt' has no description"):
        words.hard("contempt")


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"template": "a"}'])
def test_a_damaged_file_of_descriptions_is_named(tmp_path, text):
    path = tmp_path / "d.json"
    path.write_text(text)
    with pytest.raises(TrainingError, match="no file of descriptions"):
        read(path)


def test_no_weights_are_shipped_and_the_head_says_so():
    assert find("expression-mpa").files == ()
    with pytest.raises(WeightsError, match="ships no weights; train it"):
        ExpressionMpa(name="expression-mpa")


def photos(lab, count=140, seed=0):
    """Each class lights other patches and shows other units."""
    random = np.random.default_rng(seed)
    label = np.arange(count) % 7
    maps = random.normal(0, 0.3, (count, 25, 128))
    maps[np.arange(count), label * 3] += np.eye(128)[label] * 6
    maps[..., :7] += np.eye(7)[label][:, None] * 1.5
    names = list(read().units)
    units = np.array(
        [[read().units[u] in read().classes[CLASSES[k]] for u in names] for k in label]
    )
    share = np.full((count, 7), 0.02)
    share[np.arange(count), label] = 0.88
    return lab.data.Photos(maps.astype(np.float16), units, share.astype(np.float32))


@pytest.fixture(scope="module")
def towers(lab):
    config = lab.train.Config(pretraining=25)
    return lab.train.pretrained(config, read(), photos(lab))


def test_descriptions_name_what_was_learnt_from_captions_and_names_do_not(lab, towers):
    found = {}
    for text in ("names", "descriptions"):
        config = lab.train.Config(text=text, visual=0)
        prompts = lab.train.adapted(config, towers, read(), photos(lab), photos(lab))
        texts = lab.train.texts_of(config, towers, read(), prompts)
        test = photos(lab, seed=1)
        found[text] = lab.train.measured(
            lab.train.answers(config, towers, prompts, texts, test), test
        )["accuracy"]
    assert found["descriptions"] > 0.6
    assert found["descriptions"] > found["names"]


def test_training_leaves_the_towers_bit_identical_and_learns(lab, torch, towers):
    before = {k: v.clone() for k, v in towers.state_dict().items()}
    config = lab.train.Config(epochs=20, batch=35, rate=3e-2, images=140, beta=0, gamma=0)
    learn, test = photos(lab), photos(lab, seed=1)
    prompts = lab.train.adapted(config, towers, read(), learn, test)
    assert all(torch.equal(before[k], v) for k, v in towers.state_dict().items())
    learnt = lab.train.count(prompts)
    assert learnt == 7 * 4 * 64 + 2 * 4 * 64
    assert learnt <= 0.05 * lab.train.count(towers)
    logits = lab.train.answers(
        config, towers, prompts, lab.train.texts_of(config, towers, read(), prompts), test
    )
    assert lab.train.measured(logits, test)["accuracy"] > 0.6


def test_no_prompts_are_the_frozen_towers(lab, torch, towers):
    x = torch.randn(3, 25, 128)
    none = lab.model.Prompts(towers, 0, 0)
    assert none.tokens() is None
    assert torch.equal(towers.image(x, None)[0], towers.image(x, none.tokens())[0])
    assert torch.equal(none.soft(towers, ["fear"])[0], towers.words("fear"))
    some = lab.model.Prompts(towers, 0, 4)
    assert not torch.equal(towers.image(x, None)[0], towers.image(x, some.tokens())[0])


def test_all_patches_are_their_mean_and_no_patch_is_the_image_alone(lab, torch):
    torch.manual_seed(0)
    unit = torch.nn.functional.normalize
    whole, patches, texts = (unit(torch.randn(*s), dim=-1) for s in ((2, 8), (2, 5, 8), (3, 8)))
    every = lab.model.scores((whole, patches), texts, 99)
    assert torch.allclose(every, whole @ texts.T + (patches @ texts.T).mean(1), atol=1e-6)
    assert torch.equal(lab.model.scores((whole, patches), texts, 0), whole @ texts.T)
    one = lab.model.scores((whole, patches), texts, 1)
    assert torch.allclose(one, whole @ texts.T + (patches @ texts.T).amax(1))


def test_the_losses_by_hand(lab, torch):
    soft = [torch.eye(4)[:2], torch.eye(4)[2:]]
    assert float(lab.model.token_alignment(soft, soft)) < 1e-4
    assert float(lab.model.token_alignment(soft, soft[::-1])) > 10
    coded = torch.nn.functional.normalize(torch.ones(2, 4), dim=1)
    assert float(lab.model.prompt_alignment(coded, coded)) == 0
    assert float(lab.model.prompt_alignment(coded, -coded)) == 1
    prototypes = torch.tensor([[1.0, 0], [0, 0]])  # the second class has no image
    whole, share = torch.tensor([[0.0, 1.0]]), torch.tensor([[0.25, 0.75]])
    assert float(lab.model.prototype_alignment(whole, prototypes, share)) == 0.25


def test_a_class_without_an_image_has_no_prototype(lab, torch, towers):
    some = photos(lab).rows(np.arange(0, 140, 7))  # anger only
    found = lab.train.prototypes_of(towers, some)
    assert found[0].norm() == pytest.approx(1, abs=1e-5)
    assert found[1:].abs().sum() == 0


def test_the_file_answers_as_the_network_and_the_head_explains(lab, torch, towers, tmp_path):
    from mien.train import export
    from mien.train.finish import finish_run

    config = lab.train.Config()
    prompts = lab.model.Prompts(towers, 4, 4)
    texts = lab.train.texts_of(config, towers, read(), prompts)
    net = lab.model.Net(towers, prompts.tokens(), texts, 5, 20.0, 1.0)
    path, example = tmp_path / "weights.onnx", torch.rand(3, 3, 64, 64)
    assert export(net, path, example, outputs=("logits", "patches")) < 1e-4
    finish_run(find_system("expression-mpa"), config, None, tmp_path, {})
    head = load(str(tmp_path))
    check("chip-head", head)
    [one] = head(noise(1, 64))
    assert one.array.shape == (5, 5)
    assert np.abs(one.array).max() <= 1 + 1e-5
    assert one.text in read().classes.values()


def test_without_data_the_training_is_refused(lab, tmp_path):
    with pytest.raises(TrainingError, match="--data"):
        lab.train.train(lab.train.Config(), None, tmp_path)


@pytest.fixture(scope="module")
def clip_folder(torch, tmp_path_factory):
    """A tiny CLIP as transformers writes it."""
    transformers = pytest.importorskip("transformers", reason="CLIP needs the extra clip")
    folder = tmp_path_factory.mktemp("clip")
    letters = sorted(set("abcdefghijklmnopqrstuvwxyz"))
    vocabulary = [*letters, *(f"{x}</w>" for x in letters), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({w: k for k, w in enumerate(vocabulary)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokens = transformers.CLIPTokenizer.from_pretrained(str(folder))
    tokens.save_pretrained(str(folder))
    size = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
            "num_attention_heads": 2}  # fmt: skip
    end = vocabulary.index("<|endoftext|>")
    config = transformers.CLIPConfig(
        text_config={**size, "vocab_size": len(vocabulary), "max_position_embeddings": 40,
                     "eos_token_id": end, "bos_token_id": end - 1, "pad_token_id": end},
        vision_config={**size, "image_size": 32, "patch_size": 8}, projection_dim=16,
    )  # fmt: skip
    torch.manual_seed(0)
    transformers.CLIPModel(config).save_pretrained(str(folder))
    return folder


def test_clip_from_a_folder_answers_as_transformers_does(torch, clip_folder):
    from mien.train.clip import ClipTowers

    clip = ClipTowers(clip_folder)
    unit = torch.nn.functional.normalize
    pixels = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        whole, patches = clip.image(pixels, None)
        theirs = clip.clip(pixel_values=pixels, **clip.tokens(["a joy"], return_tensors="pt"))
    assert patches.shape == (2, 16, 16)
    assert torch.allclose(whole, unit(theirs.image_embeds, dim=-1), atol=1e-5)
    text = clip.text([clip.words("a joy")])
    assert torch.allclose(text, unit(theirs.text_embeds, dim=-1), atol=1e-5)
    longer = clip.text([clip.words("a joy"), clip.words("a much longer text")])
    assert torch.allclose(longer[0], text[0], atol=1e-5)  # padding changes nothing


def test_prompts_of_clip_learn_and_clip_stays_as_it_was(lab, torch, clip_folder):
    from mien.train.clip import ClipTowers

    clip = ClipTowers(clip_folder)
    before = {k: v.clone() for k, v in clip.state_dict().items()}
    prompts = lab.model.Prompts(clip, 3, 2)
    assert lab.train.count(prompts) == 3 * 32 + 2 * 2 * 32
    rows = prompts.soft(clip, ["joy", "fear"])
    seen, texts = clip.image(torch.randn(4, 3, 32, 32), prompts.tokens()), clip.text(rows)
    loss = torch.nn.functional.cross_entropy(
        lab.model.scores(seen, texts, 4), torch.tensor([0, 1, 0, 1])
    )
    loss.backward()
    assert prompts.context.grad.abs().sum() > 0
    assert prompts.visual.grad.abs().sum() > 0
    assert all(p.grad is None for p in clip.parameters())
    assert all(torch.equal(before[k], v) for k, v in clip.state_dict().items())


def test_a_folder_without_clip_and_a_prompt_that_is_too_long_are_refused(
    torch, clip_folder, tmp_path
):
    from mien.train.clip import ClipTowers

    with pytest.raises(TrainingError, match="holds no CLIP"):
        ClipTowers(tmp_path)
    clip = ClipTowers(clip_folder)
    with pytest.raises(TrainingError, match="reads 40; shorten"):
        clip.text([clip.words("x " * 60)])


def test_the_page_says_that_no_clip_was_measured():
    page = (Path(__file__).parent / "README.md").read_text("utf-8")
    assert "no weights of CLIP" in page


@pytest.mark.realdata
@pytest.mark.weights
@pytest.mark.slow
def test_photographs_are_named_by_what_is_visible_and_not_by_names(
    lab, data, tmp_path, monkeypatch
):
    """A tenth of FERPlus: descriptions are far above names, learnt words above both."""
    with zipfile.ZipFile(data / "ferplus.zip") as archive:
        archive.extractall(tmp_path)
    every = lab.data.LABELS["ferplus"]
    monkeypatch.setattr(lab.data, "LABELS", {"ferplus": lambda root: every(root)[::10]})
    learn, choose, test = lab.data.ferplus(tmp_path / "ferplus", tmp_path / "run")
    config = lab.train.Config(pretraining=30)
    words, found = read(), {}
    towers = lab.train.pretrained(config, words, learn)
    for text in ("names", "descriptions", "soft"):
        used = lab.train.Config(text=text, visual=0, beta=0, best=0)
        prompts = lab.train.adapted(used, towers, words, learn, choose)
        texts = lab.train.texts_of(used, towers, words, prompts)
        logits = lab.train.answers(used, towers, prompts, texts, test)
        found[text] = lab.train.measured(logits, test)["accuracy"]
    assert found["descriptions"] > found["names"] + 0.15
    assert found["soft"] > max(0.5, found["descriptions"])


def test_the_loss_of_phrases_by_hand(torch, lab):
    patches = torch.eye(3)[None, :2]  # two patches: the first two axes
    phrases = torch.eye(3)[[0, 2]]
    sure, none = (torch.tensor([[one, two]]) for one, two in ((1.0, 0.0), (0.0, 1.0)))
    right, wrong = (lab.train.phrase_loss(patches, phrases, shown) for shown in (sure, none))
    # Best similarities are 1 and 0, so the logits are 20 x 0.7 and 20 x -0.3.
    assert right.item() == pytest.approx(
        (np.log1p(np.exp(-14)) + np.log1p(np.exp(-6))) / 2, rel=1e-3
    )
    assert wrong.item() == pytest.approx(10, abs=0.01)


def test_phrases_teach_patches_where_a_unit_is(torch, lab):
    some = photos(lab, 280)
    words = read()
    found = []
    for weight in (0.0, 1.0):
        config = lab.train.Config(pretraining=12, phrases=weight)
        tower = lab.train.pretrained(config, words, some)
        found.append(lab.train.pointing(tower, words, some))
    assert all(0 <= one <= 1 for one in found)
    assert found[0] != found[1]
    assert np.isnan(lab.train.pointing(tower, words, some.rows(np.arange(20))))
    assert lab.train.rows_of_unit("AU12") == (3, 4)
    assert lab.train.rows_of_unit("AU04") == (0, 1, 2)
    assert lab.train.rows_of_unit("AU06") == (1, 2, 3)
