"""Who uses which rows: roles, folds, stratified draws, and the vault of test labels."""
