"""One token of any vocabulary: the bytes that it stands for, and those bytes for eyes.

A vocabulary writes its tokens in letters of its own: GPT-2 has one letter a byte, SentencePiece writes ▁ for a space
and <0xB6> for a byte. Here all become bytes, so that every table and figure of the lab writes them alike.
"""

from collections.abc import Iterable
from typing import Any

from .signs import seen


def _order_of_bytes() -> dict[int, str]:
    """Each byte with the character that GPT-2 writes for it, in GPT-2's order: the visible ones first."""
    visible = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = [b for b in range(256) if b not in visible]
    return {b: chr(b) for b in visible} | {b: chr(256 + n) for n, b in enumerate(hidden)}


BYTES = _order_of_bytes()
_BYTE_OF = {character: byte for byte, character in BYTES.items()}


class Pieces:
    """The bytes of each token of a tokenizer of the transformers or tokenizers library.

    Law: of a text that a vocabulary can write, the pieces joined are the text; a byte is ⟨b6⟩ in a vocabulary of any
    kind (tests/core/test_pieces.py).
    """

    def __init__(self, tokenizer: Any) -> None:
        backend = getattr(tokenizer, "backend_tokenizer", tokenizer)
        self._written = getattr(backend, "id_to_token", None) or backend.convert_ids_to_tokens
        self._byte_level = "ByteLevel(" in repr(getattr(backend, "decoder", ""))
        added = getattr(backend, "get_added_tokens_decoder", dict)()
        self._added = {index: token.content for index, token in added.items()}

    def __call__(self, index: int) -> bytes:
        """The bytes of one token; none for a number without a token."""
        if index in self._added:
            return self._added[index].encode()
        written = self._written(index) or ""
        if not self._byte_level:
            return sentence_piece(written)
        return bytes(_BYTE_OF[c] for c in written) if _BYTE_OF.keys() >= set(written) else written.encode()

    def texts(self, ids: Iterable[int]) -> tuple[str, ...]:
        """Each token as it stands in a text; see `shown`."""
        return tuple(shown(self(int(index))) for index in ids)


def sentence_piece(written: str) -> bytes:
    """The bytes of a piece as SentencePiece writes it: ▁ for a space, <0xB6> for a single byte."""
    if len(written) == 6 and written.startswith("<0x") and written.endswith(">"):
        return bytes([int(written[3:5], 16)])
    return written.replace("▁", " ").encode()


def shown(piece: bytes) -> str:
    """A token's bytes for eyes: whole characters as they are, each other byte as ⟨e2⟩."""
    # Python hides an undecodable byte b as the character U+DC00 + b; nothing else can produce that range.
    text = piece.decode("utf-8", "surrogateescape")
    return "".join(f"⟨{ord(c) - 0xDC00:02x}⟩" if 0xDC80 <= ord(c) <= 0xDCFF else c for c in text)


def visible(piece: bytes) -> str:
    """A token's bytes for a table or a figure: as `shown`, and a space reads ␣, a line end ↵, a tab ⇥."""
    return seen(shown(piece)) or "⟨empty⟩"
