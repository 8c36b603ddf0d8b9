"""Why a model answers as it does: its errors, and the pictures they happened on."""
