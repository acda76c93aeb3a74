"""Identifiers of people in texts: found, masked, and listed in the evidence without saying what they were."""
