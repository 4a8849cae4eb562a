"""Modelfiles: what Ollama's API can say too is read, what it can't is refused."""

from __future__ import annotations

import pulumi
import pytest

from components.modelfile import Modelfile, read_modelfile


def test_a_modelfile_is_read() -> None:
    """Comments, three quotes over lines, numbers as numbers, several stops."""
    text = (
        "# a helper\nFROM llama3.2:1b\nPARAMETER temperature 0.2\nPARAMETER num_ctx 4096\n"
        'PARAMETER stop "<|end|>"\nPARAMETER stop User:\nSYSTEM """You are\nbrief."""\nTEMPLATE "{{ .Prompt }}"\n'
    )
    assert read_modelfile(text, "Modelfile") == Modelfile(
        base="llama3.2:1b",
        system="You are\nbrief.",
        template="{{ .Prompt }}",
        parameters={"temperature": 0.2, "num_ctx": 4096, "stop": ["<|end|>", "User:"]},
    )


@pytest.mark.parametrize("file", ["./tiny.gguf", "tiny.gguf", "/srv/models/tiny.gguf", "../tiny.GGUF"])
def test_a_file_is_no_model(file: str) -> None:
    """A path or a .gguf is a file beside the Modelfile, or on the host."""
    made = read_modelfile(f"FROM {file}\n", "Modelfile")
    assert (made.file, made.base) == (file, None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "FROM a\nADAPTER ./lora\n",
            "models/Modelfile:2: ADAPTER can't be used\n  allowed: FROM, SYSTEM, TEMPLATE, PARAMETER",
        ),
        ("SYSTEM hello\n", "models/Modelfile: needs one FROM"),
        ('FROM a\nSYSTEM """never\n', "models/Modelfile:2: the three quotes are never closed"),
    ],
)
def test_what_can_not_be_had_is_refused(text: str, message: str) -> None:
    """With the line: half a Modelfile would be another model."""
    with pytest.raises(pulumi.RunError) as caught:
        read_modelfile(text, "models/Modelfile")
    assert str(caught.value).startswith(message)
