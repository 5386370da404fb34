"""What launch.py does before the program itself can run; standard library only, knows no app."""
