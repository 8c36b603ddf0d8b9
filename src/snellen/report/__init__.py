"""One HTML file that shows everything report.json holds: figures, sprite sheet, page."""
