"""Settings: one table of options, where they come from, and how they are explained."""

from ari_app.config.load import Loaded, load
from ari_app.config.mistakes import Mistake, Mistakes
from ari_app.config.options import Settings
from ari_app.config.sample import reference, sample, sample_data

__all__ = ["Loaded", "Mistake", "Mistakes", "Settings", "load", "reference", "sample", "sample_data"]
