"""What each unit of a layer responds to."""
