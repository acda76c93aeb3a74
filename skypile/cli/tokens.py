"""`skypile vocab …` and `skypile tokens …`: build a vocabulary, pack token shards, find pages in them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from skypile.cli.console import err, out, shown
from skypile.errors import Refused
from skypile.tokens.provenance import Place

vocab = typer.Typer(no_args_is_help=True, help="Build and measure vocabularies.")
tokens = typer.Typer(no_args_is_help=True, help="Pack token shards and trace their pages.")

Model = Annotated[Path | None, typer.Option(help="SentencePiece .model; without it, the 65,536-piece default")]
Texts = Annotated[list[Path], typer.Argument(help="Parquet or JSONL files with a column text")]
TextsOrFolders = Annotated[
    list[Path], typer.Argument(help="Parquet or JSONL files with a column text, or folders of them")
]
Output = Annotated[Path, typer.Option(help="File or folder to write")]


@vocab.command()
def build(
    texts: Texts,
    base: Annotated[Path, typer.Option(help="SentencePiece .model to extend (BPE, byte fallback)")],
    output: Output,
    characters: Annotated[Path | None, typer.Option(help="Characters, one a line; default: national standards")] = None,
    size: Annotated[int, typer.Option(help="Pieces in all; what base and characters leave goes to words")] = 65_536,
) -> None:
    """Extend a vocabulary with Chinese words counted on your own text, chosen by the tokens they save."""
    from skypile.run_folder.output import new_file
    from skypile.tokens import vocabulary_builder as builder
    from skypile.tokens.weighted_text import weigh_texts
    from skypile.tokens.word_training import learn_words

    new_file(str(output), [*map(str, texts), str(base), *([str(characters)] if characters else [])])
    have = set(builder.base_pieces(base))
    listed = builder.read_pieces(characters) if characters else builder.national_standard_characters()
    singles = [char for char in listed if len(char) == 1 and char not in have][: builder.CHARACTERS]
    wanted = size - len(have) - len(singles) - builder.RESERVED
    if wanted < 0:
        raise Refused(f"size={size}: {len(have)} base pieces and {len(singles)} characters leave no room in it")
    weighted = weigh_texts(text for path in texts for text in read_texts(path))
    words = builder.reachable_words(base, singles, learn_words(weighted, wanted + wanted // 50), wanted)
    reserved = [f"<reserved_{number}>" for number in range(builder.RESERVED)]
    output.write_bytes(builder.build_vocabulary(base, singles, words, reserved))
    parts = f"{len(have)} base, {len(singles)} characters, {len(words)} words, {len(reserved)} reserved"
    out.print(f"{shown(output)}: {parts}", soft_wrap=True)


@vocab.command()
def export(output: Output, model: Model = None) -> None:
    """Write the vocabulary as a Hugging Face tokenizer.json."""
    from skypile.run_folder.output import new_file
    from skypile.tokens.encoder import default_model_path
    from skypile.tokens.huggingface import write_tokenizer_json

    new_file(str(output), [str(model or default_model_path())])
    write_tokenizer_json(model or default_model_path(), output)


@vocab.command()
def compare(
    texts: Texts,
    models: Annotated[list[Path] | None, typer.Option("--model", help=".model or tokenizer.json, repeatable")] = None,
) -> None:
    """Characters per token of the default vocabulary and others."""
    from skypile.tokens.compression import characters_per_token

    table = Table("vocabulary", *[shown(path.name) for path in texts])
    read = [list(read_texts(path)) for path in texts]
    for model in [None, *(models or [])]:
        table.add_row(shown(model or "default"), *[f"{characters_per_token(model, part):.3f}" for part in read])
    out.print(table)


@tokens.command()
def pack(
    texts: TextsOrFolders,
    output: Annotated[str, typer.Option(help="Folder to write, local or remote")],
    model: Model = None,
    sequence_length: Annotated[int, typer.Option(help="Tokens in a sequence")] = 4096,
    remainder: Annotated[str, typer.Option(help="pad or drop what is left of a file")] = "pad",
    validation: Annotated[float, typer.Option(help="Share of hosts held out for validation")] = 0.001,
    end_of_document: Annotated[int | None, typer.Option(help="Id after every document; default: the model's")] = None,
) -> None:
    """Encode Parquet or JSONL files and pack their tokens into sequences of one length, without Spark."""
    from skypile.tokens.outputs import pack_files
    from skypile.tokens.shards import Packing

    if remainder == "carry":
        raise Refused("remainder='carry': between files nothing is carried here; choose pad or drop")
    packing = Packing(sequence_length, end_of_document, remainder, validation=validation)
    manifest, fresh = pack_files(texts, output, model, packing)
    for count in manifest["shards"]:
        shard = shown(f"{count['split']}/{count['shard']}")
        out.print(f"{shard}: {count['documents']} documents, {count['tokens']} tokens", soft_wrap=True)
        if lost := count["dropped_tokens"]:
            told = f"{shard}: {lost:,} tokens behind the last whole sequence were dropped (--remainder drop)"
            err.print(told, soft_wrap=True, highlight=False)
    for path, (rows, reason) in manifest["left_out"].items():
        err.print(f"{shown(path)}: {rows} rows without a text left out ({shown(reason)})", soft_wrap=True)
    if not fresh:
        out.print("up to date")


@tokens.command()
def locate(
    key: Annotated[str, typer.Argument(help="URL or record id", metavar="URL_OR_ID")],
    folder: Annotated[str, typer.Argument(help="Folder with token shards, local or remote")],
    shuffled: Annotated[Path | None, typer.Option(help="Folder the shards were shuffled into")] = None,
) -> None:
    """Say in which sequences a page's tokens stand."""
    from skypile.tokens import provenance
    from skypile.tokens.shuffled import locate_shuffled

    places = locate_shuffled(folder, shuffled, key) if shuffled else provenance.locate(folder, key)
    found = [_print_place(place) for place in places]
    if not found:
        out.print(f"no shard in {shown(folder)} holds {shown(key)} (URLs are matched exactly)", soft_wrap=True)
        raise typer.Exit(1)


@tokens.command()
def shuffle(
    packed: Annotated[Path, typer.Argument(help="Folder with packed shards of one split")],
    output: Output,
    shards: Annotated[int, typer.Option(help="Shards to write")] = 64,
    seed: Annotated[int, typer.Option(min=0, help="Of the order")] = 0,
) -> None:
    """Put all sequences of all shards into one seeded order."""
    from skypile.tokens.outputs import shuffle_shards

    manifest, fresh = shuffle_shards(str(packed), str(output), shards, seed)
    for name in manifest["shards"]:
        out.print(shown(name))
    if not fresh:
        out.print("up to date")


def read_texts(path: Path) -> Iterator[str]:
    """Texts of a Parquet or JSONL file (plain or compressed), one by one, as `skypile run` reads them.

    Rows without a text are counted on standard error. Raises Refused where no row has one.
    """
    from skypile.config import ExtractionConfig
    from skypile.crawl import inputs
    from skypile.crawl.read import read_split

    if path.is_dir():
        raise Refused(f"{path} is a folder: give the Parquet or JSONL files in it")
    config = ExtractionConfig()
    texts, lost, first = 0, 0, ""
    for split in inputs.plan([str(path)], config):
        for record in read_split(split, config):
            if record.text:
                texts += 1
                yield record.text
            else:
                lost += 1
                why = f"{record.reason}: {record.evidence}" if record.reason else "HTML, and no column text"
                first = first or f"at {record.offset} {why}"
    if not texts:
        raise Refused(f"{path} holds no text" + (f" in its {lost} rows, the first {first}" if lost else ""))
    if lost:
        err.print(f"{shown(path)}: {lost} rows without text are left out, the first {shown(first)}", soft_wrap=True)


def _print_place(place: Place) -> Place:
    out.print(
        f"{shown(place.shard)} sequence {place.sequence} tokens {place.start}-{place.stop}  "
        f"{shown(place.url or 'no URL')}  record {shown(place.record_id)} from token {place.document_offset}",
        highlight=False,
        soft_wrap=True,
    )
    return place
