"""Labels in the forms that people have become class numbers and class names."""
