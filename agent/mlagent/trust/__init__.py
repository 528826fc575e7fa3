"""What is told about a release, how it is read back, and what the platform's policy makes of it; pure."""
