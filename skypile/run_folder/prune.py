"""Give back the space of documents that a later stage holds too.

Each of the five stages stores the text of what it kept, so that any of them can be redone alone. Once the next stage
is whole, those rows stand in its folder again, kept or dropped. Pruning removes them from the earlier folder:

  - what stays: every verdict, manifest and stamp, and the documents that the stage dropped or failed, which stand
    nowhere else. `status`, `why` and `diff` answer as before; the report too, but without distributions of scores;
  - what goes: `documents/kept=true` of every stage but the last whole one. With it goes the text of a page as it was
    before deduplication cut recurring paragraphs from it, of which the evidence quotes the beginning;
  - what it costs: a stage whose input is gone cannot be redone at other settings; that is refused before anything
    is removed (`stage_folder.write`), and needs a run from extraction on.
"""

import itertools

from skypile import schema
from skypile.run_folder import stage_folder
from skypile.run_folder.output import output_folder
from skypile.runtime import files

NOTE = "what it kept was pruned: a later stage has it, and the report no distribution of this stage's scores"

KEPT = "documents/kept=true/"


def prune(run: str) -> dict[str, int]:
    """Remove the kept documents of stages whose next stage is whole; bytes given back, by stage.

    A stage counts only if the next one was made from it as it is now. Nothing happens to what is pruned already.
    """
    with output_folder(run, "run", []):
        return _prune(run)


def _prune(run: str) -> dict[str, int]:
    freed = {}
    for stage, following in itertools.pairwise(schema.STAGES):
        here, there = (stage_folder.manifest(run, name) for name in (stage, following))
        if here is None or there is None:
            continue
        if not stage_folder.follows(there, here):
            continue  # made from what this stage was before
        folder = stage_folder.documents_dir(stage_folder.stage_dir(run, stage), True)
        if files.exists(folder):
            # Noted first: documents half removed must not be read as if they were all.
            left = {name: entry for name, entry in here["parts"].items() if not name.startswith(KEPT)}
            noted = here | {"pruned": True, "notes": [*here["notes"], NOTE], "parts": left}
            files.write_json(files.join(stage_folder.stage_dir(run, stage), "manifest.json"), noted)
            fs, path = files.filesystem(folder)
            freed[stage] = int(fs.du(path))
            files.remove_tree(folder)
    return freed
