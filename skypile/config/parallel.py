"""Table [parallel]: paragraphs that pages have in English and in Chinese."""

from pydantic import Field

from skypile.config.settings import Count, Settings, Share


class ParallelConfig(Settings):
    """Paragraphs that pages have in both languages: `skypile parallel`."""

    min_letters: int = Field(20, ge=1, description="shortest paragraph of a pair; a Han character counts as 3.6")
    min_han_share: Share = Field(0.3, description="least share of Han in the letters of the Chinese side")
    # 40 pairs of 0.35 to 0.8 were read: 38 are translations. Two wrong pages give 0.3 pairs above 0.8.
    min_confidence: Share = Field(0.8, description="least posterior of a pair among all alignments of its pages")
    # 188 pairs of pages: of 99 % this much is aligned or more; of pages of one guide paired at random, 0.02 in 95 %.
    min_aligned: Share = Field(0.1, description="least share of two pages' text that is aligned, else they are no pair")
    max_lines: Count = Field(2500, description="longest page, in lines: 40 bytes for each pair of them")
