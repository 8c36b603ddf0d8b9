"""`snellen init`: a look at data that nobody described, and a study file for them."""
