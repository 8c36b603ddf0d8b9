"""python -m snellen"""

from snellen.cli.entry import main

main()
