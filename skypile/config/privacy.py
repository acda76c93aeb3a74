"""Table [quality_filter.privacy]: which identifiers of people are masked."""

import re
from typing import Final, Literal, Self, get_args

from pydantic import Field, model_validator

from skypile.config.settings import Settings

Identifier = Literal["email", "phone", "id_number", "bank_card", "ip", "qq", "wechat"]
IDENTIFIERS: Final[tuple[Identifier, ...]] = get_args(Identifier)
_REGIONS: Final = ("CN", "TW", "HK", "US", "GB")


class PrivacyConfig(Settings):
    """Identifiers of people that are masked in texts and titles: see skypile.quality.privacy."""

    mask: tuple[Identifier, ...] = Field(IDENTIFIERS, description="kinds that are masked; empty: none")
    phone_regions: tuple[str, ...] = Field(
        _REGIONS, description="countries whose phone numbers are known without +country code, the likeliest first"
    )
    placeholder: str = Field("[{kind}]", description="what stands in place of each, {kind} being its kind in capitals")

    @model_validator(mode="after")
    def placeholder_is_no_identifier(self) -> Self:
        around = self.placeholder.partition("{kind}")
        if not around[1] or re.search(r"[\w@{}]", around[0] + around[2]):
            raise ValueError(
                f"placeholder {self.placeholder!r} must hold {{kind}} once, and beside it no letter, digit, @ or "
                'brace, so that it is never taken for an identifier itself: "[{kind}]", "<|{kind}|>"'
            )
        return self

    @model_validator(mode="after")
    def regions_are_known(self) -> Self:
        if self.phone_regions != _REGIONS:
            from phonenumbers import SUPPORTED_REGIONS

            if unknown := sorted(set(self.phone_regions) - SUPPORTED_REGIONS):
                raise ValueError(
                    f"phone_regions {unknown} are no countries: write ISO 3166 codes in capitals, as CN, US"
                )
        return self
