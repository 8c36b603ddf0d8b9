"""What the pages draw: charts, the confusion matrix, networks, images."""
