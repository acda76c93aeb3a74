"""Texts masked by a peer: JSON lines of {"text"} on stdin, the same masked on stdout, then {"seconds"} of CPU time.

python privacy.py datatrove|presidio
"""

import json
import sys
import time
from collections.abc import Callable


def datatrove() -> Callable[[str], str]:
    from datatrove.pipeline.formatters import PIIFormatter

    return PIIFormatter().format


def presidio() -> Callable[[str], str]:
    """The recognisers that need no model, as they are shipped, with telephones of China added to their regions."""
    from presidio_analyzer.predefined_recognizers import (
        CreditCardRecognizer,
        EmailRecognizer,
        IpRecognizer,
        PhoneRecognizer,
    )

    recognizers = [
        CreditCardRecognizer(),
        EmailRecognizer(),
        IpRecognizer(),
        PhoneRecognizer(supported_regions=("CN", *PhoneRecognizer.DEFAULT_SUPPORTED_REGIONS)),
    ]

    def mask(text: str) -> str:
        found = [
            hit
            for one in recognizers
            for hit in one.analyze(text, one.supported_entities, None) or []
            if hit.score >= 0.4
        ]
        last = len(text)
        for hit in sorted(found, key=lambda hit: -hit.end):
            if hit.end <= last:
                text, last = text[: hit.start] + "*" + text[hit.end :], hit.start
        return text

    return mask


def main() -> None:
    mask = {"datatrove": datatrove, "presidio": presidio}[sys.argv[1]]()
    texts = [json.loads(line)["text"] for line in sys.stdin]
    mask("warm 13800138000 a@b.com 8.8.8.8")
    began = time.process_time()
    masked = [mask(text) for text in texts]
    seconds = time.process_time() - began
    for text in masked:
        print(json.dumps({"text": text}))
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main()
