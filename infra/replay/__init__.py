"""A recorded session again: at its pace, or its subjects published."""
