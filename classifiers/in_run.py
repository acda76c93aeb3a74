"""Train the citation classifiers of a run from its own documents and Wikipedia dumps.

The examples are those of `skypile citations dataset`: cited pages, and counterparts of the same length on hosts that
are not cited, from the same file and of the same template family if there are such.
"""

from typing import Any, Final

import numpy as np
from pyspark.sql import DataFrame

from skypile.classifiers import nearest
from skypile.classifiers.cited_in_spark import MAX_DAMAGE, cited_pages
from skypile.classifiers.dumps import check
from skypile.classifiers.examples import Choice, examples
from skypile.classifiers.from_dataset import EXAMPLES, read_examples
from skypile.classifiers.model import save
from skypile.classifiers.train import train
from skypile.config import QualityFilterConfig
from skypile.run_folder.storage import stored
from skypile.runtime import files

SOURCES: Final = ("page", "host")  # hosts only if `weak_host_citations` asks for them


def train_in_run(documents: DataFrame, config: QualityFilterConfig, scratch: str) -> tuple[str | None, list[str]]:
    """Folder of the classifiers trained on `documents` and `config.wikipedia`, and notes for the manifest.

    The folder, `scratch`/classifier, has a classifier for each language with enough cited documents and a
    held-out AUC that is high enough; there is none, and None is returned, if no language has. The notes say
    what was trained on what, how good it is, and why a language has none.

    `documents` needs record_id, url, host, language, source, characters and text; it is read twice.
    DumpError if a file is no dump.
    """
    settings = config.citations
    dumps = [files.absolute(path) for path in config.wikipedia]
    for dump in dumps:
        check(dump)
    cited = stored(cited_pages(documents.sparkSession, dumps), files.join(scratch, "cited"))
    damage = cited.where("damage is not null").select("damage").limit(MAX_DAMAGE).collect()
    notes = [f"citation classifier: {row['damage']}" for row in damage]
    choice = Choice(
        max_documents=settings.max_documents,
        per_host=settings.per_host,
        host_citations=settings.weak_host_citations,
        languages=config.languages,
        seed=settings.seed,
    )
    chosen, counts = examples(documents, cited.where("key is not null"), choice, files.join(scratch, "matched"))
    place = files.join(scratch, "dataset")
    chosen.write.parquet(files.join(place, EXAMPLES))
    learned = read_examples(place, SOURCES)
    models: dict[str, Any] = {}
    details: dict[str, dict[str, Any]] = {}
    for language in config.languages or sorted(counts):
        found = counts.get(language, {}).values()
        number, pairs = sum(one["cited"] for one in found), sum(one["pairs"] for one in found)
        own = learned.where(learned.languages == language).examples
        hosts = len({*np.array(own.hosts, dtype=np.object_)[own.cited].tolist()})
        name = f"citation classifier, {language}: {number} documents are cited in the dumps"
        if pairs:
            name += f", {pairs} of {hosts} hosts have a counterpart of their length"
        if pairs < settings.min_positives or hosts < settings.min_hosts:
            notes.append(
                f"{name}; {settings.min_positives} of {settings.min_hosts} hosts are needed: "
                "none trained, language and rules alone decide"
            )
            continue
        trained = train(own, settings)
        held_out = trained.metrics
        if held_out["auc"] is None or held_out["auc"] < settings.min_auc:
            notes.append(
                f"{name}; AUC on held-out hosts is {held_out['auc']}, {settings.min_auc} is needed: "
                "not used, language and rules alone decide"
            )
            continue
        models[language] = trained.model
        details[language] = {
            "calibration": trained.calibration,
            "metrics": held_out,
            "training": {"cited": pairs, "other": pairs},
            "settings": settings.model_dump(mode="json"),
        }
        notes.append(
            f"{name}; trained on {held_out['trained_on']} examples; on {held_out['hosts']} held-out hosts "
            f"AUC {held_out['auc']}, precision {held_out['precision']}, recall {held_out['recall']}"
        )
    if not models:
        return None, notes
    folder = files.join(scratch, "classifier")
    save(folder, models, details)
    nearest.keep(files.join(place, EXAMPLES), folder, sorted(models), SOURCES)
    return folder, notes
