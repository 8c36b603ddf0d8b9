"""ImageClassifier, a scikit-learn estimator over the same engine."""
