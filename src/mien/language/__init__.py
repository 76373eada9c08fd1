"""One client for language models and vision-language models: image and prompt in, text out.

A model is a function `respond(image, prompt) -> text`: one of the user, such as a pipeline of
transformers, or a server with the interface of OpenAI. Examples come as turns before the question.
Pictures of people leave this machine only if the user names another machine and allows it.
"""

from mien.language.answers import Answered, Schema, ask, check_schema
from mien.language.clients import ADDRESS, Respond, RespondAfter, ServerClient, Turn, Weigh

__all__ = [
    "ADDRESS",
    "Answered",
    "Respond",
    "RespondAfter",
    "Schema",
    "ServerClient",
    "Turn",
    "Weigh",
    "ask",
    "check_schema",
]
