"""What the user chose: settings, keys, places of files."""
