"""Clients against a server of this test, and answers against a scripted model."""

import base64
import http.server
import json
import threading

import numpy as np
import pytest

from mien.errors import LanguageError, TooManyImagesError
from mien.language import ServerClient, Turn, ask, check_schema
from mien.language.clients import png
from mien.media import read_image
from mien.testing import noise

SCHEMA = {"emotion": ("happy", "sad"), "valence": (-1.0, 1.0), "reasons": [("mouth", "brows")]}
GOOD = '{"emotion": "happy", "valence": 0.5, "reasons": ["mouth"]}'


def scripted(*answers):
    """A model that gives these answers in turn, and remembers what it was asked."""
    left = list(answers)

    def respond(image, prompt):
        respond.asked.append(prompt)
        return left.pop(0)

    respond.asked = []
    return respond


def test_a_valid_answer_is_taken_as_it_is():
    model = scripted(GOOD)
    found = ask(model, None, "Which emotion?", SCHEMA)
    assert found.outcome == "valid"
    assert found.values == {"emotion": "happy", "valence": 0.5, "reasons": ["mouth"]}
    assert found.raw == (GOOD,)


def test_words_around_the_object_do_not_matter():
    assert ask(scripted(f"Sure!\n```json\n{GOOD}\n```"), None, "?", SCHEMA).outcome == "valid"


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ("happy", "it has no JSON object"),
        ("[1, 2]", "it has no JSON object"),
        ('{"emotion": "happy"}', "the key 'valence' is missing"),
        (GOOD.replace("happy", "glad"), "'emotion' must be one of: happy, sad"),
        (GOOD.replace("0.5", "2"), "'valence' must be a number from -1 to 1"),
        (GOOD.replace("0.5", "true"), "'valence' must be a number"),
        (GOOD.replace("0.5", "NaN"), "'valence' must be a number"),
        (GOOD.replace('["mouth"]', '["ears"]'), "'reasons' must be a list of: mouth, brows"),
        (GOOD.replace('["mouth"]', '"mouth"'), "'reasons' must be a list"),
    ],
)
def test_one_repair_names_the_fault_and_a_second_fault_is_invalid(wrong, fault):
    model = scripted(wrong, GOOD)
    assert ask(model, None, "Which emotion?", SCHEMA).outcome == "repaired"
    assert fault in model.asked[1]
    assert model.asked[1].endswith("Which emotion?")
    found = ask(scripted(wrong, wrong), None, "Which emotion?", SCHEMA)
    assert (found.outcome, found.values) == ("invalid", None)
    assert fault in found.fault
    assert found.raw == (wrong, wrong)


def test_a_refusal_is_counted_and_not_pressed():
    for text in ("I'm sorry, but I cannot judge people.", "As an AI, ...", "I can't help."):
        model = scripted(text)
        found = ask(model, None, "?", SCHEMA)
        assert (found.outcome, found.values, len(model.asked)) == ("refused", None, 1)
    apology_inside = GOOD.replace("happy", "sad") + " I'm sorry."
    assert ask(scripted(apology_inside), None, "?", SCHEMA).outcome == "valid"


def test_wrong_models_and_schemas_are_refused():
    with pytest.raises(LanguageError, match="answered with NoneType"):
        ask(scripted(None), None, "?", SCHEMA)
    for schema in ({}, {"a": ()}, {"a": "word"}, {"a": (1.0, 0.0)}, {"a": [("x",), ("y",)]}):
        with pytest.raises(LanguageError):
            check_schema(schema)


def test_pixels_survive_the_way_into_a_png():
    image = noise(1, 37)[0][:21]
    assert np.array_equal(read_image(png(image)), image)
    with pytest.raises(LanguageError, match="is not an image"):
        png(np.zeros((4, 4), np.uint8))


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        state = self.server.state
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        state["asked"].append((self.path, self.headers.get("Authorization"), body))
        code, answer = state["answer"]
        if "hold" in state and not answer:
            state["hold"].wait(20)  # hangs until the test ends
            return
        self.send_response(code)
        if "length" in state:
            self.send_header("Content-Length", state["length"])
        if code == 302:
            self.send_header("Location", "http://127.0.0.1:9/elsewhere")
        self.end_headers()
        if "hold" in state:  # a letter, then nothing
            for letter in answer:
                self.wfile.write(bytes([letter]))
                self.wfile.flush()
                if state["hold"].wait(0.05):
                    return
        else:
            self.wfile.write(answer)

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    good = json.dumps({"choices": [{"message": {"content": "a smile"}}]}).encode()
    running.state = {"asked": [], "answer": (200, good)}
    thread = threading.Thread(target=running.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}/v1", running.state
    running.shutdown()
    thread.join()
    running.server_close()


def test_a_server_gets_image_prompt_and_key(server, monkeypatch):
    address, state = server
    monkeypatch.setenv("http_proxy", "http://192.0.2.1:1")  # is not used
    client = ServerClient("toy", address=address, key="secret")
    image = noise(1, 8)[0]
    assert client(image, "What is it?") == "a smile"
    path, key, body = state["asked"][0]
    assert (path, key, body["model"], body["temperature"]) == (
        "/v1/chat/completions", "Bearer secret", "toy", 0,
    )  # fmt: skip
    text, picture = body["messages"][0]["content"]
    assert text["text"] == "What is it?"
    data = base64.b64decode(picture["image_url"]["url"].partition(",")[2])
    assert np.array_equal(read_image(data), image)
    client(None, "Only words")
    assert len(state["asked"][1][2]["messages"][0]["content"]) == 1


def test_examples_come_as_turns_before_the_question(server):
    address, state = server
    first, second, asked = noise(3, 8)
    turns = [Turn(first, "And this?", "happy"), Turn(None, "Ready?", "yes")]
    assert ServerClient("toy", address=address)(asked, "Which?", turns) == "a smile"
    messages = state["asked"][0][2]["messages"]
    assert [one["role"] for one in messages] == ["user", "assistant"] * 2 + ["user"]
    assert messages[1]["content"] == "happy"
    assert [one["text"] for one in messages[0]["content"][:1]] == ["And this?"]
    for message, image in ((messages[0], first), (messages[4], asked)):
        url = message["content"][1]["image_url"]["url"]
        assert np.array_equal(read_image(base64.b64decode(url.partition(",")[2])), image)
    assert len(messages[2]["content"]) == 1
    state["answer"] = (200, listed(("happy", -0.1)))
    ServerClient("toy", address=address).first_tokens(asked, "One word", [Turn(second, "?", "sad")])
    assert len(state["asked"][1][2]["messages"]) == 3


def test_more_images_than_a_model_takes_are_not_sent(server):
    address, state = server
    images = noise(3, 8)
    turns = [Turn(one, "?", "sad") for one in images[:2]]
    client = ServerClient("toy", address=address, images=2)
    with pytest.raises(TooManyImagesError, match=r"takes 2 image\(s\) at once.* has 3 with its ex"):
        client(images[2], "Which?", turns)
    assert state["asked"] == []
    assert client(None, "Which?", turns) == "a smile"
    state["answer"] = (400, b"{}")
    with pytest.raises(LanguageError, match=r"\(400.*It had 3 images: the model may take fewer"):
        ServerClient("toy", address=address)(images[2], "Which?", turns)


def listed(*tokens):
    content = [{"top_logprobs": [{"token": t, "logprob": p} for t, p in tokens]}]
    return json.dumps({"choices": [{"logprobs": {"content": content}}]}).encode()


def test_first_tokens_with_their_probabilities(server):
    address, state = server
    state["answer"] = (200, listed((" happy", -0.1), ("tired", -2.5)))
    client = ServerClient("toy", address=address)
    assert client.first_tokens(None, "One word") == {" happy": -0.1, "tired": -2.5}
    body = state["asked"][0][2]
    assert (body["max_tokens"], body["logprobs"], body["top_logprobs"]) == (1, True, 20)


@pytest.mark.parametrize(
    "answer",
    [
        b'{"choices": [{"message": {"content": "happy"}}]}',
        b'{"choices": [{"logprobs": null}]}',
        b'{"choices": [{"logprobs": {"content": []}}]}',
        b'{"choices": [{"logprobs": {"content": [{"top_logprobs": [{"token": "a"}]}]}}]}',
        listed(("happy", "likely")),
    ],
)
def test_a_server_without_probabilities_is_named(server, answer):
    address, state = server
    state["answer"] = (200, answer)
    with pytest.raises(LanguageError, match="gives no probabilities of tokens"):
        ServerClient("toy", address=address).first_tokens(None, "One word")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((404, b"{}"), "refused the request"),
        ((500, b"oops"), "refused the request \\(500"),
        ((413, b""), "refused the request \\(413"),
        ((200, b""), "does not answer like a chat server"),
        ((302, b""), "refused the request"),
        ((200, b"<html>"), "does not answer like a chat server"),
        ((200, b'{"choices": []}'), "does not answer like a chat server"),
        ((200, b'{"choices": [{"message": null}]}'), "does not answer like a chat server"),
    ],
)
def test_other_answers_are_errors_with_the_address(server, answer, says):
    address, state = server
    state["answer"] = answer
    with pytest.raises(LanguageError, match=says):
        ServerClient("toy", address=address)(None, "?")


def test_nobody_there_and_other_machines(server):
    with pytest.raises(LanguageError, match="gives no answer"):
        ServerClient("toy", address="http://127.0.0.1:9/v1")(None, "?")
    for address in ("http://192.0.2.1/v1", "https://example.org/v1"):
        with pytest.raises(LanguageError, match="would be sent there"):
            ServerClient("toy", address=address)
        assert ServerClient("toy", address=address, allow_remote=True).address == address
    for address in ("file:///etc/passwd", "127.0.0.1:8000", "http://[abc", ""):
        with pytest.raises(LanguageError, match="is not an address"):
            ServerClient("toy", address=address)


@pytest.mark.parametrize("answer", [b"", b"{" * 400], ids=["hangs", "sends a letter at a time"])
def test_a_server_that_never_finishes_is_given_up(server, answer):
    address, state = server
    state |= {"answer": (200, answer), "hold": threading.Event()}
    try:
        with pytest.raises(LanguageError, match="gives no answer"):
            ServerClient("toy", address=address, seconds=0.2)(None, "?")
    finally:
        state["hold"].set()


def test_half_an_answer_is_none(server):
    address, state = server
    state |= {"answer": (200, b'{"choices"'), "length": "5000"}
    with pytest.raises(LanguageError, match=r"gives no answer|like a chat server"):
        ServerClient("toy", address=address)(None, "?")


def test_an_image_beyond_the_limit_is_not_sent(server, monkeypatch):
    address, state = server
    monkeypatch.setattr("mien.language.clients.LARGEST", 1000)
    with pytest.raises(LanguageError, match="too large for a server: at most 1,000"):
        ServerClient("toy", address=address)(noise(1, 64)[0], "?")
    assert state["asked"] == []
