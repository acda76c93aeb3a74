"""Train the citation classifiers of a run from its own documents and Wikipedia dumps."""

from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from skypile.classifiers import nearest, training_set
from skypile.classifiers.cited_in_spark import MAX_DAMAGE, cited_pages
from skypile.classifiers.dumps import check
from skypile.classifiers.model import save
from skypile.classifiers.train import train
from skypile.config import QualityFilterConfig
from skypile.run_folder.storage import stored
from skypile.runtime import files


def train_in_run(documents: DataFrame, config: QualityFilterConfig, scratch: str) -> tuple[str | None, list[str]]:
    """Folder of the classifiers trained on `documents` and `config.wikipedia`, and notes for the manifest.

    The folder, `scratch`/classifier, has a classifier for each language with enough cited documents and a
    held-out AUC that is high enough; there is none, and None is returned, if no language has. The notes say
    what was trained on what, how good it is, and why a language has none.

    `documents` needs record_id, url, host, language and text; it is read three times, its text once.
    DumpError if a file is no dump.
    """
    dumps = [files.absolute(path) for path in config.wikipedia]
    for dump in dumps:
        check(dump)
    spark = documents.sparkSession
    cited = stored(cited_pages(spark, dumps), files.join(scratch, "cited"))
    damage = cited.where("damage is not null").select("damage").limit(MAX_DAMAGE).collect()
    notes = [f"citation classifier: {row['damage']}" for row in damage]
    pages = cited.where("key is not null and references > 0")
    labels = stored(training_set.labelled(documents, pages, config.citations), files.join(scratch, "labels"))
    counts = {
        row["language"]: (row["documents"], row["hosts"])
        for row in labels.where("cited")
        .groupBy("language")
        .agg(F.count("*").alias("documents"), F.countDistinct("host").alias("hosts"))
        .collect()
    }
    others = {row["language"] for row in labels.where(~F.col("cited")).select("language").distinct().collect()}
    models: dict[str, Any] = {}
    details: dict[str, dict[str, Any]] = {}
    cited_examples: list[pa.Table] = []
    for language in config.languages or sorted(counts):
        found, hosts = counts.get(language, (0, 0))
        name = f"citation classifier, {language}: {found} documents of {hosts} hosts are cited in the dumps"
        if found < config.citations.min_positives or hosts < config.citations.min_hosts:
            notes.append(
                f"{name}; {config.citations.min_positives} of {config.citations.min_hosts} are needed: "
                "none trained, language and rules alone decide"
            )
            continue
        if language not in others:
            notes.append(f"{name} and no other document is there to compare: none trained")
            continue
        sampled = training_set.sample(labels, language, config.citations)
        collected = files.join(scratch, f"examples_{language}")
        examples = training_set.collect(documents, sampled, collected)
        if not examples.cited.any() or examples.cited.all():
            notes.append(f"{name}, but a sample of {len(examples.cited)} holds one label only: none trained")
            continue
        trained = train(examples, config.citations)
        held_out = trained.metrics
        if held_out["auc"] is None or held_out["auc"] < config.citations.min_auc:
            notes.append(
                f"{name}; AUC on held-out hosts is {held_out['auc']}, {config.citations.min_auc} is needed: "
                "not used, language and rules alone decide"
            )
            continue
        models[language] = trained.model
        cited_examples.append(training_set.collected_cited(collected))
        details[language] = {
            "calibration": trained.calibration,
            "metrics": held_out,
            "training": {"cited": int(examples.cited.sum()), "other": int((~examples.cited).sum())},
            "settings": config.citations.model_dump(mode="json"),
        }
        notes.append(
            f"{name}; trained on {held_out['trained_on']} examples; on {held_out['hosts']} held-out hosts "
            f"AUC {held_out['auc']}, precision {held_out['precision']}, recall {held_out['recall']}"
        )
    if not models:
        return None, notes
    folder = files.join(scratch, "classifier")
    save(folder, models, details)
    nearest.write(pa.concat_tables(cited_examples), folder)
    return folder, notes
