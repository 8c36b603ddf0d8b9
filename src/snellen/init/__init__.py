"""`snellen init`: looks at data without a description, and writes a study file for them."""
