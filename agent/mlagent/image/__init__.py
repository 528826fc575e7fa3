"""What an image is made of: its layers, its lock, its list of parts; pure files, no network and no engine."""
