"""The accelerators: parts of `hw` composed into tops, with their presets and how to run them."""
