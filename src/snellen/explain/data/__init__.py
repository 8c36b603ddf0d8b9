"""The pictures as the chosen network sees them."""
