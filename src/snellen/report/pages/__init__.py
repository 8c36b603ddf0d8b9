"""The pages of the analyses."""
