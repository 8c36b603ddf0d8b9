"""Networks: a layer list becomes pure functions over explicit parameters, and a trained one becomes a bundle."""
