"""What cosign is told and given: its key, its login, its flags; and what it means when it says no."""
