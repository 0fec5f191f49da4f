"""batchdeck: a terminal manager for OpenAI Batch API jobs."""

__version__ = "0.1.0"
