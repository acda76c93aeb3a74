"""How much recurrence is good: what independent judges say of pages by how often they recur, and weights from it."""
