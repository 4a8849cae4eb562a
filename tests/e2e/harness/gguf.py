"""The smallest model that a real model server loads: a llama of two layers with random weights, 500 kB.

What it says is nonsense, by the real path of loading and inference. Written by hand, since the format is forty lines: a
header, keys with values, tensors; https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.
"""

from __future__ import annotations

import random
import struct
from array import array
from collections.abc import Sequence
from typing import Any, Final

_ALIGNMENT: Final = 32
_UINT32, _INT32, _FLOAT32, _STRING, _ARRAY = 4, 5, 6, 8, 9
_WIDTH: Final = 64
_HIDDEN: Final = 128
_HEADS: Final = 4
_LAYERS: Final = 2
_BYTE_TOKEN, _CONTROL, _UNKNOWN, _NORMAL = 6, 3, 2, 1
_END: Final = 2
_LETTERS: Final = 26


def tiny_model(seed: int = 1) -> bytes:
    """Return the file of a model; another seed is another model."""
    tokens = _tokens()
    vocabulary = len(tokens)
    metadata: list[tuple[str, int, Any]] = [
        ("general.architecture", _STRING, "llama"),
        ("general.name", _STRING, f"tiny-{seed}"),
        ("llama.vocab_size", _UINT32, vocabulary),
        ("llama.context_length", _UINT32, 512),
        ("llama.embedding_length", _UINT32, _WIDTH),
        ("llama.block_count", _UINT32, _LAYERS),
        ("llama.feed_forward_length", _UINT32, _HIDDEN),
        ("llama.attention.head_count", _UINT32, _HEADS),
        ("llama.attention.head_count_kv", _UINT32, _HEADS),
        ("llama.attention.layer_norm_rms_epsilon", _FLOAT32, 1e-5),
        ("llama.rope.dimension_count", _UINT32, _WIDTH // _HEADS),
        ("tokenizer.ggml.model", _STRING, "llama"),
        ("tokenizer.ggml.tokens", _ARRAY, (_STRING, [text for text, _ in tokens])),
        ("tokenizer.ggml.scores", _ARRAY, (_FLOAT32, [0.0] * vocabulary)),
        ("tokenizer.ggml.token_type", _ARRAY, (_INT32, [kind for _, kind in tokens])),
        ("tokenizer.ggml.unknown_token_id", _UINT32, 0),
        ("tokenizer.ggml.bos_token_id", _UINT32, 1),
        ("tokenizer.ggml.eos_token_id", _UINT32, _END),
    ]
    tensors = _tensors(vocabulary, random.Random(seed))  # noqa: S311 - weights, no secret
    return _file(metadata, tensors)


def _tokens() -> list[tuple[str, int]]:
    """Return a vocabulary: three of control, every byte, and letters."""
    bytes_ = [(f"<0x{value:02X}>", _BYTE_TOKEN) for value in range(256)]
    letters = [(f"\u2581{letter}", _NORMAL) for letter in "abcdefghijklmnopqrstuvwxyz"]
    return [("<unk>", _UNKNOWN), ("<s>", _CONTROL), ("</s>", _CONTROL), *bytes_, *letters]


def _tensors(vocabulary: int, chance: random.Random) -> list[tuple[str, Sequence[int], array[float]]]:
    def weights(*shape: int) -> array[float]:
        size = shape[0] * (shape[1] if len(shape) > 1 else 1)
        return array("f", [chance.gauss(0, 0.5) for _ in range(size)])

    def ones() -> array[float]:
        return array("f", [1.0] * _WIDTH)

    square, wide, narrow = (_WIDTH, _WIDTH), (_WIDTH, _HIDDEN), (_HIDDEN, _WIDTH)
    found: list[tuple[str, Sequence[int], array[float]]] = [
        ("token_embd.weight", (_WIDTH, vocabulary), weights(_WIDTH, vocabulary))
    ]
    shapes = {"attn_q": square, "attn_k": square, "attn_v": square, "attn_output": square}
    shapes |= {"ffn_gate": wide, "ffn_up": wide, "ffn_down": narrow}
    for layer in range(_LAYERS):
        found += ((f"blk.{layer}.{part}_norm.weight", (_WIDTH,), ones()) for part in ("attn", "ffn"))
        found += ((f"blk.{layer}.{part}.weight", shape, weights(*shape)) for part, shape in shapes.items())
    output = weights(_WIDTH, vocabulary)
    # It says letters alone. Their rows are random; that of the end is nought, and never the largest, so that no answer
    # ends early, and so are those of bytes, which a server holds back until they are a whole character.
    silent = vocabulary - _LETTERS
    output[: silent * _WIDTH] = array("f", [0.0] * (silent * _WIDTH))
    return [*found, ("output_norm.weight", (_WIDTH,), ones()), ("output.weight", (_WIDTH, vocabulary), output)]


def _file(
    metadata: Sequence[tuple[str, int, Any]], tensors: Sequence[tuple[str, Sequence[int], array[float]]]
) -> bytes:
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    for key, kind, value in metadata:
        head += _text(key) + struct.pack("<I", kind) + _value(kind, value)
    data = b""
    for name, shape, values in tensors:
        head += _text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, len(data))
        data += _padded(values.tobytes())
    return _padded(head) + data


def _value(kind: int, value: Any) -> bytes:
    if kind == _STRING:
        return _text(value)
    if kind == _ARRAY:
        inner, items = value
        return struct.pack("<IQ", inner, len(items)) + b"".join(_value(inner, item) for item in items)
    return struct.pack({_UINT32: "<I", _INT32: "<i", _FLOAT32: "<f"}[kind], value)


def _text(text: str) -> bytes:
    content = text.encode()
    return struct.pack("<Q", len(content)) + content


def _padded(content: bytes) -> bytes:
    return content + b"\0" * (-len(content) % _ALIGNMENT)
