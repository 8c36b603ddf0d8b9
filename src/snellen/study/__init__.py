"""What to do: the study file, its schema, and the plan of jobs it makes."""
