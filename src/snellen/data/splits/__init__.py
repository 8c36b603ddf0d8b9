"""Which rows are used for what: roles, folds, stratified draws, and the vault of test labels."""
