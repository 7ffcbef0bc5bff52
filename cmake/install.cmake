# Filled in a later step.
