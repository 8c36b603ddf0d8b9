"""What each unit of a layer responds to, and what is lost when it is removed."""
