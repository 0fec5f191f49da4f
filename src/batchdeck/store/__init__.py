"""The history: an SQLite file with every batch, operation and input that batchdeck has seen."""
