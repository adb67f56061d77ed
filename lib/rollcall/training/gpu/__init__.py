"""What only a GPU needs: recorded steps, layouts measured in processes of their own, failures."""
