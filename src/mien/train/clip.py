"""CLIP of the package transformers, from a local folder, as towers that prompts can steer."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the usual name

from mien.errors import TrainingError, extra


class ClipTowers(nn.Module):
    """Both encoders of CLIP, frozen. Nothing is fetched: the folder must be there."""

    def __init__(self, folder: Path) -> None:
        """Open model and tokeniser.

        Raises:
            TrainingError: the folder holds no CLIP.
            MissingExtraError: the package transformers is missing.
        """
        super().__init__()
        with extra("clip", "CLIP"):
            from transformers import CLIPModel, CLIPTokenizer
        try:
            self.clip: Any = CLIPModel.from_pretrained(str(folder), local_files_only=True)
            self.tokens: Any = CLIPTokenizer.from_pretrained(str(folder), local_files_only=True)
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise TrainingError(
                f"{folder} holds no CLIP that transformers can open ({type(error).__name__}); give "
                "the folder with config.json, the weights and the files of the tokeniser."
            ) from None
        self.requires_grad_(False).eval()
        config: Any = self.clip.config
        vision, text = config.vision_config, config.text_config
        self.layers, self.image_width = vision.num_hidden_layers, vision.hidden_size
        self.text_width, self.longest = text.hidden_size, text.max_position_embeddings
        self.side = vision.image_size

    def image(self, x: Tensor, prompts: Tensor | None) -> tuple[Tensor, Tensor]:
        """(N, 3, side, side) normalised pixels; see `mien.systems.expression_mpa.model.Towers`."""
        tower = self.clip.vision_model
        tokens = tower.pre_layrnorm(tower.embeddings(x))
        count = tokens.shape[1]
        for k, layer in enumerate(tower.encoder.layers):
            if prompts is not None:
                more = prompts[k][None].expand(len(x), -1, -1).to(tokens.dtype)
                tokens = torch.cat([tokens, more], 1)
            tokens = _first(layer(tokens, attention_mask=None))[:, :count]
        found = self.clip.visual_projection(tower.post_layernorm(tokens))
        found = F.normalize(found, dim=-1)
        return found[:, 0], found[:, 1:]

    def words(self, text: str) -> Tensor:
        """As there; words beyond the length of CLIP are cut by `text`."""
        ids = self.tokens(text, add_special_tokens=False)["input_ids"]
        return self._embedded(torch.tensor(ids, dtype=torch.long))

    def text(self, embedded: Sequence[Tensor]) -> Tensor:
        """As there.

        Raises:
            TrainingError: a text has more words than CLIP reads.
        """
        tower = self.clip.text_model
        ends = torch.tensor([self.tokens.bos_token_id, self.tokens.eos_token_id])
        begin, end = self._embedded(ends)
        rows = [torch.cat([begin[None], one, end[None]]) for one in embedded]
        length = torch.tensor([len(row) for row in rows])
        if int(length.max()) > self.longest:
            raise TrainingError(
                f"A prompt has {int(length.max())} tokens, but this CLIP reads {self.longest}; "
                "shorten its description."
            )
        x = nn.utils.rnn.pad_sequence(rows, batch_first=True)
        t = x.shape[1]
        x = x + tower.embeddings.position_embedding(torch.arange(t))[None]
        # Each word sees those before it; padding comes last, so no word sees it.
        later = torch.full((t, t), torch.finfo(x.dtype).min, dtype=x.dtype).triu(1)[None, None]
        for layer in tower.encoder.layers:
            x = _first(layer(x, attention_mask=later.expand(len(x), -1, -1, -1)))
        found = tower.final_layer_norm(x)[torch.arange(len(rows)), length - 1]
        return F.normalize(self.clip.text_projection(found), dim=-1)

    def _embedded(self, ids: Tensor) -> Tensor:
        return cast(Tensor, self.clip.text_model.embeddings.token_embedding(ids))


def _first(found: Any) -> Tensor:
    """The tokens: some versions of transformers return them in a tuple."""
    return cast(Tensor, found[0] if isinstance(found, tuple) else found)
