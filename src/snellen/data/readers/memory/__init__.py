"""Data sets in memory: frames, lists, bunches of scikit-learn, data sets of torch and Hugging Face."""
