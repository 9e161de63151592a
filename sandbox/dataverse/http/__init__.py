"""The Web API: what a request means, and how the answer is put."""
