"""Reads models that Keras saved, without Keras and without running anything that a file says.

saved_model.py reads the file, graph.py its layers and how they are connected, layers.py holds what each Keras layer is
here, convert.py makes one network of them, bundle.py writes it with the study that would train it.
"""
