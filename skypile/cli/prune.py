"""`prune`: give back the space of documents that a later stage holds too."""

from skypile.cli.console import RunFolder, out


def prune(run: RunFolder) -> None:
    """Remove the documents that a later stage holds too; verdicts, and all that was dropped, stay."""
    from skypile.run_folder import ledger
    from skypile.run_folder.prune import prune as remove

    ledger.stage_folders(run)  # an error where there is no run
    freed = remove(run)
    for stage, size in freed.items():
        out.print(f"{stage:<20} {size / 2**20:,.1f} MB given back", highlight=False)
    if not freed:
        out.print("nothing to remove: a stage's documents go once the next stage is whole")
