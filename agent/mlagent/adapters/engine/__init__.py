"""The container engine's room: Docker's, through its SDK."""
