from skypile.cli import main

main()
